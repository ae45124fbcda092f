"""`curves.png` while a run trains: one process beside the training draws it, which is told of each evaluation.

Importing matplotlib takes seconds, so that process lives as long as the training. To tell it is to write a byte into a pipe;
when the pipe closes, however training ended, it draws what it has not drawn yet and ends.

Knows: how that process is started, told and ended, and that nothing that goes wrong with it is worth a word.
Does not know: when a picture is drawn, and how; the training.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from charlstm.errors import Stopped
from charlstm.runs.folder import RunFolder

_LONGEST_WAIT = 10.0  # seconds that the end of a training waits for its picture
# A group of its own, as a Ctrl-C is for the training. On Windows, where the other process can't do it, also its priority.
_WINDOWS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)


class Drawing:
    """Keeps the picture of a run's curves new while it is open; use it with `with`."""

    def __init__(self, folder: RunFolder, is_wanted: bool = True) -> None:
        self._folder = folder
        self._is_wanted = is_wanted and find_spec("matplotlib") is not None
        self._process: subprocess.Popen[bytes] | None = None

    def evaluated(self) -> None:
        """There is a new point on the curves."""
        if self._is_wanted and not self._process:
            self._start()
        if self._process and self._process.stdin:
            with suppress(OSError):  # it may have ended; where it only lags behind, a full pipe says enough
                self._process.stdin.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """The last picture; none where who waits wants to wait for nothing."""
        process, self._process = self._process, None
        if not process:
            return
        try:
            if kind is None or not issubclass(kind, Stopped):
                _close(process)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LONGEST_WAIT)
        finally:
            process.kill()
            _close(process)
            process.wait()

    def _start(self) -> None:
        command = [sys.executable, "-m", f"{__package__}.redrawing", str(self._folder.path.absolute())]
        none = subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=none,
                stderr=none,
                # From where this package lies, as what lies in the user's folder may have the name of a module.
                cwd=Path(__file__).parents[2],
                # No session of its own: on Linux each has its share of the processor, and only within it do priorities count.
                process_group=0,
                creationflags=_WINDOWS,
            )
        except OSError:
            self._is_wanted = False
            return
        if self._process.stdin and hasattr(os, "set_blocking"):  # not on every Windows; there too, the pipe is always read
            os.set_blocking(self._process.stdin.fileno(), False)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
