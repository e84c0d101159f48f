"""Answers of readers, right and wrong: numbers and functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from neural_odes_lab import exercises
from neural_odes_lab.exercises import check, check_two_solutions


def test_an_open_question_computes_nothing(capsys):
    def truth():
        raise RuntimeError("computed before there was an answer")

    check(None, truth)
    assert "Not answered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "right"), [(40, True), (40.01, True), (41, False), (-40, False)]
)
def test_answers_are_judged_to_a_tolerance(answer, right, capsys):
    check(answer, lambda: 40)
    assert capsys.readouterr().out.startswith("Right" if right else "Not yet")


@pytest.mark.parametrize("answer", ["40", True, [40]])
def test_other_types_are_refused(answer):
    with pytest.raises(TypeError, match="answer must"):
        check(answer, 40)


def rk4(f, s, z, h):
    k1 = f(s, z)
    k2 = f(s + h / 2, z + h / 2 * k1)
    k3 = f(s + h / 2, z + h / 2 * k2)
    return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + h, z + h * k3))


def midpoint(f, s, z, h):
    return z + h * f(s + h / 2, z + h / 2 * f(s, z))


def adjoint(f, s, z, a):
    z = z.requires_grad_()
    (back,) = torch.autograd.grad(f(s, z), z, a)
    return -back


def undo(f, s, z, w, h):
    w = w - h * f(s + h, z)
    return z - h * f(s, w), w


def hats(s):
    nodes = torch.linspace(0, 1, 5, dtype=s.dtype)
    return (1 - 4 * (s[..., None] - nodes).abs()).clamp(min=0)


def count(sizes, m):
    return m * sum(
        a * b + b for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    )


def gauge(f, r, c):
    def field(s, w):
        grown = math.exp(c * s)
        return f(s, grown * w) / grown - c * w

    return field, lambda w: r(math.exp(c) * w)


def attack(w, b, x, y, radius):
    return x - radius * y * w.T / w.norm()


def turned(z):
    return math.pi * torch.stack([-z[:, 1], z[:, 0]], 1)


def mean_slope(s, z, data):
    starts = (z[:, None] - s * data) / (1 - s)
    weights = torch.softmax(-starts.square().sum(2) / 2, dim=1)
    return (weights[:, :, None] * (data - starts)).sum(1)


ANSWERS: dict[str, tuple[Callable[..., Any], dict[str, Callable[..., Any]]]] = {
    "step": (
        rk4,
        {"the power 1.9": midpoint, "the power 0.0": lambda f, s, z, h: z},
    ),
    "control": (
        lambda h, e: h * min(10, max(0.2, 0.9 * e**-0.2)),
        {
            "shrink above": lambda h, e: h,
            "should change by 1.32": lambda h, e: h * 0.9 * e**-0.5,
            "limit how much": lambda h, e: h * 0.9 * e**-0.2,
            "twice the step": lambda h, e: (
                0.1 * min(10, max(0.2, 0.9 * e**-0.2))
            ),
            "at an error of 1": lambda h, e: 2 * h,
        },
    ),
    "back": (adjoint, {"finite differences": lambda *a: -adjoint(*a)}),
    "undo": (
        undo,
        {"misses": lambda f, s, z, w, h: (z - h * f(s, w), w - h * f(s, z))},
    ),
    "pieces": (
        lambda steps: round(math.sqrt(steps)),
        {"another number": lambda steps: 1},
    ),
    "hats": (
        hats,
        {
            "at its own node": lambda s: hats(s).flip(-1),
            "their sum": lambda s: hats(s) ** 2,
            "straight": lambda s: 3 * hats(s) ** 2 - 2 * hats(s) ** 3,
        },
    ),
    "count": (count, {"there are 1770": lambda sizes, m: 354}),
    "square": (
        lambda z: torch.cat([0 * z[:, :1], z[:, :1] ** 2], 1),
        {"should end": lambda z: torch.cat([z[:, :1], z[:, :1] ** 2], 1)},
    ),
    "autonomous": (
        lambda f: (
            lambda state: torch.cat(
                [f(state[:, 2:], state[:, :2]), torch.ones_like(state[:, :1])],
                1,
            )
        ),
        {
            "as under f": lambda f: (
                lambda state: torch.cat(
                    [f(0.0, state[:, :2]), 0 * state[:, :1]], 1
                )
            )
        },
    ),
    "swap": (turned, {"should end": lambda z: turned(z) / 2}),
    "first_order": (
        lambda f: lambda z: torch.cat([z[:, 2:], f(z[:, :2], z[:, 2:])], 1),
        {"spring": lambda f: lambda z: torch.cat([z[:, 2:], z[:, :2]], 1)},
    ),
    "energy": (
        lambda q, p: -torch.sin(q),
        {
            "changed": lambda q, p: -torch.sin(q) - 0.1 * p,
        },
    ),
    "rise": (
        lambda x: x.square().sum(1, keepdim=True) - 0.55,
        {
            "are right": lambda x: x[:, :1],
            "shape": lambda x: x.square().sum(1) - 0.55,
        },
    ),
    "controlled": (
        lambda z, x: x**2 - x,
        {"should end": lambda z, x: z**2 - z},
    ),
    "depths": (
        lambda x: x.abs(),
        {"greater than 0": lambda x: x, "should end": lambda x: 1 + x.abs()},
    ),
    "merge": (
        lambda s, z: -2 * z / (1 - s),
        {
            "do not meet": lambda s, z: -5 * z,
            "in order": lambda s, z: torch.tensor([[-4.0], [4.0]]),
        },
    ),
    "exponents": (
        lambda j, s: torch.linalg.svdvals(j).log() / s,
        {"off by": lambda j, s: torch.linalg.svdvals(j).log()},
    ),
    "attack": (
        attack,
        {
            "left its ball": lambda w, b, x, y, radius: attack(
                w, b, x, y, 2 * radius
            ),
            "there are inputs": lambda w, b, x, y, radius: x,
        },
    ),
    "gauge": (
        gauge,
        {
            "should not change": lambda f, r, c: (gauge(f, r, c)[0], r),
            "nearer": lambda f, r, c: (f, r),
        },
    ),
    "mean_slope": (
        mean_slope,
        {
            "at s = 0.4": lambda s, z, data: data.mean(0) - z,
            "at s = 0": lambda s, z, data: data - z[:1],
        },
    ),
    "line_pairs": (
        lambda z0, z1: z1.sort(0).values[z0.argsort(0).argsort(0)[:, 0]],
        {
            "used once": lambda z0, z1: z0,
            "could be less": lambda z0, z1: z1,
        },
    ),
    "score": (
        lambda score, s, z: (z + (1 - s) * score(s, z)) / s,
        {"off by": lambda score, s, z: score(s, z)},
    ),
}


def graders() -> set[str]:
    return {
        name.removeprefix("check_")
        for name in vars(exercises)
        if name.startswith("check_")
    }


def test_every_grader_is_tried() -> None:
    assert graders() == {*ANSWERS, "two_solutions"}


@pytest.mark.parametrize("name", ANSWERS)
def test_functions_are_graded_right_and_wrong(name, capsys):
    grade = getattr(exercises, f"check_{name}")
    right, wrong = ANSWERS[name]
    grade(right)
    assert capsys.readouterr().out == "Right.\n"
    for said, answer in wrong.items():
        grade(answer)
        told = capsys.readouterr().out
        assert told.startswith("Not yet: "), told
        assert said in told, told
    grade(lambda *given: None)
    assert capsys.readouterr().out.startswith("Not answered yet")
    with pytest.raises(TypeError, match="answer must be a function"):
        grade(7)


def test_a_function_that_makes_one_may_be_open(capsys):
    exercises.check_autonomous(lambda f: lambda state: None)
    assert capsys.readouterr().out.startswith("Not answered yet")


def test_two_solutions_are_solutions_and_two(capsys):
    def root(s, z):
        return 2 * z.abs().sqrt()

    for first, second, said in (
        (lambda s: 0 * s, lambda s: s**2, "Right."),
        (lambda s: 0 * s, lambda s: s**3, "the second one is no solution"),
        (lambda s: s**2, lambda s: s**2, "the same"),
        (lambda s: s**2, lambda s: (s + 1) ** 2, "different states"),
        (lambda s: None, lambda s: s**2, "Not answered yet"),
    ):
        check_two_solutions(root, first, second)
        assert said in capsys.readouterr().out
