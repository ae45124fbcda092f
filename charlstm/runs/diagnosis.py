"""What the curves of a training say, in one plain sentence, and the settings to try next.

Training losses are means over the steps since the evaluation before, with dropout on; validation losses are measured at the
evaluation, without it. So training may look worse than validation without meaning anything, and only a training loss that
is clearly the lower one tells of a gap.

Knows: how to read a curve, and which setting answers which trouble.
Does not know: files, torch, how a command is spelt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from charlstm.config import Config
from charlstm.runs.records import Point
from charlstm.values import MANY

CurveKind = Literal["not validated", "too early", "still learning", "overfitting", "unsteady", "underfitting", "well trained"]

_FEWEST = 3  # evaluations: two are a line, whatever the curve is
_WORSE = 0.005
"""Evaluations at the end of a schedule, when steps are small, differ from each other by less than this share of the loss."""
_GAINING = 0.03
"""The cosine's end is always flat, so what counts is the gain of the whole second half, and there smaller steps alone bring
a percent or two to a model that has nothing more to learn."""
_GAP = 0.02
"""A share of the loss; a training loss that is not lower by even this, has learned nothing by heart."""
_WIDE_GAP = 0.1
"""From here on more passes are mostly learned by heart, unless more dropout comes with them."""
_FEW_STEPS = 1_000
"""A loss that is flat before that is the plateau where only the frequencies of characters are known, and size is no cure."""
_MOST_DROPOUT = 0.5
_MOST_EPOCHS, _LARGEST = 1_000_000, 8192  # as `train.epochs` and `model.hidden_size` allow


@dataclass(frozen=True)
class Diagnosis:
    """What to make of a run."""

    kind: CurveKind
    sentence: str
    settings_to_try: Mapping[str, float] = field(default_factory=dict)
    """For `--set`; empty where there is nothing to change."""
    goes_on: bool = False
    """Whether to resume the same run with these settings, or without any; else they ask for a new run."""


class _Validated(Point):
    """A point with a validation loss."""

    validation_loss: float


def diagnose(curve: Sequence[Point], config: Config) -> Diagnosis:
    """Read the curve of a run, oldest point first; `config` is the run's."""
    if not config.data.validation or any(point.validation_loss is None for point in curve):
        sentence = "no part of the text is kept for validation, so the curves do not tell how the model does on other text"
        return Diagnosis("not validated", sentence, goes_on=not is_finished(curve, config))
    return _diagnose_validated([_Validated(**vars(point)) for point in curve], config)


def _diagnose_validated(curve: Sequence[_Validated], config: Config) -> Diagnosis:
    if len(curve) < _FEWEST:
        return _go_on("too early", f"too early to say: {len(curve)} of at least {_FEWEST} evaluations", curve, config)
    last, best = curve[-1], min(curve, key=lambda point: point.validation_loss)
    if last.validation_loss > best.validation_loss * (1 + _WORSE):
        return _past_its_best(best, last, config)
    gap = 1 - last.train_loss / last.validation_loss
    middle = [point for point in curve if 2 * point.step <= last.step] or curve[:1]
    gain = middle[-1].validation_loss - best.validation_loss
    if gain > best.validation_loss * _GAINING:
        learning = f"still learning: the second half of the run took {gain:.3f} off the validation loss"
        has_ended = is_finished(curve, config)
        if gap > _WIDE_GAP and config.model.dropout < _MOST_DROPOUT and has_ended:
            more = {**_regularised(config), **_more_passes(last, config)}
            return Diagnosis("still learning", f"{learning}; try more passes, with more dropout", more)
        return _go_on("still learning", learning + ("; try more passes" if has_ended else ""), curve, config)
    if gap < _GAP:
        losses = f"{last.train_loss:.3f}, is no lower than on validation, {last.validation_loss:.3f}"
        underfitting = f"underfitting: the loss in training, {losses}"
        if last.step < _FEW_STEPS or not is_finished(curve, config):
            return _go_on("underfitting", f"{underfitting}; try more passes", curve, config)
        if config.model.dropout:
            less = round(max(0.0, config.model.dropout - 0.2), 3)
            return Diagnosis("underfitting", f"{underfitting}; try less dropout", {"model.dropout": less})
        larger = min(_LARGEST, config.model.hidden_size * 2)
        return Diagnosis("underfitting", f"{underfitting}; try a larger model", {"model.hidden_size": larger})
    return Diagnosis("well trained", f"well trained: the validation loss has levelled off at {last.validation_loss:.3f}")


def _past_its_best(best: _Validated, last: _Validated, config: Config) -> Diagnosis:
    rise = f"since epoch {best.epoch}: the validation loss rose from {best.validation_loss:.3f} to {last.validation_loss:.3f}"
    if last.train_loss < best.train_loss:
        return Diagnosis("overfitting", f"overfitting {rise} while the training loss fell", _regularised(config))
    slower = {"train.learning_rate": float(f"{config.train.learning_rate / 2:.3g}")}
    return Diagnosis("unsteady", f"unsteady {rise}, and the training loss did not fall; try a lower learning rate", slower)


def _go_on(kind: CurveKind, sentence: str, curve: Sequence[Point], config: Config) -> Diagnosis:
    """The same run: to its end where it was stopped before that, or else beyond it."""
    if _is_out_of_patience(curve, config):
        return Diagnosis(kind, sentence, {"train.patience": 0}, goes_on=True)
    more = _more_passes(curve[-1], config) if is_finished(curve, config) else {}
    return Diagnosis(kind, sentence, more, goes_on=True)


def is_finished(curve: Sequence[Point], config: Config) -> bool:
    """Whether a run came to the end that its settings set."""
    if not curve:
        return False
    last, train = curve[-1], config.train
    is_last = last.ends_epoch and (last.epoch >= train.epochs or 0 < train.max_steps <= last.step)
    return is_last or _is_out_of_patience(curve, config)


def _is_out_of_patience(curve: Sequence[Point], config: Config) -> bool:
    losses = [point.validation_loss for point in curve if point.validation_loss is not None]
    return 0 < config.train.patience <= len(losses) - 1 - losses.index(min(losses)) if losses else False


def _more_passes(last: Point, config: Config) -> dict[str, float]:
    """Twice as much of what ended the run, or would soon."""
    more: dict[str, float] = {}
    if last.epoch >= config.train.epochs:
        more["train.epochs"] = min(_MOST_EPOCHS, config.train.epochs * 2)
    if 0 < config.train.max_steps <= last.step:
        more["train.max_steps"] = min(MANY, config.train.max_steps * 2)
    return more


def _regularised(config: Config) -> dict[str, float]:
    """More dropout, as far as that goes; from there on a smaller model."""
    if config.model.dropout < _MOST_DROPOUT:
        return {"model.dropout": round(min(_MOST_DROPOUT, config.model.dropout + 0.2), 3)}
    return {"model.hidden_size": max(1, config.model.hidden_size // 2)}
