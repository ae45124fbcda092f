"""From a command line to an exit code: errors become one line on standard error.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 129 after SIGHUP, 130 after Ctrl-C, 143 after SIGTERM.

Knows: streams, signals, and how an error is said.
Does not know: which commands there are.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.main import get_command

from charlstm.cli.app import app
from charlstm.cli.completion import register_shells
from charlstm.cli.wording import said
from charlstm.commands.signals import stop_signals
from charlstm.commands.streams import send_nowhere
from charlstm.errors import CharlstmError, Stopped
from charlstm.libraries import wait_briefly
from charlstm.out_of_memory import out_of_memory

_HANGUP = 129
"""As SIGHUP ends a program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) -> its exit code. What goes wrong is one line on standard error."""
    wait_briefly()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started this process
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (for as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a character gets its number
    is_terminal = sys.stdout.isatty()
    try:
        with _stoppable(), out_of_memory("use a smaller model, train.batch_size or train.seq_len, or close other programs"):
            register_shells()
            code = app(arguments, standalone_mode=False)
            sys.stdout.flush()  # here, where a full disk still has an exit code
        return code if isinstance(code, int) else 0
    except SystemExit as end:  # so Typer ends what has to do with completion
        return end.code if isinstance(end.code, int) else 0
    except CharlstmError as error:
        return _fail(said(error, _options_of(sys.argv[1:] if arguments is None else arguments)), error.exit_code)
    except Stopped as stopped:
        return _fail(str(stopped), stopped.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain once more when it closes stdout: give it another.
        send_nowhere(sys.stdout)
        return 0
    except OSError as error:
        if error.errno == errno.EIO and is_terminal and not sys.stdout.isatty():
            return _fail("the terminal was closed", _HANGUP)  # before its signal came
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except Exception as error:
        # Typer's own errors of usage; where it keeps their class differs between its versions.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{' '.join(error.format_message().split())} (try --help)", 2)


def _options_of(arguments: Sequence[str]) -> frozenset[str]:
    """The options of the command that a command line calls."""
    command: Any = get_command(app)
    for word in arguments:
        command = getattr(command, "commands", {}).get(word, command)
    return frozenset(option for parameter in command.params for option in parameter.opts)


@contextmanager
def _stoppable() -> Iterator[None]:
    """While open, Ctrl-C, SIGTERM and SIGHUP end in the same orderly way, wherever the program is."""

    def handle(number: int, _frame: object) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, handle) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(message: str, code: int) -> int:
    from charlstm.views.terminal import one_line

    try:
        print(f"charlstm: {one_line(message)}", file=sys.stderr, flush=True)  # noqa: T201
        sys.stdout.flush()
    except OSError:  # the terminal was closed, say: the exit code still tells what happened
        send_nowhere(sys.stderr)
        send_nowhere(sys.stdout)
    return code
