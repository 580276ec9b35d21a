"""How every figure looks and how it becomes a file: one font, one set of colours, the widths of a paper's columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from cada.storage.files import atomic

COLUMN, PAGE = 3.5, 7.16  # inches: one column and both columns of IEEE's two-column layout
DPI = 300
FORMATS = ("png", "svg")
METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Okabe and Ito's colours, which the common forms of colour blindness keep apart; the yellow is too faint for lines.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))  # so that grey prints can be read too
RIGHT, WRONG, QUIET = "#0072B2", "#D55E00", "#777777"

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "text.parse_math": False,  # captions may hold a dollar
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "cada",  # the ids in a file do not change from one call to the next
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures; they are drawn and saved within."""
    with mpl.rc_context():
        mpl.rcdefaults()  # nothing of the user's own settings
        mpl.rcParams.update(SETTINGS)
        yield


def looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and line of each variant, the same in every figure; later ones are thinner, so that none hides another."""
    return {
        name: {
            "color": COLOURS[place % len(COLOURS)],
            "linestyle": LINES[(place + place // len(COLOURS)) % len(LINES)],
            "linewidth": 1.1 + 1.2 * (len(names) - 1 - place) / len(names),
        }
        for place, name in enumerate(names)
    }


def message(text: str, *, width: float = COLUMN) -> Figure:
    """A figure that says why there is nothing to show."""
    figure = Figure(figsize=(width, 0.8))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True, color=QUIET)
    return figure


def draw_image(axes: Axes, image: np.ndarray, title: str, *, colour: str, size: float = 6.5, frame: float = 0) -> None:
    """An image (H, W, 3) with a few words above it, in a frame of a width in points."""
    axes.imshow(image, interpolation="none", aspect="equal")  # an SVG then holds it as it is
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=size, color=colour, pad=2.5)
    for spine in axes.spines.values():
        spine.set(visible=frame > 0, color=colour, linewidth=frame)


def legend_above(figure: Figure | SubFigure, names: Sequence[str]) -> None:
    """One legend of the variants over all panels."""
    lines = [Line2D([], [], label=name, **look) for name, look in looks(names).items()]
    fitting = 100 // (max(map(len, names)) + 6)  # a line of the legend has room for about 100 letters; six are a handle
    figure.legend(handles=lines, loc="outside upper center", ncols=max(1, min(fitting, len(lines))), handlelength=2.6)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `folder`/`name`.png and .svg: equal bytes for equal figures on one machine.

    Neither holds a date or a version. The pixels do not depend on the machine; the bytes of a PNG, and of images in an
    SVG, do where another zlib packs them.
    """
    for kind in FORMATS:
        write_figure(figure, folder / f"{name}.{kind}")


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as .png, .svg or .pdf, as the name says. An SVG is XML whatever characters a caption holds."""
    kind = path.suffix[1:]
    _place(figure)
    with atomic(path) as partial:
        figure.savefig(partial, format=kind, dpi=DPI, metadata=METADATA[kind])
        if kind == "svg":  # matplotlib writes every text as a comment, too
            text = partial.read_text(encoding="utf-8", errors="replace")
            partial.write_text(_NO_XML.sub("\ufffd", text), encoding="utf-8")


def _place(figure: Figure) -> None:
    """Lay out a figure once and for all: the solver goes by the addresses of its objects, and the last digits are not the same twice."""
    if not isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in _parts(figure):
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(6))
    for axes in figure.get_axes():
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(6)), which="original")


def _parts(figure: Figure | SubFigure) -> Iterator[SubFigure]:
    for part in figure.subfigs:
        yield part
        yield from _parts(part)
