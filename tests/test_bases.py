"""Bases against their closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neural_odes import Chebyshev, Fourier, PiecewiseConstant, Polynomial

KINDS = [Fourier, Chebyshev, Polynomial, PiecewiseConstant]


def fourier(j, u):
    turn = 2 * math.pi * math.ceil(j / 2) * u
    return math.sin(turn) if j and j % 2 == 0 else math.cos(turn)


def piece(j, u, size):
    return float(min(max(math.floor(u * size), 0), size - 1) == j)


CLOSED = {
    Fourier: lambda j, u, size: fourier(j, u),
    Chebyshev: lambda j, u, size: math.cos(
        j * math.acos(max(-1.0, min(1.0, 2 * u - 1)))
    ),
    Polynomial: lambda j, u, size: u**j,
    PiecewiseConstant: piece,
}


@pytest.mark.parametrize("kind", KINDS)
@given(
    size=st.integers(1, 9),
    u=st.floats(0, 1),
    domain=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 3.0)]),
)
def test_closed_forms(kind, size, u, domain):
    first, last = domain
    s = torch.tensor(first + u * (last - first), dtype=torch.float64)
    u = float((s - first) / (last - first))
    got = kind(size, domain=domain)(s)
    want = [CLOSED[kind](j, u, size) for j in range(size)]
    assert got.shape == (size,)
    torch.testing.assert_close(
        got, torch.tensor(want, dtype=torch.float64), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_shapes_and_types_are_kept(kind, dtype, shape):
    values = kind(4)(torch.rand(shape, dtype=dtype))
    assert values.shape == (*shape, 4)
    assert values.dtype == dtype


def test_one_fourier_function_is_the_constant():
    s = torch.linspace(-2, 2, 9)
    assert torch.equal(Fourier(1)(s), torch.ones(9, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_depths_may_be_mapped_over_one_by_one(kind, size):
    s = torch.rand(6, dtype=torch.float64)
    torch.testing.assert_close(torch.vmap(kind(size))(s), kind(size)(s))


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments_are_named(kind):
    for size in (0, -1, 2.5):
        with pytest.raises((TypeError, ValueError), match="size must"):
            kind(size)
    for domain in ((1.0, 0.0), (0.0, 0.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match="domain must"):
            kind(3, domain=domain)
