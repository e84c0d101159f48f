"""What the studies measure, against what is known."""

import importlib
import math

import pandas as pd
import pytest
import torch
from torch import nn

from neural_odes import History, NeuralODE, mlp, seeded
from neural_odes.solver import METHODS, Solver
from neural_odes_lab.results import Result, ledger
from neural_odes_lab.studies import (
    STUDIES,
    adjoint,
    augmented,
    augmented_flows,
    background,
    common,
    images,
    inputs,
    points,
    resnet,
    solvers,
    spheres,
    stability,
    table1,
)

HERE = "test_measures"
MEANINGS = {
    f"{HERE}.test_quantities_of_a_flow_that_is_known": (
        *("exponent", "largest per turnover", "per turnover", "growing"),
        *("peak", "attacked", "exchanged", "blind", "beyond", "noisy", "fresh"),
    ),
    f"{HERE}.test_a_quality_is_loss_accuracy_and_evaluations": (
        *("loss", "accuracy", "nfe", "before", "success"),
    ),
    f"{HERE}.test_away_from_the_training_points": ("rings", "gap"),
    f"{HERE}.test_the_most_points_end_where_a_condition_first_fails": (
        *("fitted", "doublings of fitted", "doublings of cheap"),
    ),
    f"{HERE}.test_what_a_flow_costs_is_the_accuracy_that_is_lost": ("cost",),
    f"{HERE}.test_gradient_errors_fall_with_the_tolerance": ("adjoint",),
    f"{HERE}.test_memory_counts_what_is_alive_once": ("memory",),
    f"{HERE}.test_length_and_bending_of_known_paths": ("length", "bending"),
    f"{HERE}.test_roughness_is_the_length_of_the_weights_way": (
        *("jump", "variation"),
    ),
    f"{HERE}.test_table_1_counts_the_papers_parameters": (
        *("parameters", "per parameter"),
    ),
    f"{HERE}.test_spikes_are_counted_in_loss_and_evaluations": ("spikes",),
    f"{HERE}.test_the_augmented_field_is_exact_in_one_euler_step": (
        "roundings",
    ),
    f"{HERE}.test_what_a_flow_moves_and_what_is_left_without_it": (
        *("moved", "ablated"),
    ),
    "test_boundary.test_of_a_plane": ("distance",),
    "test_chaos.test_lorenz_has_the_published_spectrum": ("spectrum",),
    "test_chaos.test_algorithm_1_saturates_where_the_renormalised_version_does"
    "_not": ("renormalised",),
    "test_control.test_theorem_1_holds_exactly_above_its_bound": (
        *("steps of theta off", "loss over that before"),
    ),
    "test_control.test_the_l1_loss_is_convex_in_theta": ("second difference",),
    "test_dimensionality.test_crossings_of_known_lines_are_found": (
        "crossings",
    ),
    "test_dimensionality.test_an_island_is_closed_and_a_half_plane_is_none": (
        "island",
    ),
    "test_dimensionality.test_covers_of_circle_and_sphere_have_closed_forms": (
        "needed",
    ),
    "test_generation.test_straight_paths_do_not_bend_and_a_parabola_does": (
        "bend",
    ),
    "test_generation.test_the_energy_distance_of_shifted_normals_is_the_closed"
    "_form": ("energy 1", "energy 4", "energy 64"),
    "test_generation.test_the_density_of_a_growing_flow_is_the_normal_one": (
        "log likelihood",
    ),
}
"""Where a test shows, on a case whose truth is known, that a quantity means
what its name says."""
BY_DEFINITION = {"seconds", "excess", "drift"}
"""The processor's clock, and two distances of what was computed, which have
no other truth."""


def test_every_quantity_of_a_claim_has_its_test():
    judged = {
        evidence.quantity
        for entry in ledger().entries
        for verdict in entry.chosen
        for evidence in verdict.evidence
    }
    shown = {one for names in MEANINGS.values() for one in names}
    assert judged <= shown | BY_DEFINITION
    for place in MEANINGS:
        module, _, name = place.partition(".")
        assert callable(getattr(importlib.import_module(module), name))


def straight(rates, weights, bias):
    """z' = rates z and a linear readout, whose truth is in closed form."""
    n = len(rates)
    field, readout = nn.Linear(n, n, bias=False), nn.Linear(n, 1)
    with torch.no_grad():
        field.weight.copy_(torch.diag(torch.tensor(rates)))
        readout.weight.copy_(torch.tensor([weights]))
        readout.bias.fill_(bias)
    return NeuralODE(field, readout=readout)


