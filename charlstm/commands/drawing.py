"""`curves.png` while a run trains: drawn by a process of its own, so that training goes on meanwhile.

Drawing takes one to three seconds of a core, importing matplotlib most of it. It is done at an evaluation, `EVERY` seconds
after the one before at the earliest, at low priority: that is less than 1% of the time of even a single core. The last
picture is drawn when training has ended.

Knows: when to draw, and that nothing that goes wrong with it is worth a word.
Does not know: how a picture is drawn; the training.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from charlstm.errors import Stopped
from charlstm.folder import RunFolder

EVERY = 400.0
_LONGEST = 60.0  # seconds that the end of a training waits for its picture
_NICE = 10


class Drawing:
    """Keeps the picture of a run's curves new while it is open; use it with `with`."""

    def __init__(self, folder: RunFolder, is_wanted: bool = True) -> None:
        self._folder = folder
        self._is_wanted = is_wanted and find_spec("matplotlib") is not None
        self._began = time.monotonic()
        self._has_news = False
        self._process: subprocess.Popen[bytes] | None = None

    def evaluated(self) -> None:
        """There is a new point on the curves."""
        self._has_news = True
        if time.monotonic() - self._began >= EVERY:
            self._draw()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """The last picture; none where who waits wants to wait for nothing."""
        try:
            if kind is None or not issubclass(kind, Stopped):
                if self._has_news:
                    self._draw()
                if self._process:
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(_LONGEST)
        finally:
            self._end()

    def _draw(self) -> None:
        if not self._is_wanted:
            return
        self._end()
        self._began, self._has_news = time.monotonic(), False
        command = [sys.executable, "-m", "charlstm", "plot", str(self._folder.path.absolute())]
        none = subprocess.DEVNULL
        with suppress(OSError):
            # In a session of its own, as a Ctrl-C is for the training.
            self._process = subprocess.Popen(command, stdin=none, stdout=none, stderr=none, start_new_session=True)
            if hasattr(os, "setpriority"):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)

    def _end(self) -> None:
        """Of what is still being drawn, half would be old."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
