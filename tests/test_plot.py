"""Figures are tested by what they draw: artists and their data."""

import base64
import io
import re
import subprocess
import sys
from types import SimpleNamespace

import imageio_ffmpeg
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.quiver import Quiver
from PIL import Image
from torch import nn

from neural_odes import (
    DataControlled,
    JointField,
    NeuralODE,
    mlp,
    seeded,
)
from neural_odes_lab import plot
from neural_odes_lab.plot.preimage import shared_boundary

mpl.use("Agg")
BOX = (-1.0, 1.0, -1.0, 1.0)


@pytest.fixture(autouse=True)
def _own_settings():
    with mpl.rc_context():
        yield
    plt.close("all")


def rotation(s, z, x):
    return torch.stack([-z[:, 1], z[:, 0]], dim=1)


def linear(*row, bias=0.0):
    layer = nn.Linear(len(row), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([row]))
        layer.bias.fill_(bias)
    return layer


def two_classes(samples=6):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(samples, 2, generator=generator) - 0.5
    return x, torch.tensor([-1.0, 1.0]).repeat(samples // 2)[:, None]


def one(ax, kind):
    (artist,) = (a for a in ax.get_children() if isinstance(a, kind))
    return artist


def test_the_package_alone_needs_no_matplotlib():
    code = "import sys, neural_odes; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code]) == 0


def test_settings_change_only_when_asked():
    before = mpl.rcParams["figure.figsize"]
    plot.flow(NeuralODE(rotation), *two_classes())
    assert mpl.rcParams["figure.figsize"] == before
    plot.use_style()
    assert mpl.rcParams["figure.figsize"] == [7, 3]
    assert to_hex(mpl.rcParams["savefig.facecolor"]) == "#ffffff"


class TestVectorField:
    def test_arrows_are_the_field_at_the_grid_points(self):
        def field(s, z, x):
            return s * rotation(s, z, x)

        ax = plot.vector_field(NeuralODE(field), box=BOX, s=0.5, density=5)
        arrows = one(ax, Quiver)
        np.testing.assert_allclose(arrows.U, -0.5 * arrows.Y, atol=1e-7)
        np.testing.assert_allclose(arrows.V, 0.5 * arrows.X, atol=1e-7)
        np.testing.assert_allclose(
            arrows.get_array(), np.hypot(arrows.U, arrows.V), atol=1e-7
        )

    def test_control_is_the_grid_point_or_the_one_given(self):
        model = NeuralODE(lambda s, z, x: x)
        arrows = one(plot.vector_field(model, box=BOX, density=3), Quiver)
        np.testing.assert_allclose(arrows.U, arrows.X)
        control = torch.tensor([2.0, 3.0])
        ax = plot.vector_field(model, box=BOX, density=3, control=control)
        arrows = one(ax, Quiver)
        assert set(arrows.U) == {2.0}
        assert set(arrows.V) == {3.0}

    def test_other_components_stay_where_at_puts_them(self):
        model = NeuralODE(lambda s, z, x: z.flip(1))
        ax = plot.vector_field(
            model,
            box=BOX,
            density=3,
            at=torch.tensor([5.0, 0.0, 0.0]),
            components=(1, 2),
        )
        arrows = one(ax, Quiver)  # dz2 = z2, dz3 = z1
        np.testing.assert_allclose(arrows.U, arrows.X)
        assert set(arrows.V) == {5.0}
        assert ax.get_xlabel() == "$z_{2}$"

    def test_a_joint_field_is_shown_at_its_own_state(self):
        class Growing(JointField):
            def initial(self):
                return torch.ones(1)

            def forward(self, s, state, x):
                z, w = state
                return w * z, w  # w(s) = exp(s)

        model = NeuralODE(Growing())
        ax = plot.vector_field(model, box=BOX, s=1.0, density=3)
        arrows = one(ax, Quiver)
        np.testing.assert_allclose(arrows.U, np.e * arrows.X, rtol=1e-3)

    def test_stream(self):
        ax = plot.vector_field(NeuralODE(rotation), kind="stream", density=8)
        assert len(one(ax, LineCollection).get_segments()) > 10

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"box": (1, 0, 0, 1)}, "box must"),
            ({"density": 1}, "density must"),
            ({"s": -1.0}, "^s must"),
            ({"kind": "arrows"}, "kind must"),
            ({"components": (0, 2)}, "components must"),
            ({"components": (1, 1)}, "components must"),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            plot.vector_field(NeuralODE(rotation), **arguments)

    def test_states_of_another_size(self):
        with pytest.raises(ValueError, match=r"model\.field must"):
            plot.vector_field(NeuralODE(mlp(3, 4, 3)))
        with pytest.raises(TypeError, match="model must"):
            plot.vector_field(mlp(2, 2))


