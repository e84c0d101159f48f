"""The programs of "Use it yourself", run from the page itself.

A program is a few cells of ``book/use.ipynb``. Each has a budget of lines,
which keeps it short, and reaches a number; margins are wide, as trainings end
elsewhere on another processor.
"""

import ast
import json
import math
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed import GradBucket

from neural_odes import (
    NeuralODE,
    Solver,
    accuracy,
    nested_spheres,
)

PAGE = Path(__file__).parents[1] / "book" / "use.ipynb"
SOURCES = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
}
PROGRAMS = {
    ("use-04", "stream-1"): 30,
    ("rates-0", "rates-1"): 25,
    ("known-0", "known-1"): 23,
    ("stiff-0",): 15,
    ("implicit-0", "implicit-1"): 17,
    ("events-0",): 16,
    ("jumps-0", "jumps-1"): 22,
    ("export-0", "export-1"): 20,
    ("keys-0",): 6,
}
"""Cells, and how many lines they may have together."""


def run(*cells: str, **given: Any) -> dict[str, Any]:
    """The names that cells leave behind, after those of the imports."""
    names: dict[str, Any] = {"generator": torch.Generator().manual_seed(0)}
    names |= {"__name__": "page"}
    for cell in ("use-02", *cells):
        exec(compile(SOURCES[cell], cell, "exec"), names)
        names |= given
    return names


def blocks(cell: str) -> list[str]:
    """The code in a cell of text."""
    return re.findall(r"```python\n(.*?)```", SOURCES[cell], re.DOTALL)


@pytest.mark.parametrize("cells", PROGRAMS, ids=lambda cells: cells[0])
def test_programs_stay_short(cells: tuple[str, ...]) -> None:
    lines = "\n".join(SOURCES[cell] for cell in cells).splitlines()
    assert len([line for line in lines if line]) <= PROGRAMS[cells]


def test_streamed_data_train_a_model() -> None:
    names = run("use-04", "stream-1")
    held = nested_spheres(512, seed=10**6)
    assert accuracy(names["model"], *held) > 0.9  # about 0.99
    assert names["best"] < 0.2
    assert {p.dtype for p in names["model"].parameters()} == {torch.float32}


@pytest.mark.parametrize("how", ["Ctrl-C", "no progress"])
def test_a_stream_that_ends_early_leaves_the_best_weights(how: str) -> None:
    def stream() -> Any:
        for seed in count(1):
            if seed == 40 and how == "Ctrl-C":
                raise KeyboardInterrupt
            x, y = nested_spheres(256, seed=seed)
            yield x, y if seed < 40 or how == "Ctrl-C" else -y

    names = run("use-04", "stream-1", stream=stream)
    assert 39 <= names["schedule"].last_epoch < 100
    x, y = names["x"], names["y"]
    with torch.no_grad():
        loss = nn.functional.mse_loss(names["model"](x), y).item()
    assert loss == pytest.approx(names["best"], rel=1e-4)


def test_rates_are_found_and_bootstraps_say_how_sure() -> None:
    rates = run("rates-0", "rates-1")["rates"]
    true = torch.tensor([1.5, 1.0, 3.0, 1.0])
    assert ((rates.mean(0) / true - 1).abs() < 0.1).all()  # about 0.01
    assert ((rates.mean(0) - true).abs() < 3 * rates.std(0)).all()
    assert (rates.std(0) < 0.1 * true).all()


def test_friction_is_learned_beside_known_gravity() -> None:
    off = run("known-0", "known-1")["off"]
    assert float(off) < 0.2  # about 0.07, of 0.59