def trained_already(model, dim, samples=100):
    x, y = common.fresh_spheres(samples, 5, "cpu", dim=dim)
    empty = torch.tensor([0.0])
    history = History(empty, empty, empty, 0.0)
    return common.Trained(3, model, x, y, history)


def test_quantities_of_a_flow_that_is_known():
    """The same growth in all directions, and a plane as the boundary."""
    rate, w, b = 0.7, [0.6, -0.3], 0.2
    model = straight([rate] * 2, w, b)
    config = stability.Stability(dim=2, fresh=200, perturbations=2, starts=1)
    one = trained_already(model, 2)
    found = stability._exponents(config, one)
    found |= stability._robustness(config, one)
    x, y = common.fresh_spheres(200, 3, "cpu", dim=2)
    # Inputs are on the boundary where the grown state is.
    weight = math.exp(rate) * torch.tensor(w)
    score = x @ weight + b
    far, right = score.abs() / weight.norm(), score.sign() == y[:, 0]
    for name in ("exponent", "largest"):
        assert found[name] == pytest.approx(rate, abs=1e-5)
    assert found["growing"] == 1
    assert found["peak"] == pytest.approx(math.exp(rate), rel=1e-5)
    # Speed over spread: both grow alike, about a mean that is not quite 0.
    inputs = one.x.double()
    spread = (inputs - inputs.mean(0)).square().sum(1).mean().sqrt()
    turn = rate * (inputs.norm(dim=1).mean() / spread).item()
    assert found["per turnover"] == pytest.approx(rate / turn, rel=1e-4)
    assert found["fresh"] == right.double().mean().item()
    assert found["distance"] == pytest.approx(far.median().item(), abs=1e-3)
    out_of_reach = (right & (far > config.attack)).float().mean().item()
    for name in ("beyond", "attacked", "exchanged"):
        assert found[name] == pytest.approx(out_of_reach, abs=0.005)
    # In the plane some of 100 points are nearly straight against the gradient.
    assert found["blind"] == pytest.approx(out_of_reach, abs=0.02)
    normal = torch.distributions.Normal(0.0, config.noise_level)
    kept = normal.cdf(torch.where(right, far, -far)).mean().item()
    assert found["noisy"] == pytest.approx(kept, abs=0.03)


def test_a_quality_is_loss_accuracy_and_evaluations():
    x = torch.tensor([[1.0], [-2.0], [3.0], [-0.5]])
    y = torch.tensor([[1.0], [-1.0], [-1.0], [-1.0]])
    model = straight([0.0], [1.0], 0.0)
    found = common.quality(model, x, y)
    assert found["loss"] == pytest.approx((0 + 1 + 16 + 0.25) / 4)
    assert found["accuracy"] == 0.75
    model.solver = Solver("rk4", step_size=0.25)
    assert common.quality(model, x, y)["nfe"] == 16


def test_away_from_the_training_points():
    """A half-plane is right in half of the ball, of the shell and the gap."""
    one = trained_already(straight([0.0] * 2, [1.0, 0.0], 0.0), 2)
    found = spheres.extrapolation(spheres.NestedSpheres(fresh=20_000), one)
    assert found == pytest.approx({"rings": 0.5, "gap": 0.5}, abs=0.02)
    # A circle half-way between the rings is right everywhere.
    model = NeuralODE(
        lambda s, z, x: 0 * z,
        readout=lambda z: z.norm(dim=1, keepdim=True) - 0.75,
    )
    one = trained_already(model, 2)
    found = spheres.extrapolation(spheres.NestedSpheres(fresh=2_000), one)
    assert found == {"rings": 1, "gap": 1}


def test_what_a_flow_moves_and_what_is_left_without_it():
    """All points move one to the right, and the readout is at home there."""
    model = straight([0.0] * 2, [1.0, 0.0], -1.0)
    one = trained_already(
        NeuralODE(
            lambda s, z, x: torch.tensor([1.0, 0.0]).expand_as(z),
            readout=model.readout,
        ),
        2,
    )
    found, y = inputs._probed(one), one.y[:, 0]
    spread = (one.x - one.x.mean(0)).square().sum(1).mean().sqrt()
    assert found["moved"] == pytest.approx(1 / spread.item(), rel=1e-5)
    share = (one.x[:, 0].sign() == y).double().mean().item()
    assert found["accuracy"] == pytest.approx(share)
    share = ((one.x[:, 0] - 1).sign() == y).double().mean().item()
    assert found["ablated"] == pytest.approx(share)


