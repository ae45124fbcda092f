"""The curves of runs as a picture. Lines differ in their colours and in their marks.

Knows: panels, axes, legends.
Does not know: where the numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charlstm.runs.records import XAxis
from charlstm.views.pictures import COLOURS, Line2D, PictureFormat, picture
from charlstm.views.terminal import one_line

if TYPE_CHECKING:  # `pictures` imports matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v")  # 5 and 7 have no common divisor: 35 runs look different
_MOST_MARKS = 20
_LONGEST_LABEL = 90


@dataclass(frozen=True)
class Drawn:
    """One run, as it is drawn."""

    label: str
    columns: Mapping[str, Sequence[float]]
    """See `charlstm.runs.records.read_columns`."""


def draw_curves(runs: Sequence[Drawn], x: XAxis, noun: str, kind: PictureFormat) -> bytes:
    """Losses, learning rate and gradient norm of runs, one below the other, as the bytes of a file of 800 x 720 pixels."""
    # One run has no legend below it, whose height nobody knows, and is drawn beside a training: in little time.
    with picture(8, 7.2, kind, None if len(runs) == 1 else "constrained") as (figure, out):
        losses, rate, norm = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1))
        if len(runs) == 1:
            figure.subplots_adjust(left=0.1, right=0.91, bottom=0.07, top=0.95, hspace=0.08)
            _draw_one(losses, runs[0], x)
        else:
            _draw_several(figure, losses, runs, x)
        for i, run in enumerate(runs):
            _line(rate, run, x, "learning_rate", i)
            _line(norm, run, x, "grad_norm", i)
        losses.set_ylabel(f"loss, nats per {noun}")
        bits = losses.secondary_yaxis("right", functions=(lambda nats: nats / math.log(2), lambda bits: bits * math.log(2)))
        bits.set_ylabel(f"bits per {noun}")
        bits.spines["right"].set_visible(True)
        for panel, column, name in ((rate, "learning_rate", "learning rate"), (norm, "grad_norm", "gradient norm")):
            values = [value for run in runs for value in run.columns[column] if math.isfinite(value)]
            panel.set_ylabel(name)
            panel.yaxis.set_major_formatter("{x:g}")  # a power of ten above the axis would stand in the panel over it
            panel.set_ylim(0, 1.1 * max(values, default=1) or 1)
        norm.set_xlabel(x)
        norm.set_xlim(left=0)
        figure.align_ylabels([losses, rate, norm])
    return out.getvalue()


def _draw_one(losses: Axes, run: Drawn, x: XAxis) -> None:
    """One run: a colour for each of the two losses, and the best of them by its number."""
    if any(map(math.isfinite, run.columns["validation_loss"])):
        _line(losses, run, x, "validation_loss", 0, label="validation")
    if any(map(math.isfinite, run.columns["part_loss"])):
        _line(losses, run, x, "part_loss", 2, label="part of validation", linestyle=":")
    _line(losses, run, x, "train_loss", 1, label="training", linestyle="--")
    losses.set_title(_shortened(run.label))
    pairs = zip(run.columns["validation_loss"], _x_values(run, x), strict=True)
    scored = [(loss, at) for loss, at in pairs if math.isfinite(loss)]
    if scored:
        loss, at = min(scored)
        losses.axhline(loss, color=COLOURS[0], linewidth=0.8, linestyle=":")
        losses.plot([at], [loss], "o", markersize=9, markerfacecolor="none", color=COLOURS[0], label=f"best, {loss:.4f}")
    losses.legend()


def _draw_several(figure: Figure, losses: Axes, runs: Sequence[Drawn], x: XAxis) -> None:
    """Several runs: a colour and a mark each; training is dashed."""
    for i, run in enumerate(runs):
        _line(losses, run, x, "validation_loss", i)
        marker = "" if len(run.columns["train_loss"]) > 1 else _mark(i)
        _line(losses, run, x, "train_loss", i, linestyle="--", marker=marker, markerfacecolor="none", linewidth=1.0)
    kinds = [
        Line2D([], [], color="#444444", label="validation"),
        Line2D([], [], color="#444444", linestyle="--", linewidth=1.0),
    ]
    losses.legend(kinds, ["validation", "training"])
    handles = [Line2D([], [], color=_colour_of(i), marker=_mark(i)) for i in range(len(runs))]
    names = [_shortened(run.label) for run in runs]
    columns = max(1, min(4, len(runs), 120 // (8 + max(map(len, names)))))
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)


def _line(panel: Axes, run: Drawn, x: XAxis, column: str, number: int, **more: Any) -> None:
    values = run.columns[column]
    every = max(1, len(values) // _MOST_MARKS)
    panel.plot(_x_values(run, x), values, **{"color": _colour_of(number), "marker": _mark(number), "markevery": every, **more})


def _x_values(run: Drawn, x: XAxis) -> Sequence[float]:
    if x == "minutes":
        return [seconds / 60 for seconds in run.columns["seconds"]]
    return run.columns["step" if x == "steps" else "characters"]


def _colour_of(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _mark(number: int) -> str:
    return _MARKERS[number % len(_MARKERS)]


def _shortened(label: str) -> str:
    line = one_line(label)
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 3] + "..."
