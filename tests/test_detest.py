"""The library's dopri5 on the DETEST problems: as torchdiffeq's, and right."""

import numpy as np
import pytest
import torch
from detest_problems import END, PROBLEMS, exact, problem

from neural_odes import Solver, integrate


@pytest.mark.parametrize("name", PROBLEMS)
def test_states_and_cost_are_torchdiffeqs_and_errors_fall(name):
    s = torch.tensor([0.0, END], dtype=torch.float64)
    truth, errors = exact(name), []
    for tolerance in (1e-3, 1e-5, 1e-7):
        (own, cost), (theirs, their_cost) = (
            integrate(
                *problem(name),
                s,
                solver=Solver(rtol=tolerance, atol=tolerance, backend=backend),
            )
            for backend in ("own", "torchdiffeq")
        )
        # Of C2 stability bounds the steps: rounding decides which are kept.
        near = 5 * tolerance if name == "C2" else tolerance / 1000
        torch.testing.assert_close(own, theirs, rtol=1e-6, atol=near)
        off = 0.1 * their_cost if name == "C2" else 0
        assert abs(cost - their_cost) <= off
        errors.append(np.abs(own[-1].numpy() - truth).max())
    assert errors[2] < 0.05 * errors[0]
    assert errors[2] < 1e-3
