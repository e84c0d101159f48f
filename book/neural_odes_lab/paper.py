"""What the paper claims, in its order, and where the book judges it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from neural_odes_lab.judges import Claim

Proof = Literal["", "proved", "refuted"]
ALL: Collection[str] = ("all",)
"""Every claim of a study, however many its settings make."""


@dataclass(frozen=True)
class PaperClaim:
    """A claim of the paper, as we read it.

    Attributes:
        sentence: what it says.
        place: where.
        page: of the book, with the heading.
        judged: by study, the ids of its claims that measure this one, or ALL.
            Without any it was not measured.
        proof: whether the book proves it, or proves it wrong.
        note: what a reader should know beside the verdicts.
    """

    sentence: str
    place: str
    page: str
    judged: Mapping[str, Collection[str]] = field(default_factory=dict)
    proof: Proof = ""
    note: str = ""

    def names(self, study: str, claim: Claim) -> bool:
        """Whether a study's claim measures this one."""
        ids = self.judged.get(study, ())
        return ids is ALL or claim.id in ids


PENALTIES = ("fixed-point", "steady-state", "kinetic-energy", "jacobian-norm")
SENSITIVE = ("boundary", "beyond", "attacks", "noise")
PENALISED = (*PENALTIES[:2], "concat-fixed-point")
STRENGTHS = ("0.01", "0.03", "0.1", "0.3", "1")


