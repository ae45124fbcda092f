"""What is done to a child before it runs: it is made to say where it is, to die within a save, or to meet a disk that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from child import Watch

from charlstm.runs.folder import RunFolder
from charlstm.runs.records import StepRecord
from charlstm.views.training import TrainingView


def count_steps(watch: Watch, run: RunFolder | None = None) -> None:
    """Say how many steps are done, and at the first of them how many temporary files there are."""
    show = TrainingView.show
    first: list[StepRecord] = []

    def counting(self: TrainingView, record: Any) -> None:
        if isinstance(record, StepRecord):
            watch.steps = record.step
            if run and not first:
                first.append(record)
                watch.announced = len(list(Path(run.path.name).glob(".*.tmp")))
        show(self, record)

    TrainingView.show = counting  # type: ignore[method-assign]


def announce(watch: Watch, module: Any, name: str) -> None:
    """Say whenever a function is entered."""
    function = getattr(module, name)

    def announcing(*arguments: Any, **more: Any) -> Any:
        watch.announced += 1
        return function(*arguments, **more)

    setattr(module, name, announcing)


def kill_inside_save(moment: int) -> None:
    """Die at the n-th system call that makes a save last: syncs and renames, before or after each."""
    left = moment

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            for do in (lambda: None, lambda: function(*arguments, **more)):
                result = do()
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    os.fsync = deadly(os.fsync)
    Path.replace = deadly(Path.replace)  # type: ignore[method-assign]


def hang_once(happened: Callable[[], bool]) -> None:
    """A disk that answers no more from a moment on."""
    sync = os.fsync

    def hanging(fd: Any) -> None:
        if happened():
            time.sleep(3600)
        sync(fd)

    os.fsync = hanging
