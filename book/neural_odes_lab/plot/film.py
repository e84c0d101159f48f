"""Films: frames as a small video that a page holds and its reader starts."""

from __future__ import annotations

import io
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import imageio_ffmpeg
import matplotlib as mpl
from celluloid import Camera
from IPython.display import HTML
from matplotlib.animation import (
    AbstractMovieWriter,
    ArtistAnimation,
    FFMpegWriter,
    PillowWriter,
)
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FPS = 12
DPI = 100
STYLE = "width: 100%; max-width: 400px"
X264 = ["-pix_fmt", "yuv420p", "-crf", "31", "-preset", "veryslow"]


def film(
    draw: Callable[[Axes, int], None],
    captions: Sequence[str],
    box: Sequence[float],
    axis_labels: tuple[str, str],
    label: str,
) -> HTML:
    """One square film: a video, or a GIF where ffmpeg is missing.

    Args:
        draw: draws frame i on the axes; it adds artists and changes nothing
            else.
        captions: one above each frame; there are as many frames.
        box: (left, right, low, high) of the axes.
        axis_labels: below and left of the axes.
        label: what the film shows, for those who do not see it.

    Returns:
        Self-contained HTML. The last frame stays for a second; the first is
        the picture shown until the film is started.
    """
    # Otherwise matplotlib draws each frame twice, to lay it out again.
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        fig = _stage(box, axis_labels)
        (ax,) = fig.axes
        camera = Camera(fig)
        frames = []
        for i, caption in enumerate(captions):
            draw(ax, i)
            # Not a title: celluloid's frames are artists added to the axes.
            ax.text(0.5, 1.03, caption, transform=ax.transAxes, ha="center")
            frames.append(camera.snap())
        animation = ArtistAnimation(fig, [*frames, *[frames[-1]] * FPS])
        try:
            program = imageio_ffmpeg.get_ffmpeg_exe()
        except RuntimeError:  # there is no ffmpeg for this machine
            return HTML(_gif(animation, _poster(fig, frames), label))
        return HTML(_video(animation, _poster(fig, frames), label, program))


def _stage(box: Sequence[float], axis_labels: tuple[str, str]) -> Figure:
    # Not from pyplot: a notebook would show the figure a second time.
    fig = Figure(figsize=(4, 4), layout="constrained")
    ax = fig.add_subplot()
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal", title=" ")
    ax.set_xlabel(axis_labels[0])
    ax.set_ylabel(axis_labels[1], rotation=0)
    fig.draw_without_rendering()
    fig.set_layout_engine(None)  # laid out once for all frames
    return fig


def _video(
    animation: ArtistAnimation, poster: str, label: str, program: str
) -> str:
    with mpl.rc_context({"animation.ffmpeg_path": program}):
        writer = FFMpegWriter(fps=FPS, codec="libx264", extra_args=X264)
        data = _saved(animation, writer, "film.mp4")
    return (
        f'<video controls muted playsinline loop style="{STYLE}" '
        f'aria-label="{escape(label)}" poster="{poster}" '
        f'src="data:video/mp4;base64,{data}"></video>'
    )


def _gif(animation: ArtistAnimation, poster: str, label: str) -> str:
    """GIFs play by themselves, so this one waits in a closed fold."""
    data = _saved(animation, PillowWriter(fps=FPS), "film.gif")
    return (
        f'<details><summary>Play the animation<br><img style="{STYLE}" '
        f'alt="The first frame" src="{poster}"></summary>'
        f'<img style="{STYLE}" alt="{escape(label)}" '
        f'src="data:image/gif;base64,{data}"></details>'
    )


def _saved(
    animation: ArtistAnimation, writer: AbstractMovieWriter, name: str
) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        animation.save(path, writer=writer, dpi=DPI)
        return b64encode(path.read_bytes()).decode()


def _poster(fig: Figure, frames: Sequence[Sequence[Artist]]) -> str:
    """The first frame, which a player shows at 0:00."""
    for i, artists in enumerate(frames):
        for artist in artists:
            artist.set_visible(i == 0)
    picture = io.BytesIO()
    fig.savefig(picture, format="jpeg", dpi=DPI, pil_kwargs={"quality": 80})
    return "data:image/jpeg;base64," + b64encode(picture.getvalue()).decode()
