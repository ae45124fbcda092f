"""All that an exact resume needs, as tensors and JSON and back: the run then goes on as if nothing had happened.

Knows: weights, optimizer moments, random states, the carried hidden state, and where in the text training stands.
Does not know: the loop, when a save is made.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from charlstm.config import Config, DataConfig
from charlstm.errors import Argument, DamagedError, DivergedError, ModelError, RunError
from charlstm.runs.folder import Marks, RunFolder
from charlstm.runs.model_file import read_tensors, write_tensors
from charlstm.runs.position import Position
from charlstm.runs.save_header import SaveHeader, header_from_json
from charlstm.training.prepared import Prepared
from charlstm.training.state import Training, new_training


@dataclass(frozen=True)
class Saved(SaveHeader):
    """A training at one moment: what `write` writes and `load_training` reads."""

    tensors: Mapping[str, Tensor]

    def write(self, folder: RunFolder) -> None:
        """Write it, and keep the save before it. SaveError where that fails; both saves are then as they were."""
        write_tensors(folder.resume, self.to_json(), {name: t.numpy() for name, t in self.tensors.items()}, folder.previous)


def snapshot(training: Training, prepared: Prepared, marks: Marks) -> Saved:
    """Copies of all moving parts as they are now. DivergedError where a number among them is not finite."""
    numbers = _numbers(training)
    if not all(value.isfinite().all() for value in numbers.values()):
        raise DivergedError("a weight or a moment of the optimizer is not a finite number")
    tensors = numbers | _random_states(training)
    copies = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
    given, offsets = prepared.corpus.is_vocabulary_given, training.offsets.bit_generator.state
    position = copy.deepcopy(training.position)
    return Saved(prepared.config, prepared.digest, prepared.vocabulary, given, marks, position, offsets, copies)


def _numbers(training: Training) -> dict[str, Tensor]:
    """Weights, moments and the carried state, by the names that they have in a save."""
    tensors = {f"model.{name}": p for name, p in training.model.state_dict().items()}
    if training.average:
        tensors |= {f"average.{name}": p for name, p in training.average.state_dict().items()}
    for number, moments in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    if training.state is not None:
        tensors |= {"state.hidden": training.state[0], "state.cell": training.state[1]}
    return tensors


def _random_states(training: Training) -> dict[str, Tensor]:
    """Of the generators of torch; where dropout draws on a device of its own, one for each."""
    states = {"random.cpu": training.resets.get_state()}
    return states if training.dropout is training.resets else states | {"random.device": training.dropout.get_state()}


def load_training(folder: RunFolder) -> tuple[Saved, str]:
    """The newest save that is whole, and a warning where that is the one before the newest.

    ModelError where neither is whole, or where the newest can't be read for another reason than damage.
    """
    try:
        return _load(folder.resume), ""
    except DamagedError as error:
        if not folder.previous.is_file():
            raise
        saved = _load(folder.previous)
        return saved, f"{error}; going on from the save before it, made at step {saved.position.step:,}"


def _load(path: Path) -> Saved:
    about, tensors = read_tensors(path)
    header = header_from_json(about, path)
    return Saved(**vars(header), tensors={name: torch.from_numpy(tensor) for name, tensor in tensors.items()})


def resume_training(saved: Saved, prepared: Prepared, device: torch.device) -> Training:
    """The training as it was when it was saved.

    RunError where the text is another one, or no step is left to take; ModelError where the parts do not fit.
    """
    check_text(saved, prepared.digest, prepared.config.data)
    training = new_training(prepared, device)
    restore(training, saved)
    refuse_finished(training.position, prepared)
    return training


def restore(training: Training, saved: Saved) -> None:
    """Put every part back as it was. ModelError where the parts do not fit."""
    tensors = saved.tensors
    try:
        training.model.load_state_dict(_under("model.", tensors))
        if training.average:
            training.average.load_state_dict(_under("average.", tensors))
        groups = training.optimizer.state_dict()["param_groups"]
        training.optimizer.load_state_dict({"state": _moments(tensors), "param_groups": groups})
        training.position = copy.deepcopy(saved.position)
        carried = {name: value.to(training.device) for name, value in _under("state.", tensors).items()}
        training.state = (carried["hidden"], carried["cell"]) if carried else None
        _restore_generators(training, saved)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"the run can't be resumed: {' '.join(str(error).split())}") from None


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Those of the optimizer, by the number of the weight that they belong to and their name."""
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = value
    return moments


def _restore_generators(training: Training, saved: Saved) -> None:
    training.offsets.bit_generator.state = saved.offsets
    training.resets.set_state(saved.tensors["random.cpu"])
    # A save that was made on a CPU has none for another device: there dropout begins anew from the seed.
    if training.dropout is not training.resets and "random.device" in saved.tensors:
        training.dropout.set_state(saved.tensors["random.device"])


def refuse_finished(position: Position, prepared: Prepared) -> None:
    """RunError where a training has come to its end; it names the setting that asks for more."""
    train, steps = prepared.config.train, prepared.total_steps
    if not position.is_finished(steps, train.patience):
        return
    if position.is_out_of_patience(train.patience):
        found = f"its last evaluations brought nothing better, {position.without_best} in a row"
        raise RunError(f"this run has ended because {found}", remedy=(Argument("train.patience", 0), " goes on"))
    by_epochs = steps == prepared.layout.steps * train.epochs
    more = Argument("train.epochs", train.epochs + 1) if by_epochs else Argument("train.max_steps", 2 * train.max_steps)
    done = f"all {steps:,} steps of this run are done" if steps > 1 else "the one step of this run is done"
    raise RunError(done, remedy=(more, " asks for more"))


def refuse_another(before: Config, asked: Config) -> None:
    """RunError names the first setting that would make it another model, another text or another order of it."""
    data = [("data", key) for key in ("unit", "validation", "test")]
    keys = [*data, *(("model", key) for key in type(before.model).model_fields)]
    for section, key in [*keys, ("train", "batch_size"), ("train", "seq_len"), ("train", "average"), ("train", "seed")]:
        old, new = (getattr(getattr(config, section), key) for config in (before, asked))
        if old != new:
            is_another = f"it is {old!r} in this run and can't become another"
            raise RunError(is_another, key=f"{section}.{key}", value=new, remedy="start a new run for that")


def check_text(saved: Saved, digest: str, now: DataConfig) -> None:
    """RunError where the text is not the one that the run began with; it names the settings that may have made it another."""
    if saved.text != digest:
        before = saved.config.data
        keys = [key for key in type(now).model_fields if getattr(before, key) != getattr(now, key)] or ["text"]
        names = ", ".join(f"data.{key} = {getattr(now, key)!r}" for key in keys)
        begins = ("start a new run for it, which ", Argument("begin", "RUN"), " lets begin with what this one has learned")
        raise RunError(f"the text is not the one that this run began with ({names})", remedy=begins)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
