"""Every figure and claim of the book as a function of its settings.

``EXPERIMENTS`` maps a name to an :class:`Experiment`; run one from the command
line (``python -m neural_odes run NAME``) or call it::

    one = EXPERIMENTS["background.euler"]
    outcome = one.run(one.quick, seeds=range(one.quick_seeds))
"""

from collections.abc import Mapping
from types import MappingProxyType

from neural_odes.lab.experiments import (
    activations,
    adjoint,
    anatomy,
    augmented,
    augmented_flows,
    background,
    by_dimension,
    cover,
    estimators,
    graphs,
    images,
    inputs,
    reflection,
    solvers,
    spheres,
    stability,
    theorem,
)
from neural_odes.lab.experiments.registry import Experiment

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "background.euler": Experiment(
            background.euler,
            background.Euler,
            quick=background.Euler(samples=128, epochs=100),
            summary="distance of an Euler network of L layers to its flow",
            paper="section 2, equations 1-2",
        ),
        "background.solvers": Experiment(
            solvers.solvers,
            solvers.Solvers,
            quick=solvers.Solvers(
                samples=128,
                epochs=100,
                steps=(4, 8, 16, 32, 64),
                tolerances=(1e-2, 1e-4, 1e-6),
            ),
            summary="error against function evaluations, for every method",
            paper="section 2",
            quick_seeds=1,
        ),
        "background.gradients": Experiment(
            background.gradients,
            background.Gradients,
            quick=background.Gradients(
                samples=128, epochs=100, tolerances=(1e-2, 1e-4, 1e-6)
            ),
            summary="error of the gradient by backpropagation and by adjoint",
            paper="section 2",
        ),
        "anatomy.activations": Experiment(
            activations.activations,
            activations.Activations,
            quick=activations.Activations(
                hidden=("tanh",), readouts=("linear",), samples=128, epochs=60
            ),
            summary="half-moons with five activations after f's last layer",
            paper="section 3, figures 2 and 8",
        ),
        "anatomy.parameters": Experiment(
            anatomy.parameters,
            anatomy.Parameters,
            quick=anatomy.Parameters(),
            summary="parameters of GalNODE and hypernetwork over their sizes",
            paper="section 3, equations 5-7",
            quick_seeds=1,
        ),
        "anatomy.weights": Experiment(
            anatomy.weights,
            anatomy.Weights,
            quick=anatomy.Weights(samples=128, epochs=100),
            summary="theta(s) that a trained GalNODE learned",
            paper="section 3, equations 6-7",
        ),
        "anatomy.depth_variants": Experiment(
            anatomy.depth_variants,
            anatomy.DepthVariants,
            quick=anatomy.DepthVariants(samples=128, epochs=60, lr=0.01),
            summary="nested spheres with each way that depth can enter",
            paper="section 3, equations 4-7",
        ),
        "anatomy.augmented_field": Experiment(
            augmented.augmented_field,
            augmented.AugmentedField,
            quick=augmented.AugmentedField(samples=200),
            summary="error of the augmented field that reproduces f",
            paper="section 3, equation 8",
        ),
        "augmentation.table1": Experiment(
            images.table1,
            images.Table1,
            quick=images.Table1(
                samples=300, channels=16, epochs=8, batch_size=32
            ),
            summary="accuracy and cost of four augmentations on digits",
            paper="section 4, table 1, figure 9",
            quick_seeds=1,
        ),
        "augmentation.flows": Experiment(
            augmented_flows.flows,
            augmented_flows.Flows,
            quick=augmented_flows.Flows(samples=128, epochs=60),
            summary="nested spheres with two added states, in five ways",
            paper="section 4, figures 10 and 11",
        ),
        "augmentation.widths": Experiment(
            augmented_flows.widths,
            augmented_flows.Widths,
            quick=augmented_flows.Widths(
                samples=128, epochs=60, extra=(0, 2, 8)
            ),
            summary="cost and fit over the number of added states",
            paper="section 4",
        ),
        "augmentation.graph": Experiment(
            graphs.club,
            graphs.Club,
            quick=graphs.Club(epochs=60),
            summary="the karate club with and without added features",
            paper="section 4, graphs",
        ),
        "augmentation.adjoint": Experiment(
            adjoint.adjoint,
            adjoint.Adjoint,
            quick=adjoint.Adjoint(
                samples=200,
                channels=8,
                epochs=2,
                tolerances=(1e-2, 1e-3, 1e-5),
                steps=(2, 8, 32),
            ),
            summary="gradient, cost and memory of the adjoint on images",
            paper="section 4, table 1 (trained by the adjoint)",
            quick_seeds=1,
        ),
        "dimensionality.theorem1": Experiment(
            theorem.theorem1,
            theorem.Theorem1,
            quick=theorem.Theorem1(thetas=20, epochs=200),
            summary="error of the linear model over theta, and its bound",
            paper="section 5, theorem 1",
            quick_seeds=1,
        ),
        "dimensionality.crossing": Experiment(
            reflection.crossing,
            reflection.Crossing,
            quick=reflection.Crossing(
                epochs=100,
                models=("depth-invariant 16", "linear", "data-controlled"),
            ),
            summary="who learns the reflection of a line",
            paper="section 5, figures 3, 12 and 13",
            quick_seeds=1,
        ),
        "dimensionality.adaptive_depth": Experiment(
            reflection.adaptive_depth,
            reflection.Adaptive,
            quick=reflection.Adaptive(epochs=150),
            summary="the reflection with a depth for each input",
            paper="section 5, equation 18, figures 4 and 14",
            quick_seeds=1,
        ),
        "dimensionality.nested_spheres": Experiment(
            spheres.nested_spheres,
            spheres.NestedSpheres,
            quick=spheres.NestedSpheres(samples=128, epochs=60),
            summary="fit, extrapolation and crossings on nested 2-spheres",
            paper="section 5, figures 5 and 15 to 17",
        ),
        "dimensionality.spheres_by_dimension": Experiment(
            by_dimension.spheres_by_dimension,
            by_dimension.ByDimension,
            quick=by_dimension.ByDimension(
                samples=128, epochs=60, dims=(1, 2, 5)
            ),
            summary="the depth-invariant model in n = 1 to 20 dimensions",
            paper="section 5",
        ),
        "dimensionality.cover": Experiment(
            cover.cover,
            cover.Cover,
            quick=cover.Cover(),
            summary="how many points cover a sphere in n dimensions",
            paper="section 5",
        ),
        "dimensionality.input_network": Experiment(
            inputs.input_network,
            inputs.InputNetwork,
            quick=inputs.InputNetwork(samples=128, epochs=60),
            summary="what an input network leaves for the flow to do",
            paper="section 5, figure 6",
        ),
        "chaos.estimators": Experiment(
            estimators.estimators,
            estimators.Estimators,
            quick=estimators.Estimators(
                samples=4, span=30.0, spans=(1.0, 5.0, 20.0), radii=(1e-4,)
            ),
            summary="Lyapunov exponents of systems where they are known",
            paper="section 6, algorithm 1",
            quick_seeds=1,
        ),
        "chaos.figure7": Experiment(
            stability.figure7,
            stability.Stability,
            quick=stability.Stability(samples=64, epochs=60, fresh=100),
            summary="exponents, penalties and attacks on nested 3-spheres",
            paper="section 6, equations 20 and 21, figure 7",
            quick_seeds=1,
        ),
        "chaos.strength": Experiment(
            stability.strength,
            stability.Strength,
            quick=stability.Strength(
                samples=64, epochs=60, fresh=100, strengths=(0.0, 0.1, 1.0)
            ),
            summary="what the penalty (21) costs and buys over its strength",
            paper="section 6, equation 21",
            quick_seeds=1,
        ),
    }
)

__all__ = ["EXPERIMENTS", "Experiment"]
