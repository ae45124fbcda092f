"""The run folder and the model file: their names, their formats, safe writing and checked reading.

A model file is self-contained: the weights as tensors, and beside them, as JSON in the safetensors metadata, all that is
needed to use them. A SHA-256 over both is kept with them, because neither safetensors nor torch notices a flipped bit.

Knows: every file name in a run folder. No other room does.
Does not know: what training, sampling or evaluating do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from charlstm.config import Config, validate
from charlstm.errors import CharlstmError, ModelError, RunError, SaveError
from charlstm.model import CharLSTM
from charlstm.vocabulary import Vocabulary, vocabulary_from_json

FORMAT_VERSION = 1
_METADATA = "charlstm"
"""The one key of the safetensors metadata: with two, their order, and so the file's bytes, would differ from run to run."""


@dataclass(frozen=True)
class Facts:
    """What is known about a trained model beside its weights."""

    step: int
    epoch: int
    characters: int
    """Characters trained on, each as often as it was read."""
    train_loss: float | None = None
    """Nats per character, with dropout on, between the last two evaluations; None before the first."""
    validation_loss: float | None = None
    """Nats per character, stateful, at the last evaluation."""


@dataclass(frozen=True)
class SavedModel:
    """A model and all that belongs to it."""

    model: CharLSTM
    vocabulary: Vocabulary
    config: Config
    facts: Facts


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
        """RunError where the folder holds a run that may not be overwritten."""
        if self.held() and not overwrite:
            raise RunError(
                f"{self.path} holds a run already: --resume continues it, --overwrite replaces it, another --run spares it"
            )

    def start(self, config: Config) -> None:
        """Make the folder, take a run that it holds out of it, and write the configuration."""
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
        """Drop the records of later steps, which a resumed run will write again."""
        with _writing(self.metrics):
            lines = self.metrics.read_bytes().splitlines(keepends=True) if self.metrics.exists() else []
        write_atomically(self.metrics, b"".join(line for line in lines if _step_of(line) <= step))

    def append_sample(self, title: str, text: str) -> None:
        """Add one sample to samples.txt, under its title."""
        _append(self.samples, f"=== {title}\n{text}\n\n")


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


def save_model(path: Path, saved: SavedModel) -> None:
    """Write a model file. SaveError where it can't be written; a file that was there before then stays as it was."""
    tensors = {name: p.detach().cpu().contiguous() for name, p in saved.model.state_dict().items()}
    # Where the text lies on the machine that trained on it is nobody else's business.
    config = saved.config.model_dump(mode="json", exclude={"data": {"text"}})
    about = {
        "format_version": FORMAT_VERSION,
        "config": config,
        "vocabulary": saved.vocabulary.to_json(),
        "facts": asdict(saved.facts),
    }
    write_tensors(path, about, tensors)


def load_model(path: Path, device: torch.device | None = None) -> SavedModel:
    """Read a run folder (its best model) or a model file, ready to use. ModelError says what is wrong with it."""
    file = _find_model_file(path)
    about, tensors = read_tensors(file)
    try:
        return _rebuild(about, tensors, device or torch.device("cpu"))
    except (CharlstmError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{file} does not hold a model that this version can read: {_one_line(error)}") from None


def write_tensors(path: Path, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors (on the CPU, contiguous) and what JSON says about them, with a SHA-256 over both."""
    text = json.dumps(about)
    write_atomically(path, save(dict(tensors), {_METADATA: f"{_digest(text, tensors)} {text}"}))


def read_tensors(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `write_tensors` wrote. ModelError where it is damaged, or something else."""
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} is not a model file: {_one_line(error)}") from None
    if _METADATA not in metadata:
        raise ModelError(f"{file} is a safetensors file, but not one of charlstm's")
    digest, _, text = metadata[_METADATA].partition(" ")
    if digest != _digest(text, tensors):
        raise ModelError(f"{file} is damaged: its content does not match its SHA-256")
    return json.loads(text), tensors


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


def _find_model_file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.exists():
        raise ModelError(f"no such model: {path}")
    folder = RunFolder(path)
    for file in (folder.best, folder.last):
        if file.is_file():
            return file
    raise ModelError(f"no model in {path}: expected {folder.best.name} or {folder.last.name} there")


def _rebuild(about: dict[str, Any], tensors: Mapping[str, Tensor], device: torch.device) -> SavedModel:
    if about["format_version"] != FORMAT_VERSION:
        raise ModelError(f"format version {about['format_version']}, expected {FORMAT_VERSION}")
    config = validate(about["config"])
    vocabulary = vocabulary_from_json(about["vocabulary"])
    model = CharLSTM(vocabulary.size, config.model)
    model.load_state_dict(tensors)
    return SavedModel(model.to(device).eval(), vocabulary, config, Facts(**about["facts"]))


def _digest(metadata: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the metadata, then each tensor's name, type, shape and bytes, by name."""
    digest = hashlib.sha256(metadata.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


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


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
