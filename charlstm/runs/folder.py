"""The run folder: where each of its files is, and what is done with them.

Knows: when a run may begin there, how it is locked, how to tell whether a log is as it was written.
Does not know: which folder a run takes; what is in a model file; torch.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from charlstm import run_files
from charlstm.config import Config, load_config
from charlstm.errors import Argument, ConfigError, ModelError, RunError
from charlstm.files import append_bytes, half_written, read_whole, told, write_atomically
from charlstm.runs.lock import FolderLock, InUse, is_locked, whose
from charlstm.runs.records import Look, Point, Record, read_curve
from charlstm.text.vocabulary import to_bytes
from charlstm.values import ANOTHER_LOCALE, is_locale_to_blame, is_unicode

Marks = dict[str, tuple[int, str]]
"""Of each log its size in bytes and the SHA-256 of its content."""

ANOTHER_RUN = ("choose another ", Argument("run"))
"""What helps where a folder can't be used."""


@dataclass(frozen=True)
class RunFolder:
    """The names in a run folder."""

    path: Path

    @property
    def resume(self) -> Path:
        """All that an exact resume needs."""
        return self.path / run_files.RESUME

    @property
    def previous(self) -> Path:
        """The save for a resume before the newest one, for when that is damaged."""
        return self.path / run_files.PREVIOUS

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / run_files.CONFIG

    @property
    def metrics(self) -> Path:
        """One JSON record a line."""
        return self.path / run_files.METRICS

    @property
    def samples(self) -> Path:
        """What the model wrote at each evaluation."""
        return self.path / run_files.SAMPLES

    @property
    def best(self) -> Path:
        """The model with the lowest validation loss; there is none where no part of the text is kept for validation."""
        return self.path / run_files.BEST

    @property
    def last(self) -> Path:
        """The newest model."""
        return self.path / run_files.LAST

    def kept_model(self, record: Record | Look) -> Path:
        """Where the model of one evaluation is kept beside the best and the newest, with its loss in the name.

        That is the validation loss, or where there is none that on a part of it or in training, which the name says.
        """
        held = {"loss": record.validation_loss} if isinstance(record, Record) else {"part": record.part_loss}
        kind, loss = next(((kind, loss) for kind, loss in held.items() if loss is not None), ("train", record.train_loss))
        return self.path / f"step-{record.step:06d}-{kind}-{loss:.4f}.safetensors"

    def kept(self) -> list[Path]:
        """The models that are kept so, the oldest first."""
        named = ((re.fullmatch(run_files.KEPT, file.name), file) for file in self.path.glob("step-*.safetensors"))
        return [file for _, file in sorted((int(found[1]), file) for found, file in named if found)]

    def forget_kept(self, but: int) -> None:
        """Remove all but so many of the newest of them."""
        for file in self.kept()[:-but]:
            with told(file):
                file.unlink(missing_ok=True)

    def forget_kept_after(self, step: int) -> None:
        """Remove those of a step that, as the training went back to an earlier one, has not happened."""
        for file in self.kept():
            if int(file.name.split("-")[1]) > step:
                with told(file):
                    file.unlink(missing_ok=True)

    @property
    def curves(self) -> Path:
        """The curves as a picture."""
        return self.path / run_files.CURVES

    @property
    def tensorboard(self) -> Path:
        """The folder with what TensorBoard shows."""
        return self.path / run_files.TENSORBOARD

    def held(self) -> list[Path]:
        """The files of a run that are in the folder. A picture alone makes no run: one of several lies beside them."""
        with told(self.path, "look into"):
            return [*(file for file in self._files() if file != self.curves and file.exists()), *self.kept()]

    def _files(self) -> tuple[Path, ...]:
        return (self.config, self.metrics, self.samples, self.best, self.last, self.resume, self.previous, self.curves)

    def replaced(self) -> tuple[Path, ...]:
        """What a new run here takes the place of: files, and folders with all that is in them."""
        return (*self._files(), self.tensorboard)

    def is_in_use(self) -> bool:
        """Whether a training is writing to the folder now."""
        return is_locked(self.path)

    @contextmanager
    def locked(self, warn: Callable[[str], object] = lambda note: None) -> Iterator[Self]:
        """Make the folder and keep other trainings out of it. RunError where one is in it.

        `warn` is told where the file system has no locks.
        """
        with told(self.path):
            try:
                lock = FolderLock(self.path)
            except InUse:
                gone = whose(self.path)
                remedy = ("wait for it, or ", *ANOTHER_RUN, f"; {gone}" if gone else "")
                raise RunError(f"another training is writing to {self.path}", remedy=remedy) from None
        try:
            self.begin(lock, warn)
            yield self
        finally:
            lock.release()

    def begin(self, lock: FolderLock, warn: Callable[[str], object]) -> None:
        """Say what its lock has to say, and clear what a crash has left. For who has just taken that lock."""
        if lock.note:
            warn(lock.note)
        self._clear_temporaries()

    def _clear_temporaries(self) -> None:
        """Half-written files that a crash has left. Only who holds the lock may do this."""
        for file in half_written(self.path, [file.name for file in self._files()], run_files.KEPT):
            with told(file):
                file.unlink(missing_ok=True)

    def refuse_held(self, overwrite: bool) -> None:
        """RunError where the folder holds a run that may not be overwritten, is in use, or can't be named in UTF-8."""
        if not is_unicode(str(self.path.absolute())):
            if is_locale_to_blame(str(self.path.absolute())):
                raise RunError("the run folder has a name beyond ASCII, which this locale can't spell", remedy=ANOTHER_LOCALE)
            raise RunError(f"the run folder {str(self.path)!r} has a name that is not UTF-8", remedy=ANOTHER_RUN)
        if (self.path / run_files.TRIALS).exists():
            raise RunError(f"{self.path} holds a search for settings", remedy=ANOTHER_RUN)
        held = self.held()
        if held and not overwrite:
            go_on, replace = Argument("resume", True), Argument("overwrite", True)
            remedy = (go_on, " continues it, ", replace, " replaces it, another ", Argument("run"), " spares it")
            raise RunError(f"{self.path} holds a run already", remedy=remedy)
        if held:
            with self.locked():  # so that a run in use is refused at once, and not after a long text was read
                pass

    def require_resume(self) -> None:
        """RunError where there is nothing to resume."""
        if not self.resume.is_file() and not self.previous.is_file():
            raise RunError(f"nothing to resume in {self.path}: {self.resume.name} is not there")

    def promote_previous(self) -> None:
        """Put the save before the newest in the place of the newest, which is damaged or missing."""
        with told(self.resume):
            self.previous.replace(self.resume)

    def model(self) -> Path:
        """The best model, or the newest where there is no best. ModelError where there is neither."""
        for file in (self.best, self.last):
            if file.is_file():
                return file
        raise ModelError(f"no model in {self.path}: expected {self.best.name} or {self.last.name} there")

    def start(self, overwrite: bool = False) -> None:
        """Take a run that may be overwritten out of the folder, which is locked."""
        if (held := self.held()) and not overwrite:  # another training may have begun there since it was looked at
            raise RunError(f"{self.path} holds a run that began meanwhile", remedy=ANOTHER_RUN)
        with told(self.path):
            if held:
                for file in (*self._files(), *self.kept()):
                    file.unlink(missing_ok=True)
                if self.tensorboard.is_symlink():
                    self.tensorboard.unlink()
                shutil.rmtree(self.tensorboard, ignore_errors=True)

    def write_config(self, config: Config) -> None:
        """Write the resolved configuration."""
        write_atomically(self.config, [config.to_toml().encode()])

    def append_metrics(self, record: Mapping[str, object]) -> None:
        """Add one record to metrics.jsonl."""
        append_bytes(self.metrics, (json.dumps(record) + "\n").encode())

    def curve(self) -> list[Point]:
        """What metrics.jsonl says of how the training went; empty where there is none."""
        return read_curve(self.logged())

    def logged(self) -> bytes:
        """What metrics.jsonl holds; nothing where there is none."""
        return read_whole(self.metrics)

    def marks(self) -> Marks:
        """How the logs are now."""
        marks = {}
        for file in (self.metrics, self.samples):
            data = read_whole(file)
            marks[file.name] = (len(data), hashlib.sha256(data).hexdigest())
        return marks

    def go_back_to(self, marks: Marks) -> list[str]:
        """Cut the logs to what they held at a save, and give the names of those that are not as they were written then.

        What came after it will be written again.
        """
        return [file.name for file in (self.metrics, self.samples) if not self._cut(file, *marks.get(file.name, (0, "")))]

    def _cut(self, file: Path, size: int, digest: str) -> bool:
        """Cut a log, where it is not as it was at its last whole line -> whether it is."""
        now = read_whole(file)
        then = now[:size]
        is_whole = hashlib.sha256(then).hexdigest() == digest
        if not is_whole:
            then = then[: then.rfind(b"\n") + 1]
        if _is_shared(file):
            write_atomically(file, [then])
        elif file.exists():
            with told(file), file.open("r+b") as log:  # now, and not when an evaluation is to be added
                log.truncate(len(then))
        return is_whole

    def holds_config(self, config: Config) -> bool:
        """Whether config.toml says what is written there for this configuration; an earlier version wrote fewer settings."""
        try:
            return load_config(self.config) == config
        except ConfigError:
            return False

    def append_sample(self, step: int, about: str, text: str) -> None:
        """Add one sample to samples.txt, under a title that names its step."""
        append_bytes(self.samples, to_bytes(f"{run_files.SAMPLE_TITLE}{step}, {about}\n{text}\n\n"))


def _is_shared(file: Path) -> bool:
    """Whether another folder has the same file, to which nothing may be added from this one: by a link of either kind."""
    return file.is_symlink() or (file.is_file() and file.stat().st_nlink > 1)
