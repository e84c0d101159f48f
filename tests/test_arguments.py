"""A walk of the public API: no wrong argument passes unseen or unnamed.

Each argument of each public function gets wrong types, values out of range,
and tensors of wrong shapes, types and values. An error has to name the
argument; where there is none, the result has to be finite numbers.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import neural_odes as lib
from neural_odes import attack, nets
from neural_odes.data.systems import lorenz
from neural_odes_lab import data

X = torch.linspace(-1, 1, 8).reshape(4, 2)
Y = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
S = torch.tensor([0.0, 0.5, 1.0])
EULER = lib.Solver("euler", step_size=0.5)


def model(**settings: Any) -> lib.NeuralODE:
    return nets.seeded(
        lambda: lib.NeuralODE(
            lib.mlp(2, 4, 2),
            readout=nn.Linear(2, 1),
            solver=EULER,
            **settings,
        ),
        0,
    )


def bare() -> lib.NeuralODE:
    return nets.seeded(lambda: lib.NeuralODE(lib.mlp(2, 4, 2), solver=EULER), 0)


@dataclass
class Case:
    """A call that is right, whose arguments are replaced one at a time.

    Attributes:
        call: what is called.
        right: its arguments.
        also: what an error may name in an argument's place.
    """

    call: Callable[..., Any]
    right: Callable[[], dict[str, Any]]
    also: dict[str, str] = field(default_factory=dict)


def solved(**arguments: Any) -> torch.Tensor:
    """The output of a model of these arguments."""
    return lib.NeuralODE(**arguments)(X)


def within(part: str, kind: Any) -> Callable[..., torch.Tensor]:
    """The output of a model with a part of this kind."""

    def call(**arguments: Any) -> torch.Tensor:
        parts = {"field": lib.mlp(2, 4, 2), "solver": EULER}
        return solved(**{**parts, part: kind(**arguments)})

    return call


def applied(kind: Any, x: torch.Tensor = X) -> Callable[..., torch.Tensor]:
    """What something of this kind makes of x."""
    return lambda **arguments: kind(**arguments)(x)


def trained(penalty: Any) -> Callable[..., Any]:
    """A training with a penalty."""
    return lambda **arguments: lib.fit(
        *(model(), X, Y),
        epochs=1,
        progress=False,
        penalty=penalty(**arguments),
    )


CASES = {
    "NeuralODE": Case(
        solved,
        lambda: {
            "field": lib.mlp(2, 4, 2),
            "lift": nn.Identity(),
            "depth": 1.0,
            "control": nn.Identity(),
            "readout": nn.Identity(),
            "running": lib.kinetic_energy,
            "solver": EULER,
        },
    ),
    "NeuralODE.solve": Case(
        lambda **a: model().solve(**a),
        lambda: {"x": X, "s": S, "beyond": False},
    ),
    "Solver": Case(
        lib.Solver,
        lambda: {
            "method": "dopri5",
            "rtol": 1e-4,
            "atol": 1e-4,
            "adjoint": False,
            "max_steps": 100,
            "max_step": 0.5,
            "error_norm": "batch",
            "backend": "own",
            "options": None,
        },
    ),
    "Solver, fixed steps": Case(
        lib.Solver, lambda: {"method": "rk4", "step_size": 0.1}
    ),
    "integrate": Case(
        lib.integrate,
        lambda: {
            "field": lambda s, z: -z,
            "z0": X,
            "s": S,
            "solver": EULER,
            "jumps": (0.25,),
            "max_step": 0.5,
        },
        also={"z0": "state"},
    ),
    "mlp": Case(
        lambda first, **a: lib.mlp(first, 3, **a),
        lambda: {"first": 2, "activation": nn.Tanh, "last": nn.Tanh},
        also={"first": "sizes"},
    ),
    "seeded": Case(lib.seeded, lambda: {"make": nn.Identity, "seed": 0}),
    "GraphConv": Case(
        applied(nets.GraphConv, torch.ones(3, 2)),
        lambda: {"inputs": 2, "outputs": 1, "adjacency": torch.ones(3, 3)},
    ),
    **{
        name: Case(
            applied(getattr(lib, name), S),
            lambda: {"size": 3, "domain": (0.0, 1.0)},
        )
        for name in ("Fourier", "Chebyshev", "Polynomial", "PiecewiseConstant")
    },
    "Galerkin": Case(
        within("field", lib.Galerkin),
        lambda: {"module": lib.mlp(2, 4, 2), "basis": lib.Fourier(3)},
    ),
    **{
        name: Case(
            within("field", getattr(lib, name)),
            lambda: {"module": lib.mlp(2, 4, 2), "hidden": 3},
        )
        for name in ("Hypernetwork", "HypernetworkODE")
    },
    "DepthConcat": Case(
        within("field", lib.DepthConcat), lambda: {"module": lib.mlp(3, 4, 2)}
    ),
    "DataControlled": Case(
        within("field", lib.DataControlled),
        lambda: {"module": lib.mlp(4, 4, 2), "embed": nn.Identity(), "dim": 1},
        also={"dim": "x"},  # joined elsewhere, it does not fit the module
    ),
    "LinearControl": Case(lib.LinearControl, lambda: {"theta": 1.0}),
    "LinearControl.bound": Case(
        lambda **a: lib.LinearControl.bound(**a).clamp_min(0),  # -inf at 0
        lambda: {"x": X, "eps": 0.1},
    ),
    "AdaptiveDepth": Case(
        within("depth", lib.AdaptiveDepth),
        lambda: {"module": 2, "hidden": 3},
        also={"module": "x"},  # of so many features
    ),
    "ZeroAugment": Case(applied(lib.ZeroAugment), lambda: {"n": 2, "dim": 1}),
    "InputLayer": Case(
        applied(lib.InputLayer),
        lambda: {"module": nn.Linear(2, 3), "keep": True, "dim": 1},
    ),
    "HigherOrder": Case(
        within("field", lib.HigherOrder),
        lambda: {"field": nn.Linear(2, 1), "order": 2, "size": 1, "dim": 1},
        also={"order": "z", "size": "z|field", "dim": "field"},
    ),
    "PartialReadout": Case(
        applied(lib.PartialReadout),
        lambda: {"readout": nn.Identity(), "stop": 1, "start": 0, "dim": 1},
        also={"stop": "z"},
    ),
    "fixed_point": Case(trained(lib.fixed_point), lambda: {"strength": 0.1}),
    "steady_state": Case(trained(lib.steady_state), lambda: {"strength": 0.1}),
    "lyapunov_exponent": Case(
        lib.lyapunov_exponent,
        lambda: {
            "model": bare(),
            "x": X,
            "radius": 1e-3,
            "perturbations": 2,
            "depths": 3,
            "seed": 0,
            "chunk": 3,
        },
    ),
    "renormalised_exponent": Case(
        lib.renormalised_exponent,
        lambda: {
            "model": bare(),
            "x": X,
            "radius": 1e-3,
            "pieces": 3,
            "align": 1,
            "seed": 0,
        },
    ),
    "lyapunov_spectrum": Case(
        lib.lyapunov_spectrum,
        lambda: {
            "model": bare(),
            "x": X,
            "pieces": 3,
            "align": 1,
            "count": 2,
            "seed": 0,
        },
    ),
    "finite_time_exponents": Case(
        lib.finite_time_exponents,
        lambda: {"model": bare(), "x": X, "chunk": 3},
    ),
    "pgd": Case(
        lib.pgd,
        lambda: {
            "model": model(),
            "x": X,
            "y": Y,
            "radius": 0.1,
            "norm": "l2",
            "steps": 2,
            "step_size": 0.1,
            "loss": attack.wrong_side,
            "seed": 0,
        },
        also={"x": "y"},  # which has to fit it
    ),
    "accuracy_under_attack": Case(
        attack.accuracy_under_attack,
        lambda: {
            "model": model(),
            "x": X,
            "y": Y,
            "radius": 0.1,
            "norm": "linf",
            "restarts": 1,
        },
        also={"x": "y"},  # which has to fit it
    ),
    "accuracy": Case(
        lib.accuracy,
        lambda: {"model": model(), "x": X, "y": Y},
        also={"x": "y"},
    ),
    "fit": Case(
        lib.fit,
        lambda: {
            "models": model(),
            "x": X,
            "y": Y,
            "epochs": 1,
            "lr": 0.1,
            "weight_decay": 0.1,
            "optimizer": "adam",
            "loss": nn.functional.mse_loss,
            "depths": None,
            "batch_size": 2,
            "seed": 0,
            "penalty": lib.fixed_point(0.1),
            "progress": False,
            "callback": lambda epoch, models, row: False,
        },
        also={"x": "y", "depths": "y|s"},  # which have to fit it
    ),
    "crossing": Case(lib.crossing, lambda: {"samples": 4}),
    "nested_spheres": Case(
        lib.nested_spheres,
        lambda: {
            "samples": 4,
            "dim": 2,
            "radii": (0.5, 1.0, 1.5),
            "noise": 0.1,
            "seed": 0,
        },
    ),
    "half_moons": Case(
        lib.half_moons, lambda: {"samples": 4, "noise": 0.1, "seed": 0}
    ),
    "digits": Case(
        data.digits, lambda: {"split": "test", "test": 4, "seed": 0}
    ),
}
NOT_CALLED = {
    "Basis": "a protocol",
    "History": "a result",
    "JointField": "a base class",
    "Solution": "a result",
    "SolverError": "an error",
    "TrainingError": "an error",
}


FUNCTIONS = {
    *("field", "lift", "depth", "readout", "module", "embed", "make"),
    *("activation", "last", "model", "loss", "penalty", "optimizer"),
    *("callback", "control", "running"),
}
"""Arguments that are called: what such a function raises is passed on."""


def tensors() -> st.SearchStrategy[torch.Tensor]:
    shapes = [(), (0,), (4,), (0, 2), (4, 1), (4, 3), (3, 2), (4, 2, 2)]
    floating = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
    others = [torch.int64, torch.bool, torch.complex64]
    values = [0.0, 1.0, -1.0, 0.5, math.nan, math.inf]
    return st.builds(
        lambda shape, kind, value: torch.full(shape, value).to(kind),
        st.sampled_from(shapes),
        st.sampled_from(floating + others),
        st.sampled_from(values),
    )


NUMBERS = [-3, -1, 0, 1, 2, 6, -(2**70), -1.0, 0.0, 0.5, 1e-30, 1 + 1j]
NAMES = [None, True, False, "", "text", b"bytes", object()]
LISTS = [[], {}, (), (1.0, 0.0), (math.nan, 1.0), [1, 2, 3]]
CALLABLES = [print, int, nn.Linear, nn.Linear(5, 5), nn.BatchNorm1d(2), lorenz]
NOT_FINITE = [math.nan, math.inf, -math.inf]
ANYTHING = tensors() | st.sampled_from(
    [*NUMBERS, *NAMES, *LISTS, *CALLABLES, *NOT_FINITE]
)
REFUSED = (TypeError, ValueError, lib.SolverError, lib.TrainingError)


def finite_numbers(result: Any) -> bool:
    if isinstance(result, torch.Tensor):
        return bool(torch.isfinite(result).all())
    if isinstance(result, lib.Solution):
        return finite_numbers(result.z)
    if isinstance(result, tuple | list):
        return all(map(finite_numbers, result))
    return not isinstance(result, float) or math.isfinite(result)


@pytest.mark.parametrize("title", CASES)
def test_calls_are_right_as_they_stand(title):
    case = CASES[title]
    assert finite_numbers(case.call(**case.right()))


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{title}-{name}")
        for title, case in CASES.items()
        for name in case.right()
    ],
)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(value=ANYTHING)
def test_errors_name_the_argument(case, name, value):
    if callable(value) and name in FUNCTIONS:
        return
    names = {name, *case.also.get(name, name).split("|")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = case.call(**{**case.right(), name: value})
        except REFUSED as error:
            named = set(re.findall(r"\w+", str(error))) & names
            where = f"{name}={value!r}: {type(error).__name__}: {error}"
        else:
            named = finite_numbers(result)
            where = f"{name}={value!r} gives {result}"
    assert named, where


def test_the_walk_knows_every_public_function():
    walked = {re.split(r"[.,]", title)[0] for title in CASES}
    assert set(lib.__all__) - walked == {
        *("Basis", "History", "JointField", "METHODS"),  # not called
        *("Solution", "SolverError", "TrainingError"),
        *("divergence", "jacobian_norm", "kinetic_energy"),  # by models
    }
    left_out = {"sizes", "step_size", "checkpoint", "params", "norm"}
    for title, case in CASES.items():
        if title in lib.__all__:
            known = inspect.signature(getattr(lib, title)).parameters
            assert set(known) - set(case.right()) <= left_out
