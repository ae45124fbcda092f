"""`python -m charlstm.commands.redrawing RUN`: draws the curves of a run whenever something comes in on standard input.

A thread does it while the run trains, computing only when nobody else wants to; the last picture, which someone waits for, is
drawn by the main thread. On Linux each thread has a priority of its own, and none could raise it again.

Knows: how often to draw, at which priority, when to end.
Does not know: how a picture is drawn; who asks for it.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread

_PATIENCE = 1.0  # seconds that the end waits for a picture that is being drawn
PAUSE = 100
"""Seconds from one picture to the next for each second of a core that the one took, so that all take 1% of a core."""


def redraw_when_asked(run: Path, source: int) -> None:
    """Draw a run as something comes in on a file descriptor. The end of it ends the pause between two pictures."""
    asked = _Asked()
    idler = Thread(target=_draw_idly, args=(run, asked))
    idler.start()
    while os.read(source, 4096):
        asked.add()
    asked.end()
    idler.join(_PATIENCE)
    if idler.is_alive() and os.name == "posix":
        # Where nobody leaves it a processor it may never come to an end, and what it imports nobody else can import.
        os.execv(sys.executable, [sys.executable, "-m", "charlstm", "plot", str(run)])
    idler.join()
    if asked.is_waiting:
        draw(run)


def draw(run: Path) -> None:
    """What `charlstm plot` draws. What goes wrong is passed over: a full disk, say, or a picture that Windows has opened."""
    from charlstm.commands.plot import plot_runs

    with suppress(Exception):
        plot_runs([run], "steps", None, on_terminal=False)


def yield_to_others() -> None:
    """Compute only while nobody else wants to. On Windows that is for who starts the process to say."""
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    if hasattr(os, "nice"):
        os.nice(19)


def _draw_idly(run: Path, asked: _Asked) -> None:
    yield_to_others()
    from charlstm.views import curves  # noqa: F401 (now, as importing matplotlib is no part of what a picture takes)

    pause = 0.0
    while asked.again(pause):
        begin = time.process_time()
        draw(run)
        pause = PAUSE * (time.process_time() - begin)


class _Asked:
    """What was asked for: pictures that nobody has drawn yet are one."""

    def __init__(self) -> None:
        self.is_waiting = False
        self._is_over = False
        self._news = Condition()

    def add(self) -> None:
        with self._news:
            self.is_waiting = True
            self._news.notify()

    def end(self) -> None:
        with self._news:
            self._is_over = True
            self._news.notify()

    def again(self, pause: float) -> bool:
        """Wait so many seconds, then until a picture is asked for, and take that as done; False at the end, at once."""
        with self._news:
            self._news.wait_for(lambda: self._is_over, pause)
            self._news.wait_for(lambda: self.is_waiting or self._is_over)
            if not self._is_over:
                self.is_waiting = False
            return not self._is_over


if __name__ == "__main__":
    redraw_when_asked(Path(sys.argv[1]), sys.stdin.fileno())
    os._exit(0)  # nothing is left to close, and taking matplotlib apart would keep who waits for some tenths of a second