def _each(what: tuple[str, ...], whose: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{one}-{name}" for name in whose for one in what)


PAPER = (
    PaperClaim(
        "A residual network takes Euler steps of a Neural ODE.",
        "section 2, equations 1-2",
        "background.html#a-residual-network-takes-euler-steps",
        {"background.euler": ALL},
    ),
    PaperClaim(
        "Training needs small numerical errors in the gradient, so "
        "backpropagation through the solver is the better way to compute it.",
        "section 2",
        "gradients.html#two-ways-to-a-gradient",
        {"background.gradients": ALL, "augmentation.adjoint": ALL},
        note="It depends on the tolerance: on images, where f has ReLU, the "
        "adjoint is the more accurate one at the tightest.",
    ),
    PaperClaim(
        "The number of parameters is linear in m and in theta's size for "
        "GalNODEs, polynomial in theta's size for hypernetworks.",
        "section 3, equations 5-7",
        "anatomy.html#what-the-freedom-costs",
        {"anatomy.parameters": ALL},
    ),
    PaperClaim(
        "Weights that vary with depth make a Neural ODE more expressive.",
        "section 3, equations 5-7",
        "anatomy.html#what-the-freedom-costs",
        {"anatomy.depth_variants": ALL},
        note="Controls: a vanilla field with as many parameters, and a "
        "learning rate for each model, chosen on other seeds; at those rates "
        "every comparison is undecided.",
    ),
    PaperClaim(
        "A basis is defined on a fixed domain and is rescaled if depth runs "
        "elsewhere.",
        "section 3, footnote 2",
        "anatomy.html#which-functions",
        note="A convention, which the library follows: every basis takes its "
        "domain.",
    ),
    PaperClaim(
        "Neural ODEs are in general not universal approximators; with an "
        "augmented state they are.",
        "section 3, equation 8",
        "anatomy.html#what-a-flow-cannot-represent",
        {"anatomy.augmented_field": ALL},
        "proved",
        "In the sup norm. In the Lᵖ norm, in two or more dimensions, flows "
        "are universal under mild conditions.",
    ),
    PaperClaim(
        "Models with tanh or ELU as the field's last activation do best; "
        "sigmoid, ReLU and softplus push one way only.",
        "section 3, figures 2 and 8",
        "anatomy.html#mind-your-activation",
        {"anatomy.activations": ALL},
        note="Control: a fixed readout, which cannot change its sign.",
    ),
    PaperClaim(
        "Input-layer augmentation is consistently best in accuracy and in "
        "evaluations.",
        "section 4, table 1",
        "augmentation.html#images-the-table",
        {"augmentation.table1": ("il-node-accuracy", "il-node-nfe")},
        note="Measured on scikit-learn's digits and on a part of MNIST, not on "
        "all of MNIST as in the paper.",
    ),
    PaperClaim(
        "Second order is most accurate per parameter.",
        "section 4, table 1",
        "augmentation.html#images-the-table",
        {"augmentation.table1": ("second-order-per-parameter",)},
    ),
    PaperClaim(
        "The vanilla model converges without spikes in loss or evaluations.",
        "section 4, figure 9",
        "augmentation.html#images-the-table",
        {"augmentation.table1": ("vanilla-spikes",)},
    ),
    PaperClaim(
        "Second-order models learn simple flows that are not stiff, with fewer "
        "parameters.",
        "section 4, figures 10 and 11",
        "augmentation.html#nested-spheres-with-two-more-states",
        {"augmentation.flows": ("parameters", "nfe", "length", "bending")},
    ),
    PaperClaim(
        "On a line two trajectories never cross, so no shared flow learns the "
        "reflection.",
        "section 5, figure 12",
        "dimensionality.html#on-a-line-nothing-passes",
        {
            "dimensionality.crossing": (
                "depth-invariant-16",
                "depth-invariant-32",
                "concat-16",
                "concat-32",
                "galnode",
            ),
            "dimensionality.adaptive_depth": ("fixed", "one-trained-depth"),
        },
        "proved",
    ),
    PaperClaim(
        "For every eps a linear, data-controlled equation reflects the line to "
        "within eps.",
        "section 5, theorem 1",
        "dimensionality.html#a-field-that-knows-where-it-started",
        {"dimensionality.theorem1": ALL},
        "proved",
        "The proof takes x other than 0; at 0 the claim is immediate.",
    ),
    PaperClaim(
        "Data-controlled models learn the reflection.",
        "section 5, figures 3 and 13",
        "dimensionality.html#the-general-case",
        {"dimensionality.crossing": ("linear", "data-controlled")},
    ),
    PaperClaim(
        "A separate depth for each input lets trajectories pass, too.",
        "section 5, equation 18, figures 4 and 14",
        "dimensionality.html#a-depth-of-one-s-own",
        {"dimensionality.adaptive_depth": ("by-hand", "learned")},
    ),
    PaperClaim(
        "From two dimensions on, trajectories of depth-varying systems may "
        "cross in state space.",
        "section 5",
        "dimensionality.html#in-the-plane-there-is-room",
        {"dimensionality.nested_spheres": ("crossings",)},
    ),
    PaperClaim(
        "So depth-variant models solve nested spheres without augmentation.",
        "section 5",
        "dimensionality.html#in-the-plane-there-is-room",
        proof="refuted",
        note="Lemma No islands: a shared flow maps starts to ends without "
        "tearing, whether its field varies with depth or not. Finite data are "
        "fitted through a channel.",
    ),
    PaperClaim(
        "Data control extrapolates best, with the fewest evaluations.",
        "section 5, figures 5 and 15 to 17",
        "dimensionality.html#extrapolation-measured",
        {
            "dimensionality.nested_spheres": (
                "rings-best",
                "gap-best",
                "evaluations-fewest",
            ),
            "dimensionality.layers": (
                "data-controlled-network",
                "data-controlled-euler",
            ),
        },
        note="Control: the same network without a flow, or with one Euler "
        "step, does as well or slightly better. The flow adds nothing there.",
    ),
    PaperClaim(
        "Depth-variant models fit the training data best, with less precise "
        "boundaries.",
        "section 5, figures 5 and 15 to 17",
        "dimensionality.html#extrapolation-measured",
        {"dimensionality.nested_spheres": ("fit-best", "boundaries")},
    ),
    PaperClaim(
        "Depth-invariant models squeeze through gaps, at a significant cost in "
        "evaluations.",
        "section 5, figures 5 and 15 to 17",
        "dimensionality.html#extrapolation-measured",
        {"dimensionality.nested_spheres": ("evaluations-most",)},
    ),
    PaperClaim(
        "Covering a sphere takes exponentially many points in its dimension.",
        "section 5",
        "dimensionality.html#in-many-dimensions-the-obstruction-fades",
        {"dimensionality.cover": ALL},
        note="For radii below the square root of 2.",
    ),
    PaperClaim(
        "So the limits of depth-invariant models are mild in high dimension.",
        "section 5",
        "dimensionality.html#in-many-dimensions-the-obstruction-fades",
        {
            "dimensionality.spheres_by_dimension": ALL,
            "dimensionality.points": ALL,
        },
    ),
    PaperClaim(
        "Behind an input network the flow is superfluous.",
        "section 5, figure 6",
        "dimensionality.html#when-the-flow-has-nothing-to-do",
        {"dimensionality.input_network": ALL},
        note="Control: the same network trained without the flow.",
    ),
    PaperClaim(
        "No autonomous flow in the plane is chaotic.",
        "section 6",
        "chaos.html#how-fast-does-a-difference-grow",
        proof="proved",
        note="A theorem of Poincaré and Bendixson, not proved here.",
    ),
    PaperClaim(
        "Algorithm 1 estimates the largest exponent, and underestimates it "
        "when S is too large.",
        "section 6, algorithm 1",
        "chaos.html#three-estimators",
        {"chaos.saturation": ALL},
        note="Control: estimators that renormalise reproduce the published "
        "exponents; they are judged separately below.",
    ),
    PaperClaim(
        "Exponents of unregularised models exceed those of well-known chaotic "
        "systems, such as Lorenz's.",
        "section 6, figure 7",
        "chaos.html#beside-lorenz",
        {
            "chaos.figure7": _each(
                ("lorenz", "lorenz-turnover", "lorenz-largest"),
                ("depth-invariant", "concat"),
            )
        },
        note="Control: Lorenz's system measured over as many turnovers. Per "
        "turnover the verdict depends on the training: at a smaller learning "
        "rate and with the same number of epochs, the mean exponent exceeds "
        "Lorenz's in most settings.",
    ),
    PaperClaim(
        "Regularised models have smaller exponents and errors that do not "
        "diverge.",
        "section 6, equations 20 and 21, figure 7",
        "chaos.html#two-penalties",
        {
            "chaos.figure7": _each(("exponent", "growing", "peak"), PENALISED),
            "chaos.penalties": _each(("exponent",), PENALTIES[2:]),
            "chaos.strength": _each(("exponent",), STRENGTHS),
        },
        note="Exponents are a matter of gauge: states rescaled along the "
        "depth, with a readout rescaled to match, are the same classifier "
        "with every exponent shifted.",
    ),
    PaperClaim(
        "Stability makes models less sensitive to perturbations.",
        "section 6",
        "chaos.html#is-a-calm-model-a-robust-one",
        {
            "chaos.figure7": _each(("attacks", "noise"), PENALISED[2:]),
            "chaos.penalties": _each(SENSITIVE, (*PENALTIES, "spectral-norm")),
            "chaos.strength": _each(("attacks",), STRENGTHS),
        },
        note="Control: the unpenalised model of the same seed, another "
        "solver's gradients, an attack without gradients, and the distance to "
        "the boundary, which holds whatever an attack misses.",
    ),
)
"""Section by section. What no entry names is a control of the book's own."""
