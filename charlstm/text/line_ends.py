"""How the lines of a text that a model learned end, and what a newline is to that model.

A line end is LF, CRLF or CR. Of CRLF both characters are one thing: neither comes without the other.

| the text that was learned had | a newline that is typed is | another text is read with |
|---|---|---|
| one kind | that kind | that kind, whichever it has |
| several | the most frequent | the kinds that it has |
| nobody knows which | what was typed | the kinds that it has |

Nobody knows it of a model that has both characters, or bytes, and was saved before this was kept.

Knows: the three kinds, and how they are told apart and put for each other.
Does not know: vocabularies, settings, files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from charlstm.text.types import Ids

Newlines = Literal["keep", "lf", "crlf", "cr"]
"""What becomes of line ends: they stay as they are, or each becomes one kind."""
LINE_ENDS: dict[Newlines, str] = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
_ANY = re.compile(r"\r\n|\n|\r")
_COUNTED_AT_ONCE = 2**22  # ids that are looked at together


@dataclass(frozen=True)
class LineEnds:
    """Those of the text that a model learned.

    >>> dos, mixed = LineEnds(("\\r\\n",)), LineEnds(("\\n", "\\r\\n"))
    >>> dos.typed("a\\nb\\r\\n"), mixed.typed("a\\nb\\r\\n")
    ('a\\r\\nb\\r\\n', 'a\\nb\\r\\n')
    >>> dos.spellings("\\n\\n")
    ('\\r\\n\\r\\n', '\\n\\n', '\\r\\r')
    """

    learned: tuple[str, ...] = ()
    """The kinds, the most frequent first; empty where nobody knows them."""

    @property
    def newlines(self) -> Newlines:
        """How another text is to be read for the model."""
        return next((name for name, kind in LINE_ENDS.items() if self.learned == (kind,)), "keep")

    @property
    def is_plain(self) -> bool:
        """Whether a newline is what is typed: LF alone was learned, or nobody knows what was."""
        return self.learned in ((), ("\n",))

    @property
    def pairs(self) -> bool:
        """Whether CR is often the first half of a line end."""
        return "\r\n" in self.learned

    def typed(self, text: str) -> str:
        """A text that somebody typed, its newlines, and ends that the model never saw, as the model's own."""
        if not self.learned or ("\n" not in text and "\r" not in text):
            return text
        kept = set(self.learned) - {"\n"}
        return _ANY.sub(lambda found: found[0] if found[0] in kept else self.learned[0], text)

    def characters(self, text: str) -> str:
        """Characters that somebody named: for a newline, all those that the model's line ends are made of."""
        if not self.learned or "\n" not in text:
            return text
        return text.replace("\r\n", "\n").replace("\n", "".join(dict.fromkeys("".join(self.learned))))

    def spellings(self, text: str) -> tuple[str, ...]:
        """All that a text may be, as it is generated, that somebody typed with newlines; the model's own way first."""
        own = self.typed(text)
        if self.is_plain or "\n" not in text:
            return (own,)
        possible = [kind for kind in ("\r\n", "\n", "\r") if set(kind) <= set("".join(self.learned))]
        return tuple(dict.fromkeys([own, *(re.sub(r"(?<!\r)\n", kind, text) for kind in possible)]))

    def as_newlines(self, text: str) -> str:
        """A text of the model with one newline for each line end, as it is shown or searched."""
        return text if self.is_plain else with_line_ends(text, "lf")


def with_line_ends(text: str, newlines: Newlines) -> str:
    """A text with its line ends as they are, or all of one kind.

    >>> with_line_ends("a\\r\\nb\\rc", "lf"), with_line_ends("a\\r\\nb\\rc", "crlf")
    ('a\\nb\\nc', 'a\\r\\nb\\r\\nc')
    """
    if newlines == "keep":
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if newlines == "lf" else text.replace("\n", LINE_ENDS[newlines])


def learned_kinds(ids: Ids, lf: int, cr: int) -> tuple[str, ...]:
    """The kinds of line ends in a text (N,), the most frequent first, by the ids of LF and CR.

    >>> learned_kinds(np.array([5, 1, 0, 5, 1, 0, 5, 0]), lf=0, cr=1)
    ('\\r\\n', '\\n')
    """
    counts = dict.fromkeys(LINE_ENDS.values(), 0)
    is_held = False
    for begin in range(0, len(ids), _COUNTED_AT_ONCE):
        part = ids[begin : begin + _COUNTED_AT_ONCE]
        is_lf, is_cr = part == lf, part == cr
        pairs = int((is_cr[:-1] & is_lf[1:]).sum()) + (is_held and bool(is_lf[0]))
        counts["\r\n"] += pairs
        counts["\n"] += int(np.count_nonzero(is_lf)) - pairs
        counts["\r"] += int(np.count_nonzero(is_cr)) - pairs
        is_held = bool(is_cr[-1])
    return tuple(sorted((kind for kind, count in counts.items() if count), key=lambda kind: -counts[kind]))


def common_newlines(each: Sequence[Newlines]) -> Newlines:
    """How one text is read for several models: with LF where one knows nothing else, else as all have it, or as it is."""
    if "lf" in each:
        return "lf"
    return each[0] if len(set(each)) == 1 else "keep"
