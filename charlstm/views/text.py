"""Text that a model wrote, or that stands in a file, made safe for a terminal.

Knows: which characters a terminal obeys instead of showing.
Does not know: where the text comes from.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable

_PASS = {"\n", "\t"}


def visible(text: str) -> str:
    """Escape what a terminal would obey: control (Cc: C0, DEL, C1) and format characters (Cf: bidirectional and others).

    >>> visible("a\\x1b[2Jb\\tc")
    'a\\\\x1b[2Jb\\tc'
    """
    return "".join(c if c in _PASS or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else ascii(c)[1:-1] for c in text)


def stream_out(pieces: Iterable[str]) -> None:
    """Write pieces to standard output as they come: shown safely on a terminal, exact UTF-8 in a pipe or file."""
    if sys.stdout.isatty():
        for piece in pieces:
            sys.stdout.write(visible(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")
    else:
        for piece in pieces:
            sys.stdout.buffer.write(piece.encode("utf-8", errors="surrogatepass"))
        sys.stdout.buffer.flush()
