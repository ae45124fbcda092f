"""A drawing of lines made of characters: dots of Braille, or one ASCII character a cell.

Knows: cells, dots, which line owns a cell.
Does not know: what the lines mean, colours.
"""

from __future__ import annotations

import os
import sys

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of U+2800's block, by row and column of the 4 x 2 dots of a cell."""


def has_braille() -> bool:
    """Whether standard output can show Braille. The console of Linux without graphics has no glyphs for it."""
    try:
        "⣿┤".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return os.environ.get("TERM") not in ("linux", "dumb")


class Canvas:
    """Lines between points; x and y are from 0 to 1, from left to right and from bottom to top."""

    def __init__(self, width: int, height: int, is_ascii: bool) -> None:
        self._width, self._height, self._is_ascii = width, height, is_ascii
        self._across, self._down = (1, 1) if is_ascii else (2, 4)
        self._bits = [[0] * width for _ in range(height)]
        self._cells: list[list[tuple[str, int]]] = [[(" ", -1)] * width for _ in range(height)]

    def line(self, begin: tuple[float, float], end: tuple[float, float], owner: int, letter: str) -> None:
        """Draw a line; where there are no dots, it is made of its letter. A line to its own beginning is a dot."""
        (x0, y0), (x1, y1) = self._dot(*begin), self._dot(*end)
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            self._set(x0 + round((x1 - x0) * i / steps), y0 + round((y1 - y0) * i / steps), owner, letter)

    def put(self, at: tuple[float, float], owner: int, letter: str) -> None:
        """Put a letter in the place of a point, or beside the letters that are there already: at the same height."""
        x, y = self._dot(*at)
        column, row = x // self._across, self._cells[y // self._down]
        free = [i for i, (there, _) in enumerate(row) if self._is_ascii or not there.isalpha()]
        row[min(free, key=lambda i: (abs(i - column), i), default=column)] = (letter, owner)

    def rows(self) -> list[list[tuple[str, int]]]:
        """The rows from top to bottom: of each cell what stands in it and which line it belongs to, -1 for none."""
        return self._cells

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        columns, rows = self._width * self._across, self._height * self._down
        return round(x * (columns - 1)), round((1 - y) * (rows - 1))

    def _set(self, x: int, y: int, owner: int, letter: str) -> None:
        column, row = x // self._across, y // self._down
        if not self._is_ascii:
            self._bits[row][column] |= _DOTS[y % 4][x % 2]
            letter = chr(0x2800 + self._bits[row][column])
        self._cells[row][column] = (letter, owner)
