"""How numbers of things are said.

Knows: one and many.
Does not know: what is counted.
"""

from __future__ import annotations

_MANY = {"is": "are", "ends": "end", "stands": "stand", "was": "were"}


def counted(count: int | str, noun: str, verb: str = "") -> str:
    """So many of something, and a verb as it is said of one; a number that is no whole one as it is to be shown.

    >>> counted(1, "line"), counted(0, "file"), counted("1.5", "epoch"), counted(2_000, "line", "ends")
    ('1 line', '0 files', '1.5 epochs', '2,000 lines end')
    """
    number = count if isinstance(count, str) else f"{count:,}"
    if number == "1":
        return f"{number} {noun} {verb}".rstrip()
    return f"{number} {noun}s {_MANY.get(verb, verb)}".rstrip()
