"""When a training is saved, and by whom: a thread that writes while the training goes on.

Training waits only for copies of its tensors, which take milliseconds, and not for digests and disks.

Knows: the interval between saves, the order in which files are written, and that one save waits for the one before it.
Does not know: what is in a save; the loop.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from charlstm.config import save_interval
from charlstm.runs.folder import RunFolder
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.training.resume import Saved


class _Write(Thread):
    """Writes models and a training. A daemon: a program that must end at once does not wait for a slow disk."""

    def __init__(self, folder: RunFolder, training: Saved, models: Mapping[Path, SavedModel], keep: int) -> None:
        super().__init__(name="save", daemon=True)
        self._folder, self._training, self._models, self._keep = folder, training, models, keep
        self.seconds = 0.0
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """In this order a run that is resumed never believes in a model that was not written, or that was removed."""
        begin = time.monotonic()
        try:
            for path, model in self._models.items():
                save_model(path, model)
            self._training.write(self._folder)
            if self._keep:
                self._folder.forget_kept(but=self._keep)
        except BaseException as error:
            self.error = error
        self.seconds = time.monotonic() - begin


class Checkpoints:
    """Writes one save after the other. An error in a save comes out at the next one, or at `wait`."""

    def __init__(self, save_every: str, keep: int = 0) -> None:
        self._keep = keep
        self._seconds, self._steps = save_interval(save_every)
        self._saved_at = time.monotonic()
        self._write_seconds = 0.0
        self._pending: _Write | None = None

    def is_due(self, step: int) -> bool:
        """Whether the interval is over, or will be by the time that a save is written."""
        if self._steps:
            return step % self._steps == 0
        return time.monotonic() - self._saved_at + self._write_seconds >= self._seconds

    def save(self, folder: RunFolder, training: Saved, models: Mapping[Path, SavedModel]) -> None:
        """Begin to write models, each to its path, and the save for a resume. Nothing of them may change any more."""
        self.wait()
        self._saved_at = time.monotonic()
        self._pending = _Write(folder, training, models, self._keep)
        if self._steps:
            self.wait()  # who counts in steps is promised them exactly: no step is taken that could be lost

    def wait(self) -> None:
        """Until all is written. SaveError where it could not be."""
        pending, self._pending = self._pending, None
        if pending:
            pending.join()
            self._write_seconds = pending.seconds
            if pending.error:
                raise pending.error

    def abandon(self) -> None:
        """Wait for nothing any more. What is being written may stay half-written, in a temporary file."""
        self._pending = None
