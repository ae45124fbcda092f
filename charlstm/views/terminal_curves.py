"""The curves of runs on a terminal that shows no pictures, best in 80 columns or more.

A line ends in a letter, which the legend explains: it can be read without colours, and in ASCII.

Knows: panels, scales, letters, colours.
Does not know: where the numbers come from, how a line is made of characters.
"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from charlstm.views.canvas import Canvas, has_braille
from charlstm.views.console import console
from charlstm.views.terminal import one_line, visible

_COLOURS = ("bright_blue", "yellow", "green", "magenta", "cyan", "red")
_LABEL = 8  # columns for the numbers at either side
_MOST_WIDTH = 120
_LEAST_WIDTH = 4
_BOTH_SIDES = 48  # columns: in fewer the second scale is left out


@dataclass(frozen=True)
class TerminalCurve:
    """A curve: its letter is that of its name in the legend."""

    letter: str
    colour: int
    points: Sequence[tuple[float, float]]
    """x and y, all finite, from left to right."""


@dataclass(frozen=True)
class Panel:
    """Curves with one scale."""

    title: str
    height: int
    lines: Sequence[TerminalCurve]
    right: float | None = None
    """What a second scale has for a 1 of the first; None for no second scale."""


def print_panels(panels: Sequence[Panel], legend: Sequence[tuple[str, int, str]], x: str) -> None:
    """Panels one below the other on standard output, then the legend: letters, colours and names."""
    out = console(stderr=False)
    is_ascii = not has_braille()
    sides = 2 if out.width >= _BOTH_SIDES else 1
    width = max(_LEAST_WIDTH, min(out.width, _MOST_WIDTH) - sides * _LABEL - 4)
    places = [place for panel in panels for line in panel.lines for place, _ in line.points]
    most = max(places, default=0) or 1.0
    for panel in panels:
        out.print(Text(visible(panel.title), "bold"), soft_wrap=True)
        for row in _rows(panel if sides == 2 else replace(panel, right=None), width, most, is_ascii):
            out.print(row, soft_wrap=True)
    axis = ("+" if is_ascii else "└") + ("-" if is_ascii else "─") * width
    out.print(Text(" " * (_LABEL + 1) + axis), soft_wrap=True)
    end = f"{most:,.4g}" if x == "minutes" else f"{most:,.0f}"
    out.print(Text(f"{'':{_LABEL + 2}}0{x:^{max(1, width - 1 - len(end))}}{end}"), soft_wrap=True)
    for letter, colour, name in legend:
        out.print(Text(f"{letter}  ", _curve_colour(colour)).append(one_line(name), "default"), soft_wrap=True)


def _rows(panel: Panel, width: int, most: float, is_ascii: bool) -> list[Text]:
    values = [y for line in panel.lines for _, y in line.points]
    if not values:
        return [Text(f"{'':{_LABEL + 2}}not recorded")]
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    canvas = Canvas(width, panel.height, is_ascii)
    placed = [[(x / most, (y - low) / (high - low)) for x, y in line.points] for line in panel.lines]
    for line, points in zip(panel.lines, placed, strict=True):
        for begin, end in zip(points, points[1:] or points, strict=False):
            canvas.line(begin, end, line.colour, line.letter)
    for line, points in zip(panel.lines, placed, strict=True):
        if points:
            canvas.put(points[-1], line.colour, line.letter)
    tick = "|" if is_ascii else "┤"
    texts = []
    for i, cells in enumerate(canvas.rows()):
        value = high - (high - low) * i / max(1, panel.height - 1)
        is_labelled = i in (0, panel.height // 2, panel.height - 1)
        text = Text(
            f"{_seven_wide(value) if is_labelled else '':>{_LABEL}} {tick if is_labelled else '|' if is_ascii else '│'}"
        )
        for character, owner in cells:
            text.append(character, _curve_colour(owner) if owner >= 0 else "")
        if panel.right and is_labelled:
            text.append(f" {_seven_wide(value * panel.right)}")
        text.rstrip()
        texts.append(text)
    return texts


def letters(count: int) -> list[str]:
    """A letter a run; beyond 52 they begin again."""
    return [string.ascii_letters[i % 52] for i in range(count)]


def _seven_wide(value: float) -> str:
    """In at most 7 columns: 1.5072, 0.0023, 8.0e-05."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.{max(0, 4 - max(0, math.floor(math.log10(abs(value))) if value else 0))}f}"
    return f"{value:.1e}"


def _curve_colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
