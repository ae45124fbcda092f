"""The run folder: the names of its files, and writing that never leaves half a file.

Knows: every file name in a run folder. No other room does.
Does not know: what is in a model file; torch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from charlstm.config import Config
from charlstm.errors import ModelError, RunError, SaveError


@dataclass(frozen=True)
class RunFolder:
    """The names in a run folder."""

    path: Path

    @property
    def resume(self) -> Path:
        """All that an exact resume needs."""
        return self.path / "resume.safetensors"

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """One JSON record a line."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """What the model wrote at each evaluation."""
        return self.path / "samples.txt"

    @property
    def best(self) -> Path:
        """The model with the lowest validation loss."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """The newest model."""
        return self.path / "last.safetensors"

    def held(self) -> list[Path]:
        """The files of a run that are in the folder."""
        return [f for f in (self.config, self.metrics, self.samples, self.best, self.last, self.resume) if f.exists()]

    def refuse_held(self, overwrite: bool) -> None:
        """RunError where the folder holds a run that may not be overwritten, or can't be named in UTF-8."""
        if not is_unicode(str(self.path.absolute())):
            raise RunError(f"the run folder {str(self.path)!r} has a name that is not UTF-8: choose another with --run")
        with _writing(self.path):
            held = self.held()
        if held and not overwrite:
            raise RunError(
                f"{self.path} holds a run already: --resume continues it, --overwrite replaces it, another --run spares it"
            )

    def require_resume(self) -> None:
        """RunError where there is nothing to resume."""
        if not self.resume.is_file():
            raise RunError(f"nothing to resume in {self.path}: {self.resume.name} is not there")

    def model(self) -> Path:
        """The best model, or the newest where there is no best. ModelError where there is neither."""
        for file in (self.best, self.last):
            if file.is_file():
                return file
        raise ModelError(f"no model in {self.path}: expected {self.best.name} or {self.last.name} there")

    def start(self, config: Config, overwrite: bool = False) -> None:
        """Make the folder, take a run that may be overwritten out of it, and write the configuration."""
        self.refuse_held(overwrite)  # once more: another training may have begun there since
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for file in self.held():
                file.unlink()
        self.write_config(config)

    def write_config(self, config: Config) -> None:
        """Write the resolved configuration."""
        write_atomically(self.config, config.to_toml().encode())

    def append_metrics(self, record: Mapping[str, object]) -> None:
        """Add one record to metrics.jsonl."""
        _append(self.metrics, json.dumps(record) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop the records and samples of later steps, which a resumed run will write again."""
        with _writing(self.metrics):
            lines = self.metrics.read_bytes().splitlines(keepends=True) if self.metrics.exists() else []
            samples = self.samples.read_bytes() if self.samples.exists() else b""
        write_atomically(self.metrics, b"".join(line for line in lines if _step_of(line) <= step))
        later = (title.start() for title in re.finditer(rb"^=== step (\d+),", samples, re.MULTILINE) if int(title[1]) > step)
        write_atomically(self.samples, samples[: next(later, len(samples))])

    def append_sample(self, step: int, about: str, text: str) -> None:
        """Add one sample to samples.txt, under a title that names its step."""
        _append(self.samples, f"=== step {step}, {about}\n{text}\n\n")


def is_unicode(name: str) -> bool:
    """False for names with bytes that are not UTF-8, which neither TOML nor safetensors can spell."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


def new_run_folder(name: str, under: Path = Path("runs")) -> RunFolder:
    """`runs/name`, or the first of `runs/name-2`, `runs/name-3`, ... that does not exist."""
    candidates = (under / (name if i == 1 else f"{name}-{i}") for i in range(1, 1_000_000))
    return RunFolder(next(path for path in candidates if not path.exists()))


def newest_run(under: Path = Path("runs")) -> RunFolder:
    """The run that was saved last. RunError where there is none."""
    folders = [RunFolder(path.parent) for path in under.glob("*/resume.safetensors")]
    if not folders:
        raise RunError(f"no run to resume in {under}: name its folder with --run")
    return max(folders, key=lambda folder: folder.resume.stat().st_mtime)


def write_atomically(path: Path, data: bytes) -> None:
    """Write all of a file or nothing of it: a temporary file beside it, synced, then renamed over it. SaveError if it can't."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _writing(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _step_of(line: bytes) -> float:
    """The step of a line of metrics.jsonl; a line that a crash cut short counts as later than all."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _append(path: Path, text: str) -> None:
    with _writing(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SaveError(f"can't write {path}: {error.strerror or error}") from None


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut. Windows can't open a folder, and needs no such thing."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
