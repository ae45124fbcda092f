"""The model file: its format, its writing and its checked reading.

A model file is self-contained: the weights as tensors, and beside them, as JSON in the safetensors metadata, all that is
needed to use them. A SHA-256 over both is kept with them, because neither safetensors nor torch notices a flipped bit.

Knows: what is in a file of tensors, and how to tell that it is whole.
Does not know: how files in a run folder are called; what training, sampling or evaluating do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from charlstm.config import Config, validate
from charlstm.errors import CharlstmError, ModelError
from charlstm.folder import RunFolder, write_atomically
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
    try:
        if not path.exists():
            raise ModelError(f"no such model: {path}")
        file = path if path.is_file() else RunFolder(path).model()
    except OSError as error:
        raise ModelError(f"no such model: {str(path)[:100]!r} ({error.strerror})") from None
    about, tensors = read_tensors(file)
    try:
        return _rebuild(about, tensors, device or torch.device("cpu"))
    except (CharlstmError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{file} does not hold a model that this version can read: {_one_line(error)}") from None


def write_tensors(path: Path, about: Mapping[str, Any], tensors: Mapping[str, Tensor], previous: Path | None = None) -> None:
    """Write tensors (on the CPU, contiguous) and what JSON says about them, with a SHA-256 over both.

    What the file held before goes to `previous`, if that is given.
    """
    text = json.dumps(about)
    write_atomically(path, save(dict(tensors), {_METADATA: f"{_digest(text, tensors)} {text}"}), previous)


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


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
