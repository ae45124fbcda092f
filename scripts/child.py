"""Run the program in a child process that can be watched, interrupted and killed.

A fork of a process that has torch already: starting a hundred children then takes seconds and not minutes. The parent
itself must never train, because a fork takes none of its threads along.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charlstm.cli import main


class Watch:
    """Two numbers that a child writes and its parent reads, also when the child is dead: steps done, times announced."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 16)

    steps = property(lambda self: self._get(0), lambda self, value: self._set(0, value))
    announced = property(lambda self: self._get(1), lambda self, value: self._set(1, value))

    def _get(self, place: int) -> int:
        return int(struct.unpack_from("q", self._shared, 8 * place)[0])

    def _set(self, place: int, value: int) -> None:
        struct.pack_into("q", self._shared, 8 * place, value)


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative for a signal), what it said on standard error, and how long that took."""

    code: int
    said: str
    seconds: float

    @property
    def last_line(self) -> str:
        """What a user sees last."""
        lines = self.said.splitlines()
        return lines[-1] if lines else ""


class Child:
    """`charlstm ARGUMENTS` in `folder`. `prepare` runs in the child first."""

    def __init__(self, folder: Path, arguments: list[str], prepare: Callable[[], object] = lambda: None) -> None:
        # A pipe and not a file: a limit on the size of files must not fall upon what is said about it.
        self._said, said = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _become(folder, said, prepare, arguments)
        os.close(said)

    def wait_for(self, happened: Callable[[], bool], seconds: float = 60) -> bool:
        """Until something has happened, or the child is dead, or the time is over -> whether it has happened."""
        end = time.monotonic() + seconds
        while not happened() and time.monotonic() < end:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.0005)
        return happened()

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait for the end."""
        begin = time.monotonic()
        with open(self._said, encoding="utf-8") as pipe:  # noqa: PTH123 (a number)
            said = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        return Ended(os.waitstatus_to_exitcode(status), said, time.monotonic() - begin)


def _become(folder: Path, said: int, prepare: Callable[[], object], arguments: list[str]) -> None:
    code = 99
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        prepare()
        code = main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
