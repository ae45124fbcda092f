"""The two consoles: answers go to standard output, all else to standard error.

Knows: how tables and durations look.
Does not know: what they are about.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from charlstm.views.terminal import shortened, visible

if TYPE_CHECKING:
    from rich.console import Console

_NAME_WIDTH = 8  # so that blocks below each other line up
_USUAL_WIDTH, _USUAL_HEIGHT = 80, 25
_MOST_LINES = 4  # for a word without a space in it, such as a path
_LEAST_BEHIND = 12  # columns: less behind a name, and what there is to say goes below it


def console(stderr: bool = True) -> Console:
    """Plain where the stream is not a terminal or NO_COLOR is set. Markup is off: a `[/x]` in a text is a text."""
    from rich.console import Console  # here, as many an answer needs no rich, and it takes a tenth of a second

    width = room(stderr) or _USUAL_WIDTH
    return Console(
        stderr=stderr, width=width, height=_USUAL_HEIGHT, markup=False, highlight=False, emoji=False, soft_wrap=False
    )


def room(stderr: bool = True) -> int | None:
    """How many columns the terminal has that a stream is; None where it is none: there a line is as long as it is."""
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and len(columns) < 6 and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):  # the second where a stream only says that it is a terminal
        return _USUAL_WIDTH


def print_facts(rows: Sequence[tuple[str, str]], stderr: bool = True) -> None:
    """A line a row: a name, and what there is to say about it, on a terminal wrapped behind the name."""
    from rich.text import Text

    out, most = console(stderr), room(stderr)
    width = max(_NAME_WIDTH, *(len(name) for name, _ in rows))
    if most and most - width - 2 < _LEAST_BEHIND:
        width = 0
    for name, value in rows:
        if not width:
            out.print(Text(name, "cyan"), soft_wrap=True)
        for number, line in enumerate(_fact_lines(visible(value), most and most - width - 2)):
            begin = f"{'' if number or not width else name:<{width}}  "
            out.print(Text(begin, "cyan").append(line), soft_wrap=True)


def _fact_lines(text: str, width: int | None) -> list[str]:
    """A text in lines of so many columns, as it is where there is no such width; a word that would take many is shortened."""
    from rich.text import Text

    if width is None:
        return text.split("\n")
    width = max(1, width)
    words = " ".join(shortened(word, _MOST_LINES * width) for word in text.split(" "))
    return [line.plain.rstrip() for line in Text(words).wrap(console(), width)]


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