class TestFlow:
    def test_starts_paths_and_ends_by_class(self):
        x, y = two_classes()
        model = NeuralODE(rotation, depth=np.pi)  # half a turn
        ax = plot.flow(model, x, y, points=30)
        starts = np.concatenate(
            [
                c.get_offsets()
                for c in ax.collections
                if isinstance(c, PathCollection) and c.get_label()[0] == "_"
            ]
        )
        ends = {
            c.get_label(): c.get_offsets()
            for c in ax.collections
            if isinstance(c, PathCollection) and c.get_label()[0] != "_"
        }
        negative = (y == -1).flatten()
        both = torch.cat([x[negative], x[~negative]])
        np.testing.assert_allclose(starts, both, atol=1e-6)
        np.testing.assert_allclose(ends["class −1"], -x[negative], atol=1e-3)
        paths = [c for c in ax.collections if isinstance(c, LineCollection)]
        assert [len(p.get_segments()) for p in paths] == [3, 3]
        assert paths[0].get_segments()[0].shape == (30, 2)
        colors = [to_hex(p.get_color()[0]).upper() for p in paths]
        assert colors == [plot.CLASS_COLORS[-1], plot.CLASS_COLORS[1]]

    def test_readout_line_and_field(self):
        x, y = two_classes()
        model = NeuralODE(rotation, readout=linear(1.0, 2.0))
        ax = plot.flow(model, x, y, box=BOX, field=0.0)
        line = one(ax, ContourSet).get_paths()[0].vertices
        np.testing.assert_allclose(line @ [1.0, 2.0], 0, atol=1e-5)
        assert one(ax, Quiver) is not None

    def test_components_of_a_larger_state(self):
        x, y = two_classes()
        model = NeuralODE(
            lambda s, z, x: torch.ones_like(z),
            lift=lambda x: torch.cat([x, 0 * x], dim=1),
        )
        ax = plot.flow(model, x, y, components=(0, 3))
        assert ax.get_ylabel() == "$z_{4}$"

    def test_bad_arguments(self):
        x, y = two_classes()
        with pytest.raises(ValueError, match=r"^y must"):
            plot.flow(NeuralODE(rotation), x, 2 * y)
        with pytest.raises(ValueError, match=r"^y must"):
            plot.flow(NeuralODE(rotation), x, y[1:])
        with pytest.raises(ValueError, match="components must"):
            plot.flow(NeuralODE(nn.Tanh()), x[:, :1], y)
        with pytest.raises(ValueError, match="model must"):
            plot.flow(NeuralODE(nn.Tanh()), x[:, :, None], y)


class TestSnapshots:
    def test_states_and_field_at_equally_spaced_depths(self):
        x, y = two_classes()
        model = NeuralODE(lambda s, z, x: 2 * s * torch.ones_like(z))
        axes = plt.subplots(1, 3)[1]
        plot.snapshots(model, x, y, axes, density=4)
        for ax, s in zip(axes, (0.0, 0.5, 1.0), strict=True):
            arrows = one(ax, Quiver)
            np.testing.assert_allclose(arrows.U, 2 * s, atol=1e-6)
            inner = x[y[:, 0] == -1] + s**2  # z(s) = x + s^2
            shown = next(
                c for c in ax.collections if c.get_label() == "class −1"
            )
            np.testing.assert_allclose(shown.get_offsets(), inner, atol=1e-3)
            assert f"{s:g}" in ax.get_title()

    def test_the_field_is_that_of_one_input_and_a_ring_marks_it(self):
        x, y = two_classes()
        axes = plt.subplots(1, 2)[1]
        plot.snapshots(
            NeuralODE(lambda s, z, x: x), x, y, axes, sample=1, density=3
        )
        for ax, s in zip(axes, (0.0, 1.0), strict=True):
            np.testing.assert_allclose(one(ax, Quiver).U, x[1, 0])
            ring = ax.collections[-1].get_offsets()[0]
            np.testing.assert_allclose(ring, (1 + s) * x[1], atol=1e-3)
        with pytest.raises(ValueError, match="sample must"):
            plot.snapshots(NeuralODE(rotation), x, y, axes, sample=6)


