"""Penalties: what each does, and what the paper's second does by strength."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neural_odes_lab.config import NonNegative, option
from neural_odes_lab.judges import Claim, above, all_of, below, slug
from neural_odes_lab.studies.stability import (
    CAPPED,
    COSTS,
    FIXED,
    PLAIN,
    QUICK,
    STEADY,
    WORDS,
    Kind,
    Stability,
    measured,
    sentence,
)
from neural_odes_lab.study import Row, study
from neural_odes_lab.verdicts import FIRST_LOOK, FITTED

LOOKED_AT = ("boundary", "beyond", "attacks")
"""What the first seeds had shown before these claims were made."""

EFFECTS = {
    "exponent": (
        "makes exponents smaller",
        lambda name: below("exponent", name, PLAIN),
    ),
    "evaluations": (
        "saves evaluations",
        lambda name: below("nfe", name, PLAIN),
    ),
    "boundary": (
        "moves the boundary away from fresh points",
        lambda name: above("distance", name, PLAIN, ratio=True),
    ),
    "beyond": (
        "puts more points out of an attack's reach",
        lambda name: above("beyond", name, PLAIN),
    ),
    "attacks": (
        "raises accuracy under attacks of three kinds",
        lambda name: all_of(
            *(
                above(attack, name, PLAIN)
                for attack in ("attacked", "exchanged", "blind")
            )
        ),
    ),
    "noise": (
        "raises accuracy under noise",
        lambda name: above("noisy", name, PLAIN),
    ),
}
"""By id, what a penalty may do, and how it is judged."""


def _effects() -> Iterator[Claim]:
    for name in (FIXED, STEADY, *COSTS, CAPPED):
        for id_, (does, judge) in EFFECTS.items():
            if id_ == "exponent" and name in (FIXED, STEADY):
                continue  # judged with figure 7
            yield Claim(
                f"{id_}-{slug(name)}",
                sentence(name, does),
                judge(name),
                after=FIRST_LOOK if id_ in LOOKED_AT else 0,
            )


@study(
    "chaos.penalties",
    paper="section 6, equations 20 and 21, and penalties of later work",
    config=Stability,
    block=10,
    variants=(PLAIN, FIXED, STEADY, *COSTS, CAPPED),
    claims=tuple(_effects()),
    converged=FITTED,
    quick=QUICK,
    tiny={"dim": 2, "starts": 1},  # in the plane a boundary is found sooner
    words=WORDS,
)
def penalties(
    config: Stability, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Penalties and a cap: exponents, cost, the boundary and attacks.

    All fields are depth-invariant, f(z). Distances to the boundary are compared
    as ratios. Attacks are those of ``attacked``, ``exchanged`` and ``blind``.
    Claims about attacks and the boundary are judged over seeds from 20 on; the
    others had been looked at. Runs with a training accuracy below 95 % count as
    not converged: where leaving them out would change a verdict, it is
    undecided.
    """
    kind, strength = _kind(config, variant)
    return measured(config, kind, strength, seeds, device, robust=True)


def _kind(config: Stability, variant: str) -> tuple[Kind, float]:
    """A depth-invariant model by the name of its penalty, and its strength."""
    if variant in (PLAIN, CAPPED):
        return Kind(capped=variant == CAPPED), 0.0
    gentle = variant in COSTS
    return Kind(penalty=variant), config.gentle if gentle else config.strength


REPEATED = 100
"""Gains under attack that seeds before this one showed were not found again by
an independent measurement, so they are judged over others."""


@dataclass(frozen=True)
class Strength(Stability):
    """Settings of :data:`strength`."""

    strengths: tuple[NonNegative, ...] = option(
        (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
        "of the penalty (21), increasing from 0 (chosen)",
    )


def _by_strength(config: Strength) -> Sequence[Claim]:
    first, last = config.strengths[0], config.strengths[-1]
    return [
        *(
            Claim(
                f"exponent-{strength:g}",
                f"Exponents fall with a penalty of strength {strength:g}.",
                below("exponent", strength, first),
                after=FIRST_LOOK,
            )
            for strength in config.strengths[1:]
        ),
        *(
            Claim(
                f"attacks-{strength:g}",
                f"A penalty of strength {strength:g} raises accuracy under "
                "attack.",
                above("attacked", strength, first),
                after=REPEATED,
            )
            for strength in config.strengths[1:]
        ),
        Claim(
            "accuracy-cost",
            "The strongest penalty costs accuracy on fresh points.",
            below("fresh", last, first),
        ),
    ]


@study(
    "chaos.strength",
    paper="section 6, equation 21",
    config=Strength,
    block=10,
    variants=lambda config: config.strengths,
    claims=_by_strength,
    label="strength",
    quick={**QUICK, "strengths": (0.0, 0.1, 1.0)},
    tiny={"strengths": (0.0, 1.0)},
    words=WORDS,
)
def strength(
    config: Strength, variant: float, seeds: Sequence[int], device: str
) -> list[Row]:
    """What the penalty (21) costs and buys over its strength.

    All fields are depth-invariant, f(z), and trained with the fixed-point
    penalty (21) at each of ``strengths``; 0 is no penalty.
    """
    kind = Kind(penalty=FIXED if variant else "")
    return measured(config, kind, variant, seeds, device)
