"""Text whose characters are coloured one by one, on a terminal.

Knows: whether there are colours, and how a coloured character stays one that can be seen and is not obeyed.
Does not know: what the colours mean.
"""

from __future__ import annotations

import sys

from rich.style import Style
from rich.text import Text

from charlstm.errors import Argument, CharlstmError
from charlstm.views.console import console
from charlstm.views.terminal import visible

LIGHT, DARK = "#ffffff", "#000000"
"""Letters, on a ground that is set with them: so every terminal, light or dark, shows the same."""


def require_colours(key: str, otherwise: tuple[str | Argument, ...]) -> None:
    """CharlstmError where standard output shows none; `otherwise` says what gives the same as numbers."""
    out = console(stderr=False)
    if out.color_system is None or out.no_color:
        piped = "FORCE_COLOR=1 sends them through a pipe, such as to less -R, and "
        raise CharlstmError(
            (Argument(key, True), " needs a terminal with colours, and NO_COLOR not set"),
            remedy=(piped, *otherwise, " gives numbers"),
        )


def append_character(text: Text, character: str, style: Style) -> None:
    """Add one character in its colour; a line end as a space before it."""
    if character == "\n":
        text.append(" ", style).append("\n")
    else:
        text.append(ascii(character)[1:-1] if character == "\t" else visible(character), style)


def put(text: Text) -> None:
    """Write it to standard output, with the end of its last line."""
    # Not by rich itself: it ends the program in its own way where the reader of a pipe has gone.
    out = console(stderr=False)
    with out.capture() as captured:
        out.print(text, soft_wrap=True)
    sys.stdout.write(captured.get())
