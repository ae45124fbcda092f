"""The two consoles: answers go to standard output, all else to standard error.

Knows: how tables and durations look.
Does not know: what they are about.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from charlstm.views.terminal import visible

if TYPE_CHECKING:
    from rich.console import Console

_NAME_WIDTH = 8  # so that blocks below each other line up


def console(stderr: bool = True) -> Console:
    """Plain where the stream is not a terminal or NO_COLOR is set. Markup is off: a `[/x]` in a text is a text."""
    from rich.console import Console  # here, as many an answer needs no rich, and it takes a tenth of a second

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def print_facts(rows: Sequence[tuple[str, str]], stderr: bool = True) -> None:
    """A line a row: a name, and what there is to say about it, wrapped behind the name."""
    from rich.text import Text

    out = console(stderr)
    width = max(_NAME_WIDTH, *(len(name) for name, _ in rows))
    for name, value in rows:
        lines = Text(visible(value)).wrap(out, max(20, out.width - width - 2))
        for number, line in enumerate(lines):
            line.rstrip()
            out.print(Text(f"{'' if number else name:<{width}}  ", "cyan").append_text(line), soft_wrap=True)


def print_line(text: str, style: str = "", stderr: bool = True) -> None:
    """One line, left to the terminal to wrap."""
    from rich.text import Text

    console(stderr).print(Text(visible(text), style), soft_wrap=True)


def print_start(end: str, typed: str) -> None:
    """Begin a line of standard output, for more to follow on it: the end of a text dim, what was typed after it bold."""
    from rich.text import Text

    console(stderr=False).print(Text(visible(end), "dim").append(visible(typed), "not dim bold"), end="", soft_wrap=True)


def print_warning(text: str) -> None:
    """One line that a user should not miss."""
    print_line(f"warning: {text}", "yellow")


def print_json(value: Mapping[str, object], indent: int | None = 2) -> None:
    """One JSON object on standard output, for a program to read; on a terminal nothing in it is obeyed."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(to_json(value, sys.stdout.isatty() or not is_utf8, indent))


def to_json(value: Mapping[str, object], is_ascii: bool, indent: int | None = None) -> str:
    """A JSON object with the end of its line. As ASCII, nothing in it is obeyed by a terminal; else it is fit for UTF-8."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii, allow_nan=False)
    text = text.replace("\x7f", "\\u007f")  # DEL is ASCII, so that JSON leaves it as it is
    return text.encode("utf-8", errors="backslashreplace").decode() + "\n"  # Python's way to escape lone surrogates is JSON's


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(0.4), duration(75.2), duration(8000)
    ('0.4 s', '1 min 15 s', '2 h 13 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
