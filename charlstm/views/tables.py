"""Tables that keep what matters: on a terminal they fit into its width, elsewhere each row is one line, as long as it is.

On a terminal that is too narrow, cells that may be shortened are, in the middle, down to what still tells them apart; then the
least important columns go. The first to come, the name of what a row is about, never does.

Knows: widths, which column goes first, how a cell is folded or shortened.
Does not know: what the columns mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len, chop_cells
from rich.text import Text

from charlstm.views.colours import put
from charlstm.views.console import console, room
from charlstm.views.terminal import shortened

_BETWEEN = 2
_SHORTEST = 8  # columns: of a name that has no more to give up others for


@dataclass(frozen=True)
class Column:
    """A column, and what may happen to it on a narrow terminal."""

    title: str
    gone: int = 0
    """Columns are left out in falling order of this; those with 0 only where nothing else does, and the first one never."""
    is_right: bool = False
    least: int = 0
    """To how many columns of the terminal its cells are shortened before another column goes; 0 where they stay whole."""
    lines: int = 1
    """Over how many lines a cell may go before it is shortened."""


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], titles: str = "bold") -> None:
    """A title a column, then a line a row, on standard output; `titles` is the style of the first."""
    texts = [[Text(column.title, titles) for column in columns], *rows] if any(c.title for c in columns) else rows
    natural = [max((cell_len(row[i].plain) for row in texts), default=0) for i in range(len(columns))]
    widths = layout(columns, natural, room(stderr=False))
    lines = [line for row in texts for line in _lines_of(row, columns, widths)]
    put(Text("\n").join(lines))


def layout(columns: Sequence[Column], natural: Sequence[int], most: int | None) -> dict[int, int]:
    """The columns that are shown, by number, and how wide each is, where at most so many columns of a terminal are there.

    `natural` has how wide each would like to be.

    >>> table = [Column("run", least=12), Column("loss"), Column("minutes", gone=1)]
    >>> layout(table, [20, 6, 7], 80), layout(table, [20, 6, 7], 30), layout(table, [20, 6, 7], 22)
    ({0: 20, 1: 6, 2: 7}, {0: 13, 1: 6, 2: 7}, {0: 14, 1: 6})
    >>> layout(table, [20, 6, 7], 16), layout(table, [20, 6, 7], 15)
    ({0: 8, 1: 6}, {0: 15})
    """
    if most is None:
        return dict(enumerate(natural))
    widths = {i: min(wanted, columns[i].least or wanted) for i, wanted in enumerate(natural)}
    while _total(widths) > most and (going := [i for i in widths if columns[i].gone]):
        del widths[max(going, key=lambda i: (columns[i].gone, i))]
    if _total(widths) > most:
        widths = {i: min(width, _SHORTEST) if columns[i].least else width for i, width in widths.items()}
    while _total(widths) > most and len(widths) > 1:
        widths.popitem()
    if _total(widths) > most:
        widths = {0: most}
    while _total(widths) < most and (cut := [i for i in widths if widths[i] < natural[i]]):
        widths[min(cut, key=lambda i: (widths[i], columns[i].gone))] += 1
    return widths


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + _BETWEEN * (len(widths) - 1)


def _lines_of(row: Sequence[Text], columns: Sequence[Column], widths: Mapping[int, int]) -> Iterable[Text]:
    """One row as the lines that it takes."""
    cells = [
        [Text(part, row[i].style) for part in _folded(row[i].plain, width, columns[i].lines)] for i, width in widths.items()
    ]
    for parts in zip_longest(*cells, fillvalue=Text()):
        line = Text()
        for i, part in zip(widths, parts, strict=True):
            line.append(" " * _BETWEEN if i != next(iter(widths)) else "")
            line.append(aligned(part.plain, widths[i], columns[i].is_right), part.style)
        line.rstrip()
        yield line


def aligned(text: str, width: int, is_right: bool = False) -> str:
    """A text filled up with blanks to so many columns of a terminal, some of whose characters take two."""
    missing = " " * (width - cell_len(text))
    return missing + text if is_right else text + missing


def _folded(text: str, width: int, most: int) -> list[str]:
    """A cell in at most so many lines: at its words where that does, else wherever a line is full, and shortened at last."""
    if cell_len(text) <= width:
        return [text]
    lines = [line.plain.rstrip() for line in Text(text).wrap(console(stderr=False), width)] if most > 1 and width > 1 else []
    if not 0 < len(lines) <= most:
        lines = chop_cells(shortened(text, most * (width - 1) + 1), width)
    return lines[:most]