class TestBoundary:
    def test_the_line_is_where_the_output_is_zero(self):
        # z(1) = 2 z(0) turns w.z(1) + b = 0 into 2 w.x + b = 0.
        model = NeuralODE(
            lambda s, z, x: np.log(2) * z, readout=linear(1.0, -1.0, bias=0.5)
        )
        ax = plot.decision_boundary(model, box=BOX, density=20)
        points = np.stack(ax.lines[0].get_data(), axis=1)
        np.testing.assert_allclose(2 * points @ [1.0, -1.0] + 0.5, 0, atol=1e-5)
        assert one(ax, ContourSet).levels[1] == 0

    def test_no_channel_is_too_thin_for_a_shared_flow(self):
        """On a grid of five points a line between two of them has no sign."""
        model = NeuralODE(lambda s, z, x: 0 * z, readout=linear(1.0, 0.0))
        seen = plot.decision_boundary(model, box=BOX, density=5)
        assert len(seen.lines) == 1
        blind = plot.decision_boundary(nn.Sequential(model), box=BOX, density=5)
        assert not blind.lines

    def test_a_film_draws_the_line_that_ends_at_its_depth(self):
        """At depth s the rotation has carried z_1 = 0 on by the angle s."""
        model = NeuralODE(rotation, readout=linear(1.0, 0.0))
        for s in (0.0, 0.5, 1.0):
            curve = shared_boundary(model, s)
            assert curve is not None
            turned = NeuralODE(rotation, depth=s)(curve) if s else curve
            # By the model's own tolerance, up to 20 units from the origin.
            np.testing.assert_allclose(turned[:, 0], 0, atol=1e-3)

    def test_one_class_everywhere_has_no_line(self):
        ax = plot.decision_boundary(lambda x: 1 + x[:, 0] ** 2, density=5)
        assert isinstance(one(ax, ContourSet), ContourSet)

    def test_several_outputs(self):
        with pytest.raises(ValueError, match="model must"):
            plot.decision_boundary(nn.Identity(), density=5)


class TestDepth:
    def test_lines_follow_the_states_and_rings_mark_targets(self):
        x = torch.tensor([[1.0], [-0.5]])
        model = NeuralODE(lambda s, z, x: -z, depth=2.0)
        ax = plot.depth_evolution(model, x, -x, points=20)
        lines = next(c for c in ax.collections if isinstance(c, LineCollection))
        s, z = lines.get_segments()[1].T
        np.testing.assert_allclose(z, -0.5 * np.exp(-s), atol=1e-3)
        rings = next(c for c in ax.collections if isinstance(c, PathCollection))
        np.testing.assert_allclose(rings.get_offsets(), [[2, -1], [2, 0.5]])

    def test_classes_where_there_is_a_readout(self):
        x, y = two_classes()
        model = NeuralODE(rotation, readout=linear(1.0, 0.0))
        ax = plot.depth_evolution(model, x, y, component=1)
        colors = [
            to_hex(c).upper() for c in one(ax, LineCollection).get_color()
        ]
        assert colors == [plot.CLASS_COLORS[-1], plot.CLASS_COLORS[1]] * 3
        with pytest.raises(ValueError, match="component must"):
            plot.depth_evolution(model, x, y, component=2)

    def test_samples_with_their_own_depths_end_there(self):
        x = torch.tensor([[1.0], [-1.0]])
        model = NeuralODE(nn.Tanh(), depth=lambda x: 2 - x[:, 0])
        ax = plot.depth_evolution(model, x, -x)
        lines = next(c for c in ax.collections if isinstance(c, LineCollection))
        ends = [segment[-1, 0] for segment in lines.get_segments()]
        np.testing.assert_allclose(ends, [1, 3])

    def test_slope_field(self):
        model = NeuralODE(lambda s, z, x: s * z + 0 * x)
        arrows = one(plot.slope_field(model, density=6), Quiver)
        np.testing.assert_allclose(
            arrows.V / arrows.U, arrows.X * arrows.Y, atol=1e-6
        )
        with pytest.raises(ValueError, match=r"model\.field must"):
            plot.slope_field(NeuralODE(mlp(2, 2)))