def test_the_most_points_end_where_a_condition_first_fails():
    numbers = [16, 32, 64, 128]
    runs = {
        0: ([1, 1, 0.9, 1], [20, 39, 40, 20]),
        1: ([0.9, 1, 1, 1], [20, 20, 20, 20]),
        2: ([1, 1, 1, 1], [20, 20, 41, 80]),
    }
    rows = [
        {"variant": 2, "seed": seed, "N": n, "accuracy": a, "nfe": nfe}
        for seed, (accuracies, nfes) in runs.items()
        for n, a, nfe in zip(numbers, accuracies, nfes, strict=True)
    ]
    found = points.limits(points.Points(), pd.DataFrame(rows))
    assert list(found["fitted"]) == [32, 8, 128]
    assert list(found["cheap"]) == [32, 128, 32]


def test_what_a_flow_costs_is_the_accuracy_that_is_lost(rows):
    found = rows("anatomy.resnet")
    lost = found["accuracy"] - found["swapped"]
    assert (found["cost"] == lost).all()


@pytest.fixture
def rows(tiny_record):
    return lambda name: pd.DataFrame(tiny_record(name).rows)


@pytest.fixture
def verdicts(tiny_record):
    return lambda name: Result(STUDIES[name], tiny_record(name)).verdicts


def test_the_slope_of_a_power_law_is_its_exponent():
    x = [1.0, 2.0, 5.0, 11.0]
    slope = common.finer_slope(x, [3 * v**-1.5 for v in x])
    assert slope == pytest.approx(-1.5)
    # At 1e-11 rounding begins, which has no slope.
    assert math.isnan(common.finer_slope(x, [1.0, 1e-12, 1e-12, 1e-12]))


def test_distance_is_root_mean_square():
    a = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert common.distance(a, torch.zeros(2, 2)) == pytest.approx(12.5**0.5)


def test_the_float64_copy_leaves_the_model_alone():
    model = common.planar(0, 4)
    copied = common.in_float64(model, background.EXACT)
    assert {p.dtype for p in copied.parameters()} == {torch.float64}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.solver != background.EXACT


def test_euler_networks_close_in_as_one_over_their_layers(rows, verdicts):
    assert verdicts("background.euler")[0].word == "held"
    for _, own in rows("background.euler").groupby("seed"):
        assert own["distance"].is_monotonic_decreasing


def test_euler_networks_are_the_euler_method():
    model = common.planar(0, 4)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    network = background.euler_network(model, x, 8)
    model.solver = Solver("euler", step_size=1 / 8)
    torch.testing.assert_close(network, model.solve(x).z[-1])


def test_methods_show_their_orders_and_counts_on_the_rotation(rows):
    found = rows("background.solvers").query("variant == 'rotation'")
    for name, own in found.query("seed == 0").groupby("method"):
        method = METHODS[name]
        if not method.adaptive:
            steps = own["setting"]
            assert list(own["nfe"]) == list(steps * method.stages)
            # Euler's error on a full turn still holds higher orders here.
            slack = 0.35 if name == "euler" else 0.2
            order = -common.finer_slope(list(steps), list(own["error"]))
            assert order == pytest.approx(method.order, abs=slack)


def test_a_rotation_by_full_turns_comes_back():
    study = STUDIES["background.solvers"]
    (config,) = study.configs("tiny", turns=2.0, steps=(1024,))
    found = pd.DataFrame(
        solvers.solvers.measure(config, "rotation", [0], "cpu")
    )
    assert found.query("method == 'rk4'")["error"].item() < 1e-6


def test_gradient_errors_fall_with_the_tolerance(rows):
    finest = rows("background.gradients").query("tolerance == 1e-4")
    assert len(finest) == 2 * 2
    assert (finest[["backprop", "adjoint"]] < 1e-3).all(axis=None)


def test_one_directional_fields_point_one_way(rows):
    runs = rows("anatomy.activations")
    assert len(runs) == 10
    for run_ in runs.to_dict("records"):
        if run_["variant"] in ("sigmoid", "softplus"):
            assert (run_["up"], run_["down"]) == (1, 0)
        elif run_["variant"] == "relu":
            assert run_["down"] == 0
        else:
            assert run_["up"] + run_["down"] == pytest.approx(1)


def test_parameters_match_their_closed_forms(rows, verdicts):
    counts = rows("anatomy.parameters")
    w, h, theta = counts["width"], counts["hidden"], counts["theta"]
    assert (theta == w * w + 6 * w + 2).all()
    expected = (counts["modes"] * theta).fillna(2 * h + h * theta + theta)
    assert (counts["parameters"] == expected).all()
    assert verdicts("anatomy.parameters")[0].word == "held"


