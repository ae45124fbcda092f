"""What all pictures share: their style, their colours, and how a figure becomes a file.

The colours are those of Okabe and Ito (2008), which every colour-blind reader can tell apart.

Knows: matplotlib, PNG and SVG.
Does not know: what is drawn.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from charlstm.library_folders import own_folder

_SETTINGS = ("$XDG_CONFIG_HOME/matplotlib", "~/.config/matplotlib", "~/.matplotlib", "$LOCALAPPDATA/matplotlib")
"""Where a user may have some for matplotlib. In a notebook, what is imported here is the user's matplotlib too."""

with own_folder("MPLCONFIGDIR", "matplotlib", _SETTINGS):
    from matplotlib import rc_context, style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["COLOURS", "Line2D", "PictureFormat", "picture"]
PictureFormat = Literal["png", "svg"]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_STYLE: dict[str, object] = {
    "font.size": 9,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.formatter.limits": (-4, 5),
    "grid.color": "#e5e5e5",
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "svg.hashsalt": "charlstm",  # the same curves make the same file
}


@contextmanager
def picture(
    width: float, height: float, kind: PictureFormat, layout: Literal["constrained"] | None = "constrained"
) -> Iterator[tuple[Figure, io.BytesIO]]:
    """A figure to draw on, so many hundreds of pixels wide and high, and what holds the bytes of its file afterwards.

    matplotlib finds room for all of it, unless `layout` is None and who draws sets the margins: that is twice as fast.
    """
    with rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of characters that the font lacks, which are shown as boxes
        style.use(["default", _STYLE])
        figure, out = Figure(figsize=(width, height), dpi=100, layout=layout), io.BytesIO()
        FigureCanvasAgg(figure)
        yield figure, out
        figure.savefig(out, format=kind, metadata={"Software": None} if kind == "png" else {"Date": None})