def test_space_shows_classes_and_a_level_plane():
    z = torch.tensor([[0.0, 0.0, -1.0], [1.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
    y = torch.tensor([-1.0, 1.0, 1.0])
    ax = plot.space(z, y, level=0.5)
    inner, outer, plane = ax.collections
    assert [len(inner.get_offsets()), len(outer.get_offsets())] == [1, 2]
    assert plane.get_alpha() == 0.25
    with pytest.raises(ValueError, match=r"^z must"):
        plot.space(z[:, :2], y)


class TestCurves:
    def test_band_is_mean_and_std(self):
        runs = torch.tensor([[3.0, 2.0, 1.0], [5.0, 3.0, 4.0]])
        histories = [SimpleNamespace(nfe=r) for r in runs]
        ax = plot.training_curves({"a": histories}, "nfe")
        np.testing.assert_allclose(ax.lines[0].get_ydata(), runs.mean(0))
        edge = ax.collections[0].get_paths()[0].vertices
        for i in range(3):
            at = edge[edge[:, 0] == i + 1, 1]
            low, high = at.min(), at.max()
            np.testing.assert_allclose((low + high) / 2, runs.mean(0)[i])
            np.testing.assert_allclose((high - low) / 2, runs.std(0)[i])

    def test_one_history_has_no_band(self):
        history = SimpleNamespace(loss=torch.ones(4))
        ax = plot.training_curves({"a": history, "b": [history]})
        assert not ax.collections
        assert ax.get_yscale() == "log"
        (legend,) = ax.get_figure().legends
        assert [t.get_text() for t in legend.get_texts()] == ["a", "b"]

    def test_spikes_are_marked_run_by_run(self):
        runs = torch.tensor([[3.0, 2.0, 3.5], [5.0, 8.0, 4.0]])
        histories = [SimpleNamespace(nfe=r) for r in runs]
        ax = plot.training_curves({"a": histories}, "nfe", spikes=1.5)
        _, marked = ax.lines
        assert marked.get_xydata().tolist() == [[3, 3.5], [2, 8]]

    def test_memory_is_drawn_for_each_way(self):
        ways = ["backpropagation"] * 2 + ["adjoint"] * 2
        frame = pd.DataFrame(
            {"variant": ways, "nfe": [8, 16] * 2, "memory": [16, 32, 3, 3]}
        )
        grows, stays = plot.memory(frame).lines
        assert grows.get_xydata().tolist() == [[8, 16], [16, 32]]
        assert stays.get_ydata().tolist() == [3, 3]

    def test_means_have_the_spread_of_their_seeds(self):
        frame = pd.DataFrame(
            {
                "n": [2, 2, 2, 1, 1],
                "nfe": [1.0, 3.0, np.nan, 0.5, 0.5],
                "seed": [0, 1, 2, 0, 1],
            }
        )
        (drawn,) = plot.means(frame, "n", "nfe", label="final").containers
        line, caps, _ = drawn.lines
        assert line.get_xydata().tolist() == [[1, 0.5], [2, 2]]
        assert caps[1].get_ydata() == pytest.approx([0.5, 2 + 2**0.5])
        assert drawn.get_label() == "final"

    def test_losses_have_geometric_means_and_bars_above_zero(self):
        frame = pd.DataFrame({"n": [1, 1], "loss": [0.01, 1.0]})
        (drawn,) = plot.means(frame, "n", "loss").containers
        line, caps, _ = drawn.lines
        assert line.get_ydata() == pytest.approx([0.1])
        factor = 100 ** (0.5**0.5)
        assert caps[0].get_ydata() == pytest.approx([0.1 / factor])
        assert caps[1].get_ydata() == pytest.approx([0.1 * factor])

    def test_bad_histories(self):
        short, long = (SimpleNamespace(loss=torch.ones(n)) for n in (2, 3))
        with pytest.raises(ValueError, match="histories of 'a' must"):
            plot.training_curves({"a": [short, long]})
        with pytest.raises(ValueError, match="quantity must"):
            plot.training_curves({"a": short}, "speed")
        with pytest.raises(ValueError, match="histories must"):
            plot.training_curves({})

    def test_weights(self):
        field = SimpleNamespace(
            weights=lambda s: {
                "w": s[:, None, None] * torch.ones(2, 3),
                "b": (s**2)[:, None],
            }
        )
        ax = plot.weights(field, depth=2.0)
        drawn = [line for line in ax.lines if len(line.get_xdata())]
        assert len(drawn) == 7
        s = drawn[-1].get_xdata()
        assert s[-1] == 2
        np.testing.assert_allclose(drawn[-1].get_ydata(), s**2)
        labels = [t.get_text() for t in ax.get_legend().get_texts()]
        assert labels == ["w", "b"]
        few = plot.weights(field, ["w"], entries=2)
        assert sum(len(line.get_xdata()) > 0 for line in few.lines) == 2
        with pytest.raises(ValueError, match="names must"):
            plot.weights(field, ["c"])
        with pytest.raises(TypeError, match="field must"):
            plot.weights(mlp(2, 2))

    def test_convergence(self):
        h = torch.tensor([0.1, 0.05, 0.025])
        curves = {"a": h, "b": 3 * h**4}
        ax = plot.convergence(h, curves, {"b": 4})
        guide = ax.lines[-1]
        ratio = guide.get_ydata() / (3 * h.numpy() ** 4)
        np.testing.assert_allclose(ratio, 0.5, rtol=1e-5)
        assert guide.get_label() == "slope 4"
        assert len(plot.convergence(h, curves, 1).lines) == 3
        with pytest.raises(ValueError, match=r"^a must"):
            plot.convergence(h, {"a": 0 * h})
        with pytest.raises(ValueError, match="slope must"):
            plot.convergence(h, curves, {"c": 1})


def embedded(html, kind):
    return base64.b64decode(
        re.search(rf'src="data:{kind};base64,([^"]*)"', html).group(1)
    )


class TestAnimations:
    FRAMES = 4

    def test_video(self, tmp_path):
        x, y = two_classes()
        before = dict(mpl.rcParams)
        html = plot.animate_flow(
            NeuralODE(rotation), x, y, frames=self.FRAMES, label='a "turn"'
        ).data
        assert dict(mpl.rcParams) == before
        assert html.startswith("<video controls muted playsinline loop")
        assert "autoplay" not in html
        assert 'aria-label="a &quot;turn&quot;"' in html
        path = tmp_path / "film.mp4"
        path.write_bytes(embedded(html, "video/mp4"))
        frames, _ = imageio_ffmpeg.count_frames_and_secs(path)
        assert frames == self.FRAMES + 12  # the last one stays for a second
        meta = next(imageio_ffmpeg.read_frames(path))
        assert meta["pix_fmt"].startswith("yuv420p")
        assert meta["size"] == (400, 400)

    def test_frames_differ(self, tmp_path):
        x, y = two_classes()
        html = plot.animate_boundary(
            NeuralODE(rotation, readout=linear(1.0, 0.0)),
            x,
            y,
            frames=self.FRAMES,
            density=10,
        ).data
        path = tmp_path / "film.mp4"
        path.write_bytes(embedded(html, "video/mp4"))
        reader = imageio_ffmpeg.read_frames(path)
        next(reader)
        pictures = [np.frombuffer(f, np.uint8).astype(int) for f in reader]
        assert np.abs(pictures[0] - pictures[self.FRAMES - 1]).mean() > 3
        assert np.abs(pictures[-1] - pictures[-2]).mean() < 1
        code = re.search(r'poster="data:image/jpeg;base64,([^"]*)"', html)
        poster = Image.open(io.BytesIO(base64.b64decode(code.group(1))))
        first = np.asarray(poster).astype(int).ravel()
        assert np.abs(first - pictures[0]).mean() < 2  # both lose a little

    def test_gif_in_a_closed_fold_where_ffmpeg_is_missing(self, monkeypatch):
        def missing():
            raise RuntimeError("No ffmpeg exe could be found")

        monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
        html = plot.animate_flow(
            NeuralODE(rotation), *two_classes(), frames=self.FRAMES
        ).data
        assert html.startswith("<details><summary>")
        picture = Image.open(io.BytesIO(embedded(html, "image/gif")))
        assert picture.is_animated

    @pytest.mark.parametrize(
        ("field", "arrows"),
        [(rotation, True), (lambda s, z, x: x - z, False)],
    )
    def test_arrows_only_where_samples_share_the_field(
        self, field, arrows, monkeypatch
    ):
        drawn = []
        monkeypatch.setattr(
            plot.animation, "draw_field", lambda *a, **k: drawn.append(a)
        )
        plot.animate_flow(NeuralODE(field), *two_classes(), frames=2)
        assert bool(drawn) is arrows

    def test_bad_arguments(self):
        x, y = two_classes()
        with pytest.raises(ValueError, match="frames must"):
            plot.animate_flow(NeuralODE(rotation), x, y, frames=1)
        with pytest.raises(ValueError, match=r"model\.readout must"):
            plot.animate_boundary(NeuralODE(rotation), x, y, density=5)


needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU"
)


@pytest.mark.parametrize(
    "place", [torch.float64, pytest.param("cuda", marks=needs_gpu)]
)
def test_models_of_another_type_or_device(place):
    x, y = two_classes()
    model = seeded(
        lambda: NeuralODE(mlp(2, 8, 2), readout=nn.Linear(2, 1)), 0
    ).to(place)
    plot.flow(model, x, y, field=0.5)
    plot.depth_evolution(model, x, y)
    plot.decision_boundary(model, density=5)
    plot.animate_flow(model, x, y, frames=2)
    plot.animate_boundary(model, x, y, frames=2, density=5)
    plot.slope_field(NeuralODE(mlp(1, 4, 1)).to(place), density=5)


def test_crossings_are_named_by_their_depths():
    s = torch.linspace(0, 1, 3)
    z = torch.tensor(
        [[[0, 0], [2, -1]], [[1, 0], [2, 1]], [[3, 0], [2, 3]]]
    ).float()
    found = [{"samples": [0, 1], "point": [2.0, 0.0], "steps": [1.5, 0.5]}]
    ax = plot.crossings(s, z, torch.tensor([-1.0, 1.0]), found)
    assert [t.get_text() for t in ax.texts] == ["at s = 0.25 and 0.75"]
    dots = [a for a in ax.collections if isinstance(a, PathCollection)]
    assert [[2.0, 0.0]] in [a.get_offsets().tolist() for a in dots]
    assert len(ax.lines) == 2
    bare = plot.crossings(s, z, torch.tensor([-1.0, 1.0]), [], named=0)
    assert not bare.texts
    with pytest.raises(ValueError, match=r"^z must"):
        plot.crossings(s, z[..., 0], torch.tensor([-1.0, 1.0]), [])


def test_the_boundary_curve_is_the_line_before_the_flow():
    """A quarter turn carries z_1 = 0.5 back to z_2 = -0.5."""

    class Turn(nn.Module):
        def forward(self, z):
            return np.pi / 2 * rotation(None, z, None)

    model = NeuralODE(Turn(), readout=linear(1.0, 0.0, bias=-0.5))
    ax = plot.boundary_curve(model, reach=3.0)
    across, up = ax.lines[0].get_data()
    np.testing.assert_allclose(up, -0.5, atol=1e-6)
    np.testing.assert_allclose(sorted(across)[:: len(across) - 1], [-3, 3])


def test_the_boundary_curve_is_where_the_output_vanishes_without_gaps():
    net = seeded(lambda: mlp(2, 8, 2), 1)
    with torch.no_grad():
        net[0].weight.mul_(4)
    model = NeuralODE(net, readout=linear(1.0, 2.0, bias=0.1))
    ax = plot.boundary_curve(model, reach=5.0)
    points = np.stack(ax.lines[0].get_data(), axis=1)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() < 0.03
    output = model(torch.as_tensor(points).float())
    assert output.abs().max() < 2e-3


def test_the_boundary_curve_takes_one_flow_for_all():
    controlled = DataControlled(seeded(lambda: mlp(4, 2), 0))
    with pytest.raises(ValueError, match=r"model\.field must"):
        plot.boundary_curve(NeuralODE(controlled, readout=linear(1.0, 0.0)))
    with pytest.raises(ValueError, match="model must"):
        plot.boundary_curve(NeuralODE(mlp(2, 2)))


def test_the_exponent_map_shows_where_differences_grow():
    """dz/ds = z^2 / 2 per component: growth where z > 0, up to a sign."""

    class Square(nn.Module):
        def forward(self, z):
            return z.square() / 2

    model = NeuralODE(Square(), readout=linear(1.0, 0.0))
    ax = plot.exponent_map(model, box=BOX, density=5, largest=2.0)
    mesh = ax.collections[0]
    rates = mesh.get_array().reshape(5, 5)
    side = torch.linspace(-1, 1, 5)
    own = -2 * torch.log(1 - side / 2)  # of z' = z^2 / 2, over S = 1
    expected = torch.maximum(own[:, None], own[None, :])
    np.testing.assert_allclose(rates, expected, atol=5e-3)
    assert mesh.get_clim() == (-2.0, 2.0)
    with pytest.raises(ValueError, match="largest must"):
        plot.exponent_map(model, largest=0.0)
