"""Neural ODEs, dissected: one equation, each variant a small wrapper.

See *Dissecting Neural ODEs* (Massaroli, Poli et al., 2020). Which file answers
which question:

- ode, fields: what is a model, and what may be its field?
- initial_value, runge_kutta, adaptive_steps, solver: how is it solved?
- torchdiffeq_backend: what does torchdiffeq solve instead?
- members, training/ensemble: how do many models become one program?
- depth, bases (section 3); augment (4); control (5): what changes in a variant?
- chaos, regularize, attack (6): how do differences grow, what calms them?
- training/fit, loop, checkpoint, identity: how does it learn and resume?
- data, nets: what is it tried on?
"""

from neural_odes.attack import accuracy_under_attack, pgd
from neural_odes.augment import (
    HigherOrder,
    InputLayer,
    PartialReadout,
    ZeroAugment,
)
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
from neural_odes.fields import JointField
from neural_odes.initial_value import integrate
from neural_odes.nets import GraphConv, mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.regularize import (
    divergence,
    fixed_point,
    jacobian_norm,
    kinetic_energy,
    steady_state,
)
from neural_odes.solver import METHODS, Solution, Solver, SolverError
from neural_odes.training.fit import History, TrainingError, accuracy, fit

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "AdaptiveDepth",
    "Basis",
    "Chebyshev",
    "DataControlled",
    "DepthConcat",
    "Fourier",
    "Galerkin",
    "GraphConv",
    "HigherOrder",
    "History",
    "Hypernetwork",
    "HypernetworkODE",
    "InputLayer",
    "JointField",
    "LinearControl",
    "NeuralODE",
    "PartialReadout",
    "PiecewiseConstant",
    "Polynomial",
    "Solution",
    "Solver",
    "SolverError",
    "TrainingError",
    "ZeroAugment",
    "accuracy",
    "accuracy_under_attack",
    "crossing",
    "divergence",
    "finite_time_exponents",
    "fit",
    "fixed_point",
    "half_moons",
    "integrate",
    "jacobian_norm",
    "kinetic_energy",
    "lyapunov_exponent",
    "lyapunov_spectrum",
    "mlp",
    "nested_spheres",
    "pgd",
    "renormalised_exponent",
    "seeded",
    "steady_state",
]


def __dir__() -> list[str]:
    return __all__
