"""Neural ODEs, dissected: one equation, each variant a small wrapper.

See *Dissecting Neural ODEs* (Massaroli, Poli et al., 2020). Start with
:class:`NeuralODE`; the other modules follow the paper's sections.
"""

from neural_odes.attack import pgd
from neural_odes.augment import HigherOrder, InputLayer, Visible, ZeroAugment
from neural_odes.bases import (
    Basis,
    Chebyshev,
    Fourier,
    PiecewiseConstant,
    Polynomial,
)
from neural_odes.chaos import (
    finite_time_exponents,
    lyapunov_exponent,
    lyapunov_spectrum,
    renormalised_exponent,
)
from neural_odes.control import AdaptiveDepth, DataControlled, LinearControl
from neural_odes.data import crossing, half_moons, nested_spheres
from neural_odes.depth import (
    DepthConcat,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
)
from neural_odes.nets import mlp, seeded
from neural_odes.ode import JointField, NeuralODE
from neural_odes.regularize import fixed_point, steady_state
from neural_odes.solver import Solution, Solver, SolverError, integrate
from neural_odes.training.fit import History, TrainingError, accuracy, fit

__version__ = "0.1.0"

__all__ = [
    "AdaptiveDepth",
    "Basis",
    "Chebyshev",
    "DataControlled",
    "DepthConcat",
    "Fourier",
    "Galerkin",
    "HigherOrder",
    "History",
    "Hypernetwork",
    "HypernetworkODE",
    "InputLayer",
    "JointField",
    "LinearControl",
    "NeuralODE",
    "PiecewiseConstant",
    "Polynomial",
    "Solution",
    "Solver",
    "SolverError",
    "TrainingError",
    "Visible",
    "ZeroAugment",
    "accuracy",
    "crossing",
    "finite_time_exponents",
    "fit",
    "fixed_point",
    "half_moons",
    "integrate",
    "lyapunov_exponent",
    "lyapunov_spectrum",
    "mlp",
    "nested_spheres",
    "pgd",
    "renormalised_exponent",
    "seeded",
    "steady_state",
]
