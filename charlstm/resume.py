"""All that an exact resume needs, as tensors and JSON and back: the run then goes on as if nothing had happened.

Knows: weights, optimizer moments, random states, the carried hidden state, and where in the text training stands.
Does not know: the loop, which run folder it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from charlstm.config import Config, validate
from charlstm.errors import ModelError, RunError
from charlstm.model import CharLSTM, State
from charlstm.store import read_tensors, write_tensors

_VERSION = 1


@dataclass
class Meter:
    """What has happened since the last evaluation."""

    nats: float = 0.0
    characters: int = 0
    seconds: float = 0.0
    grad_norm: float = 0.0

    def add(self, loss: float, characters: int, seconds: float, grad_norm: float) -> None:
        """Count one step."""
        self.nats += loss * characters
        self.characters += characters
        self.seconds += seconds
        self.grad_norm = grad_norm


@dataclass
class Position:
    """Where a training stands; every number that it needs to go on, but no tensor."""

    step: int = 0
    epoch: int = 0
    """Counted from 1; 0 before the first."""
    batch: int = 0
    """Steps so far in this epoch."""
    offset: int = 0
    """Of this epoch."""
    characters: int = 0
    seconds: float = 0.0
    train_loss: float | None = None
    validation_loss: float | None = None
    best_loss: float | None = None
    evaluation_due: bool = False
    """Stopped between a step and the evaluation that belongs to it."""
    meter: Meter = field(default_factory=Meter)

    @property
    def recorded_step(self) -> int:
        """The last step whose evaluation, if it had one, is written down."""
        return self.step - self.evaluation_due


@dataclass
class Training:
    """The moving parts of a training."""

    model: CharLSTM
    optimizer: torch.optim.Optimizer
    offsets: np.random.Generator
    position: Position
    state: State | None = None
    """The carried hidden and cell state; None at the start of an epoch."""


def save_training(path: Path, training: Training, config: Config, text: str) -> None:
    """Write everything; `text` is the text's digest."""
    tensors = {f"model.{name}": p for name, p in training.model.state_dict().items()}
    for number, moments in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    if training.state is not None:
        tensors |= {"state.hidden": training.state[0], "state.cell": training.state[1]}
    tensors["random.cpu"] = torch.random.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    about = {
        "resume_version": _VERSION,
        "config": config.model_dump(mode="json", exclude={"data": {"text"}}),
        "text": text,
        "position": asdict(training.position),
        "offsets": training.offsets.bit_generator.state,
    }
    write_tensors(path, about, {name: value.detach().cpu().contiguous() for name, value in tensors.items()})


@dataclass(frozen=True)
class Saved:
    """What `save_training` wrote."""

    config: Config
    text: str
    about: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def load_training(path: Path) -> Saved:
    """Read it back, checked. ModelError where the file is damaged, or something else."""
    about, tensors = read_tensors(path)
    if about.get("resume_version") != _VERSION:
        raise ModelError(f"{path} is not what a run is resumed from, or of another version")
    return Saved(validate(about["config"]), about["text"], about, tensors)


def restore(training: Training, saved: Saved, device: torch.device) -> None:
    """Put every part back as it was. ModelError where the parts do not fit."""
    about, tensors = saved.about, saved.tensors
    try:
        training.model.load_state_dict(_under("model.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            number, _, key = name.partition(".")
            moments.setdefault(int(number), {})[key] = value
        groups = training.optimizer.state_dict()["param_groups"]
        training.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        meter = Meter(**about["position"].pop("meter"))
        training.position = Position(**about["position"], meter=meter)
        training.offsets.bit_generator.state = about["offsets"]
        carried = _under("state.", tensors)
        training.state = (carried["hidden"].to(device), carried["cell"].to(device)) if carried else None
        torch.random.set_rng_state(tensors["random.cpu"])
        if device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"the run can't be resumed: {' '.join(str(error).split())}") from None


def refuse_another(before: Config, asked: Config) -> None:
    """RunError names the first setting that would make it another model, another text or another order of it."""
    keys = [("data", "unit"), ("data", "validation"), *(("model", key) for key in type(before.model).model_fields)]
    for section, key in [*keys, ("train", "batch_size"), ("train", "seq_len"), ("train", "seed")]:
        old, new = (getattr(getattr(config, section), key) for config in (before, asked))
        if old != new:
            raise RunError(f"{section}.{key} is {old!r} in this run and can't become {new!r}: start a new run for that")


def check_text(saved: Saved, text: str) -> None:
    """RunError where the text is not the one that the run began with."""
    if saved.text != text:
        raise RunError("the text is not the one that this run began with: start a new run for it")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