def test_a_stiff_equation_takes_implicit_methods_few_evaluations(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("stiff-0")
    said = re.findall(r"(\d+) evaluations to (.*)", capsys.readouterr().out)
    explicit, *implicit = [(int(nfe), float(end)) for nfe, end in said]
    assert len(implicit) == 2
    for nfe, end in implicit:
        assert nfe < explicit[0] / 5  # about 1/20 and 1/8
        assert end == pytest.approx(explicit[1], abs=1e-3)


def test_implicit_steps_of_ones_own_have_gradients() -> None:
    names = run("implicit-0", "implicit-1")
    assert names["z"][0, 2].item() == pytest.approx(0.8927, abs=2e-3)
    assert float(names["gradient"]) == pytest.approx(0.1374, abs=1e-3)


def test_impacts_are_found_with_their_gradient() -> None:
    names = run("events-0")
    assert float(names["clock"]) == pytest.approx(names["exact"], rel=1e-5)
    exact = -names["exact"] / 2 / 9.81
    assert float(names["slope"]) == pytest.approx(exact, rel=1e-4)


def test_a_field_with_jumps_tells_fast_waves_from_slow_ones() -> None:
    names = run("jumps-0", "jumps-1")
    assert names["right"] > 0.85  # about 0.97
    few = names["series"][:4]
    cde, ends = names["cde"], []
    for solver in (
        Solver("midpoint", step_size=0.01),
        Solver("rk4", step_size=0.1),
        Solver(rtol=1e-6, atol=1e-6),
    ):
        cde.solver = solver
        ends.append(cde.solve(few).z[-1])
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0], rtol=1e-3, atol=1e-3)


def test_an_exported_model_needs_only_torch() -> None:
    assert float(run("use-04", "export-0", "export-1")["off"]) < 1e-5


def test_compiled_weights_have_other_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("keys-0")
    said = capsys.readouterr().out
    assert "'field.module.0.weight', 'field.module._orig_mod.0" in said
    assert "All keys matched" in said


def test_samples_know_their_density() -> None:
    names = run("use-04", "costs-3", "samples")
    names["flow"].solver = Solver(rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        path = names["flow"].solve(names["samples"][-1])
        gauss = path.z[-1].square().sum(1) / 2 + math.log(2 * math.pi)
        off = path.running[-1] - gauss - names["log_density"]
    assert float(off.abs().mean()) < 0.02  # about 0.005


def test_ddp_averages_what_goes_through_it_and_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process suffices to see which gradients are handed over."""
    lightning, ddp = blocks("ddp")
    for block in (lightning, ddp):
        ast.parse(block)
        assert len(block.splitlines()) <= 5
    monkeypatch.chdir(tmp_path)
    names = run("use-04")
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
    )
    monkeypatch.setattr(
        torch.distributed, "init_process_group", lambda kind: None
    )
    try:
        exec(compile(ddp, "ddp", "exec"), names)
        handed = []

        def hook(
            _: Any, bucket: GradBucket
        ) -> torch.futures.Future[torch.Tensor]:
            handed.append(bucket.index())
            done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
            done.set_result(bucket.buffer())
            return done

        class Paths(nn.Module):
            def __init__(self, model: NeuralODE) -> None:
                super().__init__()
                self.model = model

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.model.readout(self.model.solve(x).z)

        d, x = names["d"], names["x"]
        d.register_comm_hook(None, hook)
        d.module.readout(d.module.solve(x).z).sum().backward()
        assert not handed  # the trap
        d(x).sum().backward()
        assert handed == [0]
        paths = nn.parallel.DistributedDataParallel(Paths(d.module))
        paths.register_comm_hook(None, hook)
        paths(x).sum().backward()
        assert handed == [0, 0]
    finally:
        torch.distributed.destroy_process_group()
    names["model"].load_state_dict(torch.load("weights.pt"))


def test_lightning_s_true_half_precision_is_refused_as_the_page_says() -> None:
    names = run("use-04")
    model, x = names["model"].bfloat16(), names["x"].bfloat16()
    with pytest.raises(ValueError, match="float32 or float64"):
        model(x)


def test_an_adaptive_method_takes_bf16_for_errors() -> None:
    names = run("use-04")
    model, x = names["model"], names["x"]
    model.solver = Solver(rtol=1e-5, atol=1e-5)
    plain = model.solve(x).nfe
    with torch.autocast("cpu", torch.bfloat16):
        assert model.solve(x).nfe > 1.5 * plain
