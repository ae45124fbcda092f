"""From a command line to an exit code: errors become one line on standard error.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 after Ctrl-C, 143 after SIGTERM.

Knows: streams, signals, and how an error is said.
Does not know: which commands there are.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from charlstm.cli.app import app
from charlstm.cli.completion import register_shells
from charlstm.cli.wording import said
from charlstm.errors import CharlstmError, Stopped
from charlstm.libraries import wait_asleep
from charlstm.out_of_memory import out_of_memory


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) -> its exit code. What goes wrong is one line on standard error."""
    wait_asleep()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started this process
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (for as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a character gets its number
    try:
        with _stoppable(), out_of_memory("use a smaller model, train.batch_size or train.seq_len, or close other programs"):
            register_shells()
            code = app(arguments, standalone_mode=False)
            sys.stdout.flush()  # here, where a full disk still has an exit code
        return code if isinstance(code, int) else 0
    except SystemExit as end:  # so Typer ends what has to do with completion
        return end.code if isinstance(end.code, int) else 0
    except CharlstmError as error:
        return _fail(said(error), error.exit_code)
    except Stopped as stopped:
        return _fail(str(stopped), stopped.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain once more when it closes stdout: give it another.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except Exception as error:
        # Typer's own errors of usage; where it keeps their class differs between its versions.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{' '.join(error.format_message().split())} (try --help)", 2)


@contextmanager
def _stoppable() -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM end in the same orderly way, wherever the program is."""

    def handle(number: int, _frame: object) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(message: str, code: int) -> int:
    from charlstm.views.terminal import one_line

    print(f"charlstm: {one_line(message)}", file=sys.stderr)  # noqa: T201
    return code
