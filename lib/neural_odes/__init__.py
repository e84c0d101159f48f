"""Neural ODEs, dissected: one equation, each variant a small wrapper.

See *Dissecting Neural ODEs* (Massaroli, Poli et al., 2020). Start with
:class:`NeuralODE`; the other modules follow the paper's sections.
"""

from neural_odes.nets import mlp, seeded
from neural_odes.ode import JointField, NeuralODE
from neural_odes.solver import Solution, Solver, SolverError, integrate

__version__ = "0.1.0"

__all__ = [
    "JointField",
    "NeuralODE",
    "Solution",
    "Solver",
    "SolverError",
    "integrate",
    "mlp",
    "seeded",
]
