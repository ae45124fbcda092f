"""What of a text was left out, or read once where it was named twice, in words.

Knows: how long a list of names may get.
Does not know: why something is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from charlstm.words import counted


def rows_of_left_out(skipped: Sequence[str], left_out: Sequence[str], repeated: Sequence[str]) -> list[tuple[str, str]]:
    """Rows for `print_facts`, on files without text, on runs and what is no file, and on further names of one file.

    None where all is read, once.
    """
    rows = []
    if skipped:
        rows.append(("skipped", f"{counted(len(skipped), 'file')} without text: {first_few(skipped)}"))
    if left_out:
        rows.append(("skipped", first_few(left_out)))
    if repeated:
        rows.append(("note", f"read once, though found again: {first_few(repeated)}"))
    return rows


def print_left_out(skipped: Sequence[str], left_out: Sequence[str], repeated: Sequence[str]) -> None:
    """The same on standard error, by itself; nothing where all is read."""
    from charlstm.views.console import print_facts

    if rows := rows_of_left_out(skipped, left_out, repeated):
        print_facts(rows)


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Names in a line, those at the end only counted."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
