"""Signs of life in a log: a line where for some minutes nothing else was written, also while one step takes as long.

On a terminal a bar shows the same, so there it stays silent.

Knows: when a line is due.
Does not know: what it says.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Condition, Thread

SILENCE = 120.0
"""Seconds without a line, at most."""


class Heartbeat:
    """Calls `say` where nothing was written for a while. Whoever writes calls `wrote`; `close` ends it."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._due = 0.0
        self._is_over = False
        self._news = Condition()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """From the first call on."""
        if self._thread is None and not sys.stderr.isatty():
            self.wrote()
            self._thread = Thread(target=self._watch, name="heartbeat", daemon=True)
            self._thread.start()

    def wrote(self) -> None:
        """Something else was written just now."""
        self._due = time.monotonic() + SILENCE

    def close(self) -> None:
        """Say nothing any more; what is being said is said first."""
        with self._news:
            self._is_over = True
            self._news.notify()
        if self._thread:
            self._thread.join()

    def _watch(self) -> None:
        with self._news:
            while not self._is_over:
                if (left := self._due - time.monotonic()) > 0:
                    self._news.wait(left)
                else:
                    self._say()
                    self.wrote()
