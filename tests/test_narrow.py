"""The layout that figures have on phones."""

import base64
import io

import finish_pages
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from neural_odes_lab import plot
from neural_odes_lab.plot.narrow import NARROW, WIDTH, stack, with_narrow

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _own_style():
    with mpl.rc_context():
        plot.use_style()
        yield
    plt.close("all")


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ((1, 1), (1, 1)),
        ((1, 2), (2, 1)),
        ((1, 3), (3, 1)),
        ((1, 4), (2, 2)),
        ((1, 5), (3, 2)),
        ((2, 2), (2, 2)),
        ((2, 4), (4, 2)),
        ((4, 2), (4, 2)),
    ],
)
def test_at_most_two_panels_stand_side_by_side(wide, narrow):
    figure, axes = plt.subplots(*wide, figsize=(8, 3), squeeze=False)
    stack(figure)
    assert figure.get_figwidth() == WIDTH
    shown = {(ax.get_subplotspec().get_geometry()[:2]) for ax in axes.flatten()}
    assert shown == {narrow}
    places = [ax.get_subplotspec().num1 for ax in axes.flatten()]
    assert len(set(places)) == axes.size
    if wide[0] == 1:
        assert places == sorted(places)
    figure.canvas.draw()


def test_shared_axes_are_labelled_wherever_they_stand():
    figure, axes = plt.subplots(1, 3, sharey=True)
    axes[0].set_ylabel("z(s)")
    stack(figure)
    figure.canvas.draw()
    for ax in axes:
        assert ax.get_ylabel() == "z(s)"
        assert any(label.get_visible() for label in ax.get_yticklabels())


def test_colour_bars_and_legends_come_along():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3))
    image = axes[0].imshow([[0.0, 1.0]])
    for name in "abcd":
        axes[1].plot([0, 1], label=name)
    plot.legend(axes[1])
    figure.colorbar(image, ax=axes)
    stack(figure)
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list("abcd")
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_picture_carries_both():
    figure, _ = plt.subplots(1, 3, figsize=(8, 2.6))
    draft = io.BytesIO()
    figure.savefig(draft, format="png")
    both = with_narrow(base64.b64encode(draft.getvalue()).decode(), figure)
    wide = Image.open(io.BytesIO(base64.b64decode(both)))
    assert finish_pages.NARROW == NARROW
    small = Image.open(io.BytesIO(base64.b64decode(wide.text[NARROW])))
    assert wide.width > 2 * small.width
    assert small.height > small.width
    original = Image.open(draft)
    assert wide.tobytes() == original.tobytes()
