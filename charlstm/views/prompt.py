"""Lines that a person types: on a terminal with editing, history and completion, or plainly from any stream.

It is the only importer of prompt_toolkit, and itself imported only where lines are asked for.

Knows: terminals, pipes, keys, where the history lies.
Does not know: what a line means.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from charlstm.errors import TextError
from charlstm.user_folders import state_folder
from charlstm.views.console import print_line
from charlstm.views.terminal import visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import StyleAndTextTuples

Complete = Callable[[str], Iterable[str]]
"""A line up to where it is typed -> what its last word, or all that follows its first, may become."""
_WIDEST_LINE = 30  # characters of the text that stand before the line


class Prompt(Protocol):
    """What asks for a line."""

    def ask(self, before: str, first: str = "") -> str:
        """A line without its end, typed after `before`; `first` is what it starts with, to be edited. EOFError at the end."""


def open_prompt(complete: Complete, most: int) -> Prompt:
    """What fits the streams: with editing where both ends are a terminal that can do more than print."""
    if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        return _Editor(complete)
    return _Plain(most)


def shown_end(text: str) -> str:
    """The end of a text as it stands before a line: as one would type it.

    >>> shown_end("One.\\nTwo")
    'One.\\\\nTwo'
    """
    end = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return visible(end if len(end) <= _WIDEST_LINE else f"...{end[3 - _WIDEST_LINE :]}")


class _Plain:
    """Lines as they come; asked for on standard error where a person types them."""

    def __init__(self, most: int) -> None:
        self._most = most

    def ask(self, before: str, first: str = "") -> str:
        if sys.stdin.isatty():
            sys.stderr.write(f"{shown_end(before)}> ")
            sys.stderr.flush()
        line = sys.stdin.buffer.readline(self._most + 1)
        if not line:
            raise EOFError
        if len(line) > self._most:
            raise TextError(f"a line of standard input has more than {self._most:,} bytes: give its end alone")
        try:
            return line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            raise TextError(f"a line of standard input is not UTF-8 (offset {error.start})") from None


class _Editor:
    """A line of prompt_toolkit's, which leaves no trace of itself on the screen: the text goes on where it stood."""

    def __init__(self, complete: Complete) -> None:
        self._session = _session(complete)

    def ask(self, before: str, first: str = "") -> str:
        message: StyleAndTextTuples = [("fg:ansibrightblack", shown_end(before)), ("bold", "> ")]
        while True:
            with suppress(KeyboardInterrupt):  # Ctrl-C, as the line is edited: it is gone, and another one is asked for
                line = self._session.prompt(message, default=first)
                if line.startswith("/") and not line.startswith("//"):
                    print_line(f"> {line}", "dim")
                return line
            first = ""


def _session(complete: Complete) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.output import create_output
    from prompt_toolkit.output.vt100 import Vt100_Output
    from prompt_toolkit.shortcuts import CompleteStyle

    class Words(Completer):
        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            typed = document.text_before_cursor
            for word in complete(typed):
                begin = typed.find(" ") + 1  # what comes after the first word is one word, as a name of a file is
                yield Completion(word, start_position=begin - len(typed))

    class Kept(FileHistory):
        """A history that a full disk or a folder of somebody else's makes shorter, and does no other harm to."""

        def load_history_strings(self) -> Iterable[str]:
            try:
                return super().load_history_strings()
            except OSError:
                return ()

        def store_string(self, string: str) -> None:
            with suppress(OSError):
                Path(self.filename).parent.mkdir(parents=True, exist_ok=True)  # type: ignore[arg-type]
                super().store_string(string)

    bindings = KeyBindings()

    @bindings.add(Keys.Vt100MouseEvent)
    def _ignore(_: KeyPressEvent) -> None:
        """Nobody asked for the mouse; the default handler fails on what only looks like one, such as ESC [5m."""

    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False  # a terminal's late answer to where the cursor is would end up in the text
    return PromptSession(
        output=output,
        history=Kept(state_folder() / "play_history"),
        completer=Words(),
        key_bindings=bindings,
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,
        reserve_space_for_menu=0,
        erase_when_done=True,
    )
