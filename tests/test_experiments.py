import json
from dataclasses import fields, replace

import pytest
import torch

from neural_odes import NeuralODE, mlp
from neural_odes.lab.experiments import (
    EXPERIMENTS,
    activations,
    adjoint,
    anatomy,
    augmented,
    augmented_flows,
    background,
    by_dimension,
    common,
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
from neural_odes.solver import METHODS

TINY = {
    "background.euler": background.Euler(samples=16, epochs=2),
    "background.solvers": solvers.Solvers(
        samples=16, epochs=2, steps=(16, 32, 64), tolerances=(1e-2, 1e-5)
    ),
    "background.gradients": background.Gradients(
        samples=16, epochs=2, tolerances=(1e-1, 1e-4)
    ),
    "anatomy.activations": activations.Activations(
        samples=16, epochs=2, hidden=("tanh",), readouts=("fixed",)
    ),
    "anatomy.parameters": anatomy.Parameters(),
    "anatomy.weights": anatomy.Weights(samples=16, epochs=2, depths=9),
    "anatomy.depth_variants": anatomy.DepthVariants(samples=16, epochs=2),
    "anatomy.augmented_field": augmented.AugmentedField(samples=16),
    "augmentation.table1": images.Table1(
        samples=20, size=4, channels=2, epochs=2, batch_size=10
    ),
    "augmentation.flows": augmented_flows.Flows(samples=16, epochs=2, fresh=20),
    "augmentation.widths": augmented_flows.Widths(
        samples=16, epochs=2, fresh=20, extra=(0, 2)
    ),
    "augmentation.graph": graphs.Club(epochs=2),
    "augmentation.adjoint": adjoint.Adjoint(
        samples=20,
        size=4,
        channels=2,
        epochs=1,
        batch_size=10,
        tolerances=(1e-1, 1e-3),
        steps=(2, 8),
    ),
    "dimensionality.theorem1": theorem.Theorem1(thetas=4, epochs=2),
    "dimensionality.crossing": reflection.Crossing(epochs=2),
    "dimensionality.adaptive_depth": reflection.Adaptive(epochs=2),
    "dimensionality.nested_spheres": spheres.NestedSpheres(
        samples=16, epochs=2, fresh=50, depths=11
    ),
    "dimensionality.spheres_by_dimension": by_dimension.ByDimension(
        samples=16, epochs=2, dims=(1, 3), fresh=50
    ),
    "dimensionality.cover": cover.Cover(points=100),
    "dimensionality.input_network": inputs.InputNetwork(samples=16, epochs=2),
    "chaos.estimators": estimators.Estimators(
        samples=2,
        settle=5.0,
        span=2.0,
        aligned=0.5,
        spans=(0.5,),
        radii=(1e-4,),
    ),
    "chaos.figure7": stability.Stability(samples=16, epochs=2, fresh=20),
    "chaos.strength": stability.Strength(
        samples=16, epochs=2, fresh=20, strengths=(0.0, 1.0)
    ),
}


@pytest.fixture(scope="module")
def outcome():
    """Outcomes of the tiny experiments by name, each computed once.

    None may draw from the global generator: its numbers would not repeat.
    """
    known = {}

    def compute(name):
        if name not in known:
            before = torch.random.get_rng_state()
            known[name] = EXPERIMENTS[name].run(
                TINY[name], seeds=[0, 1], progress=False
            )
            assert torch.equal(torch.random.get_rng_state(), before), name
        return known[name]

    return compute


def test_every_experiment_is_tried():
    assert set(TINY) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_outcomes_are_plain_and_complete(outcome, name):
    plain = outcome(name)
    assert json.loads(json.dumps(plain)) == plain
    rows = plain["summary"]
    assert rows
    assert all(list(row) == list(rows[0]) for row in rows)
    for judged in plain.get("verdicts", []):
        assert set(judged) == {"claim", "holds", "why"}
        assert judged["holds"] in (True, False, None)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_configs_have_defaults_and_a_quick_form(name):
    experiment = EXPERIMENTS[name]
    assert isinstance(experiment.quick, experiment.config)
    for field in fields(experiment.config):
        value = getattr(experiment.config(), field.name)
        assert value == field.default
        assert value != ()  # the command line reads the type off the first


def test_the_same_seeds_give_the_same_numbers(outcome):
    name = "background.euler"
    before = torch.random.get_rng_state()
    again = EXPERIMENTS[name].run(TINY[name], seeds=[1, 0], progress=False)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert again["distance"] == outcome(name)["distance"][::-1]
    assert again["distance"][0] != again["distance"][1]


def test_the_slope_of_a_power_law_is_its_exponent():
    x = [1, 2, 5, 11]
    assert common.log_slope(x, [3 * v**-1.5 for v in x]) == pytest.approx(-1.5)
    with pytest.raises(ValueError, match="two points"):
        common.log_slope([1], [1])
    with pytest.raises(ValueError, match="> 0"):
        common.log_slope([1, 2], [1, 0])


def test_distance_is_root_mean_square():
    a = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert common.distance(a, torch.zeros(2, 2)) == pytest.approx(12.5**0.5)


def test_the_float64_copy_leaves_the_model_alone():
    model = common.planar(0, 4)
    copied = common.in_float64(model, background.EXACT)
    assert {p.dtype for p in copied.parameters()} == {torch.float64}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.solver != background.EXACT


def test_euler_networks_close_in_as_one_over_their_layers(outcome):
    plain = outcome("background.euler")
    assert plain["verdicts"][0]["holds"]
    for row in plain["distance"]:
        assert row == sorted(row, reverse=True)


def test_euler_networks_are_the_euler_method():
    model = common.planar(0, 4)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    network = background._euler_network(model, x, 8)
    model.solver = solvers.Solver("euler", step_size=1 / 8)
    torch.testing.assert_close(network, model.solve(x).z[-1])


def test_methods_show_their_orders_and_counts_on_the_rotation(outcome):
    for curve in outcome("background.solvers")["curves"]:
        method = METHODS[curve["method"]]
        if curve["problem"] == "rotation" and not method.adaptive:
            steps, nfe = curve["settings"], curve["nfe"]
            assert nfe == [n * method.stages for n in steps]
            # Euler's error on a full turn still holds higher orders here.
            slack = 0.35 if curve["method"] == "euler" else 0.2
            order = solvers._order(curve)
            assert order == pytest.approx(method.order, abs=slack)


def test_a_rotation_by_full_turns_comes_back():
    config = replace(TINY["background.solvers"], turns=2.0, steps=(512, 1024))
    curves = solvers.solvers(config, seeds=[], progress=False)["curves"]
    rk4 = next(c for c in curves if c["method"] == "rk4")
    assert rk4["error"][-1] < 1e-6


def test_gradient_errors_fall_with_the_tolerance(outcome):
    plain = outcome("background.gradients")
    for stage in ("initial", "trained"):
        assert len(plain["norm"][stage]) == 2
        for way in ("backprop", "adjoint"):
            for row in plain["error"][stage][way]:
                assert row[-1] < 1e-3
    with pytest.raises(ValueError, match=r"judged_at is 0\.5"):
        background.Gradients(judged_at=0.5)


def test_one_directional_fields_point_one_way(outcome):
    runs = outcome("anatomy.activations")["runs"]
    assert len(runs) == 10
    for run in runs:
        if run["last"] in ("sigmoid", "softplus"):
            assert (run["up"], run["down"]) == (1, 0)
        elif run["last"] == "relu":
            assert run["down"] == 0
        else:
            assert run["up"] + run["down"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("elu", "relu", "holds"),
    [
        ([0.1, 0.11], [0.5, 0.51], True),
        ([0.5, 0.51], [0.1, 0.11], False),
        ([0.1, 0.9], [0.2, 0.8], None),
        ([0.1], [0.5], None),
    ],
)
def test_the_activation_claim_is_judged_by_the_spread(elu, relu, holds):
    config = activations.Activations(last=("elu", "relu"))
    runs = [
        {"hidden": "tanh", "readout": "fixed", "last": last, "loss": value}
        for last, values in (("elu", elu), ("relu", relu))
        for value in values
    ]
    judged = activations._judge(config, runs, "tanh", "fixed")
    assert judged["holds"] is holds


@pytest.mark.parametrize("field", ["last", "hidden", "readouts"])
def test_unknown_activations_are_refused(field):
    with pytest.raises(ValueError, match=f"{field} holds swish; it takes"):
        activations.Activations(**{field: ("swish",)})


def test_parameters_match_their_closed_forms(outcome):
    plain = outcome("anatomy.parameters")
    for row in plain["galerkin"]:
        w = row["width"]
        assert row["theta"] == w * w + 6 * w + 2
        assert row["parameters"] == row["modes"] * row["theta"]
    for row in plain["hypernetwork"]:
        h, theta = row["hidden"], row["theta"]
        assert row["parameters"] == 2 * h + h * theta + theta
    assert plain["verdicts"][0]["holds"]


def test_weights_are_read_back_over_depth(outcome):
    plain = outcome("anatomy.weights")
    assert len(plain["s"]) == 9
    for run in plain["runs"]:
        assert 0 < run["share"] < 1
        assert len(run["strongest"]) == TINY["anatomy.weights"].strongest
        spans = [max(v) - min(v) for v in run["strongest"].values()]
        assert min(spans) > 0
        assert {len(v) for v in run["strongest"].values()} == {9}


def test_depth_variants_differ_in_parameters(outcome):
    rows = outcome("anatomy.depth_variants")["summary"]
    counts = {row["variant"]: row["parameters"] for row in rows}
    readout, theta = 3, 354
    assert counts["vanilla"] == theta + readout
    assert counts["concat"] == theta + 16 + readout
    assert counts["GalNODE"] == 5 * theta + readout
    assert counts["hypernetwork"] == 32 + 17 * theta + readout


def test_the_augmented_field_is_exact_in_one_euler_step(outcome):
    plain = outcome("anatomy.augmented_field")
    one_step = [r for r in plain["runs"] if r["solver"] == "euler, one step"]
    # Rounding only: of numbers of size one, in float32.
    assert max(r["error"] for r in one_step) < 1e-6
    assert {r["nfe"] for r in one_step} == {1}
    assert plain["verdicts"][0]["holds"]


def test_the_augmented_field_leaves_its_points_in_place():
    f = mlp(3, 8, 1)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    model = augmented.reproducing(f)
    assert isinstance(model, NeuralODE)
    end = model.solve(x).z[-1]
    torch.testing.assert_close(end[:, :3], x)
    torch.testing.assert_close(end[:, 3:], f(x))


def test_turnover_of_a_rotation():
    """A ring that turns by one radian per unit: its speed is its spread."""

    def turn(s, z, x):
        return torch.stack([-z[:, 1], z[:, 0]], dim=1)

    angle = torch.linspace(0, 6.28, 100, dtype=torch.float64)
    ring = torch.stack([angle.cos(), angle.sin()], dim=1)
    model = NeuralODE(turn, depth=2.0)
    assert common.turnover(model, ring) == pytest.approx(1, rel=1e-3)
    assert common.turnover(model, 5 * ring) == pytest.approx(1, rel=1e-3)


def test_table_1_counts_the_papers_parameters():
    """Table 2: 1x1 to 64, 3x3, 1x1; then a linear layer to 10."""
    config = images.Table1(dataset="mnist")

    def convolutions(inputs, outputs):
        return (inputs + 1) * 64 + (9 * 64 + 1) * 64 + 65 * outputs

    layer, linear = 2 * 6, lambda channels: (28 * 28 * channels + 1) * 10
    expected = {
        "vanilla": convolutions(1, 1) + linear(1),
        "ANODE": convolutions(6, 6) + linear(6),
        "IL-NODE": convolutions(6, 6) + layer + linear(6),
        "2nd order": convolutions(6, 3) + layer + linear(6),
    }
    for name, number in expected.items():
        assert common.count(images.build(config, name, 28 * 28)) == number


@pytest.mark.parametrize("name", images.MODELS)
@pytest.mark.parametrize(
    "settings", [{}, {"precision": "bf16"}, {"adjoint": True}], ids=str
)
def test_images_go_through_every_model(name, settings):
    config = images.Table1(channels=4, **settings)
    model = images.build(config, name, 64)
    x, y = images.digits("test")
    assert model(x[:3]).shape == (3, 10)
    assert model(x[:3]).dtype == torch.float32
    forward, backward = images.evaluations(model, x[:3], y[:3])
    assert forward > 0
    assert backward > 0
    assert model.solver.adjoint == ("adjoint" in settings)


def test_memory_counts_what_is_alive_once():
    with adjoint.PeakMemory() as peak:
        one = torch.zeros(1000)
        view = one.view(10, 100)
        other = one + 1
        del one, other
        assert (peak.now, peak.most) == (4000, 8000)
        del view
    assert peak.now == 0


def test_the_adjoint_keeps_no_steps(outcome):
    few, many = outcome("augmentation.adjoint")["memory"]
    assert many["nfe"] == 4 * few["nfe"]
    assert many["backpropagation"] > 2 * few["backpropagation"]
    assert many["adjoint"] < 1.1 * few["adjoint"]


def test_a_flow_that_stands_still_is_the_control(outcome):
    rows = outcome("augmentation.graph")["summary"]
    still, _, added = rows
    assert still["parameters"]["mean"] == 34 * 4 + 4 + 4 + 1
    assert added["nfe"]["mean"] > 0
    assert all(0 <= row["accuracy"]["mean"] <= 1 for row in rows)


def test_spikes_are_counted_in_loss_and_evaluations():
    history = images.History(
        loss=torch.tensor([1.0, 2.0, 1.0, 1.4]),
        grad_norm=torch.zeros(4),
        nfe=torch.tensor([10.0, 10.0, 16.0, 16.0]),
        seconds=1.0,
    )
    assert images.spikes(history) == 2


def test_bad_tables_are_named():
    with pytest.raises(ValueError, match="dataset is 'cifar'"):
        images.Table1(dataset="cifar")
    with pytest.raises(ValueError, match="models holds what"):
        images.Table1(models=("what",))
    with pytest.raises(ValueError, match="extra is 4"):
        images.Table1(extra=4)


def test_length_and_bending_of_known_paths():
    """Half a circle, of a point on it: pi long, its ends 2 apart."""
    angle = torch.linspace(0, torch.pi, 201)[:, None]
    half = torch.stack([angle.cos(), angle.sin()], dim=2)
    both = torch.cat([half, -half], dim=1)
    length, bending = augmented_flows.paths(both)
    assert length == pytest.approx(torch.pi, rel=1e-3)
    assert bending == pytest.approx(torch.pi / 2, rel=1e-3)