def test_weights_are_read_back_over_depth(rows):
    (config,) = STUDIES["anatomy.weights"].configs("tiny")
    for run_ in rows("anatomy.weights").to_dict("records"):
        assert 0 < run_["share"] < 1
        assert len(run_["strongest"]) == config.strongest
        spans = [max(v) - min(v) for v in run_["strongest"].values()]
        assert min(spans) > 0
        assert {len(v) for v in run_["strongest"].values()} == {config.depths}


def test_depth_variants_differ_in_parameters(rows):
    found = rows("anatomy.depth_variants").groupby("variant")["parameters"]
    counts = found.first()
    readout, theta = 3, 354
    assert counts["vanilla"] == theta + readout
    assert counts["concat"] == theta + 16 + readout
    assert counts["GalNODE"] == 5 * theta + readout
    assert counts["hypernetwork"] == 32 + 17 * theta + readout


def test_the_augmented_field_is_exact_in_one_euler_step(rows, verdicts):
    found = rows("anatomy.augmented_field")
    one_step = found[found["variant"] == "euler, one step"]
    # Rounding only: of numbers of size one, in float32.
    assert one_step["error"].max() < 1e-6
    assert set(one_step["nfe"]) == {1}
    assert verdicts("anatomy.augmented_field")[0].word == "held"


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


def test_the_adjoint_keeps_no_steps(rows):
    found = rows("augmentation.memory").set_index(["variant", "steps"])
    growth = found.xs(8, level="steps") / found.xs(2, level="steps")
    assert (growth["nfe"] == 4).all()
    assert growth["memory"]["backpropagation"] > 2
    assert growth["memory"]["adjoint"] < 1.1


def test_a_flow_that_stands_still_is_the_control(rows):
    found = rows("augmentation.graph")
    means = found.groupby("variant").mean(numeric_only=True)
    assert means["parameters"]["no flow"] == 34 * 4 + 4 + 4 + 1
    assert means["nfe"]["zeros added"] > 0
    assert found["accuracy"].between(0, 1).all()


def test_spikes_are_counted_in_loss_and_evaluations():
    history = History(
        loss=torch.tensor([1.0, 2.0, 1.0, 1.4]),
        grad_norm=torch.zeros(4),
        nfe=torch.tensor([10.0, 10.0, 16.0, 16.0]),
        seconds=1.0,
    )
    assert table1.spikes(history) == 2


def test_length_and_bending_of_known_paths():
    """Half a circle, of a point on it: pi long, its ends 2 apart."""
    angle = torch.linspace(0, torch.pi, 201)[:, None]
    half = torch.stack([angle.cos(), angle.sin()], dim=2)
    both = torch.cat([half, -half], dim=1)
    length, bending = augmented_flows.paths(both)
    assert length == pytest.approx(torch.pi, rel=1e-3)
    assert bending == pytest.approx(torch.pi / 2, rel=1e-3)


def test_seeds_differ(rows):
    first, second = (
        list(own["distance"])
        for _, own in rows("background.euler").groupby("seed")
    )
    assert first != second


def test_roughness_is_the_length_of_the_weights_way():
    still = torch.ones(5, 1).expand(5, 4)
    assert resnet.roughness(still) == {"jump": 0.0, "variation": 0.0}
    layers = torch.tensor([[3.0, 3.0, 3.0], [0.0, 4.0, 0.0]])
    found = resnet.roughness(layers)
    assert found["variation"] == pytest.approx(8 / (11 / 3))
    assert found["jump"] == pytest.approx(4 / (11 / 3))


def test_lines_between_layers_pass_through_them():
    basis = resnet.Hats(4)
    s = torch.tensor([0.0, 0.25, 0.375, 0.75, 0.9, 1.0])
    weights = basis(s) @ torch.tensor([1.0, 3.0, 5.0, 4.0])
    torch.testing.assert_close(weights, torch.tensor([1, 3, 4, 4, 4, 4.0]))


def test_a_network_is_its_layers_and_its_flow_the_limit():
    network = seeded(lambda: resnet.residual(4, 8, equal=False), 0)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    z = x
    for layer in network.field.coefficients.T:
        field = mlp(2, 4, 4, 2)
        torch.nn.utils.vector_to_parameters(layer, field.parameters())
        z = z + field(z) / 8
    torch.testing.assert_close(network.solve(x).z[-1], z)
    gaps = []
    for layers in (8, 16):
        equal = seeded(lambda n=layers: resnet.residual(4, n), 0)
        ends = (m.solve(x).z[-1] for m in (equal, resnet.flow_of(equal)))
        with torch.no_grad():
            gaps.append(common.distance(*ends))
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)  # Euler's error
