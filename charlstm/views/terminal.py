"""Text that a model wrote, or that stands in a file, made safe for a terminal.

Knows: which characters a terminal obeys instead of showing.
Does not know: where the text comes from.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator

from charlstm.text.vocabulary import to_bytes

_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    """Escape what a terminal would obey: controls (C0, DEL, C1) but newline and tab, bidirectional controls, surrogates.

    A carriage return before a newline goes, as the two are one end of a line.

    >>> visible("a\\x1b[2Jb\\tc")
    'a\\\\x1b[2Jb\\tc'
    """
    return "".join(ascii(c)[1:-1] if _is_obeyed(c) else c for c in text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """A name or a message that is safe on a terminal and has no second line.

    >>> one_line("a\\nb\\tc")
    'a\\\\nb c'
    """
    return visible(text).replace("\n", "\\n").replace("\t", " ")


def shortened(text: str, width: int) -> str:
    """A line in at most so many columns of a terminal, at least 1: where it is longer, its beginning and its end.

    >>> shortened("runs/a-very-long-name-2", 12)
    'runs/a…ame-2'
    """
    from rich.cells import cell_len  # here, as what is streamed needs no rich

    if cell_len(text) <= width:
        return text
    end = _fitting(reversed(text), (width - 1) // 2)
    begin = _fitting(text, width - 1 - (width - 1) // 2)
    return f"{text[:begin]}…{text[len(text) - end :]}"


def _fitting(characters: Iterable[str], width: int) -> int:
    """How many of these characters, from the first on, so many columns hold."""
    from rich.cells import cell_len

    count = 0
    for character in characters:
        width -= cell_len(character)
        if width < 0:
            break
        count += 1
    return count


def stream_out(pieces: Iterable[str], raw: bool = False, ends_in_cr: bool = False) -> None:
    """Write pieces to standard output as they come: shown safely on a terminal, exact UTF-8 in a pipe, a file, or `raw`.

    `ends_in_cr` says that CR alone is the end of a line, which a terminal then shows.
    """
    if sys.stdout.isatty() and not raw:
        try:
            for piece in _whole_line_ends(pieces):
                sys.stdout.write(visible(piece.replace("\r", "\n") if ends_in_cr else piece))
                sys.stdout.flush()
        finally:
            sys.stdout.write("\n")  # also after Ctrl-C: what is said next begins on a line of its own
    else:
        for piece in pieces:
            sys.stdout.buffer.write(to_bytes(piece))
            sys.stdout.buffer.flush()


def _is_obeyed(character: str) -> bool:
    return character in _BIDI or (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t")


def _whole_line_ends(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, a carriage return never parted from a newline after it."""
    held = ""
    for piece in pieces:
        held += piece
        if not held.endswith("\r"):
            yield held
            held = ""
    yield held
