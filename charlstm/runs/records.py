"""What a training reports: steps, evaluations and setbacks, as values.

Knows: which numbers describe a training, which of them metrics.jsonl keeps, and how to read its curve back.
Does not know: how they come about, how they are shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from charlstm.values import MANY


@dataclass(frozen=True)
class StepRecord:
    """One step of the optimizer."""

    step: int
    epoch: int
    batch: int
    """Steps so far in this epoch."""
    loss: float
    characters: int
    """In this step."""


@dataclass(frozen=True)
class Record:
    """One evaluation: a line of metrics.jsonl, and a sample. Losses are in nats per character, or per byte."""

    step: int
    epoch: int
    """Counted from 1, like `step`."""
    characters: int
    """Read so far, each as often as it was read."""
    seconds: float
    """Since the start, evaluations included."""
    train_loss: float
    """Mean over the steps since the record before, with dropout on."""
    validation_loss: float | None
    """Stateful, see `charlstm.scoring.evaluation`; None where no part of the text is kept for it."""
    bpc: float | None
    """Bits per character of the validation loss; per byte where the vocabulary is bytes."""
    learning_rate: float
    grad_norm: float
    """Of the last step, before clipping."""
    chars_per_second: float
    """Of training alone, since the record before."""
    ends_epoch: bool
    """Whether it ends an epoch or the training."""
    batch: int = field(metadata={"shown_only": True})
    """Steps so far in this epoch."""
    is_best: bool = field(metadata={"shown_only": True})
    sample: str = field(metadata={"shown_only": True})
    unwritten: str = field(default="", metadata={"shown_only": True})
    """Why the sample could not be added to samples.txt: no reason to stop."""

    def metrics(self) -> dict[str, float | int | None]:
        """The part that metrics.jsonl keeps."""
        return _kept_of(self)


@dataclass(frozen=True)
class Look:
    """What was seen within an epoch that takes long: a line of metrics.jsonl, and a sample.

    It comes by the clock, so that nothing which decides a training depends on it: no model is the best by it, and no patience
    counts it.
    """

    step: int
    epoch: int
    characters: int
    seconds: float
    train_loss: float
    """Mean over the steps since the look or the record before, with dropout on."""
    part_loss: float | None
    """On the beginning of the validation part, the same one each time; None where there is no such part."""
    learning_rate: float
    grad_norm: float
    chars_per_second: float
    sample: str = field(metadata={"shown_only": True})
    unwritten: str = field(default="", metadata={"shown_only": True})

    def metrics(self) -> dict[str, float | int | None]:
        """The part that metrics.jsonl keeps."""
        return _kept_of(self)


@dataclass(frozen=True)
class Setback:
    """Training diverged and went back to a save."""

    reason: str
    back_to: int
    """The step of the save."""
    number: int
    """Which setback this is, counted from 1; each halves the learning rate."""


AnyRecord = StepRecord | Record | Setback
"""What a training reports: every step, every evaluation, every setback."""


def _kept_of(record: Record | Look) -> dict[str, float | int | None]:
    shown_only = {f.name for f in fields(record) if f.metadata.get("shown_only")}
    return {name: value for name, value in asdict(record).items() if name not in shown_only}


@dataclass(frozen=True)
class Point:
    """One evaluation on a curve: what of a `Record` tells how a training went."""

    step: int
    epoch: int
    train_loss: float
    validation_loss: float | None
    """None where no part of the text was kept for it."""
    ends_epoch: bool = True


_POINT = tuple(f.name for f in fields(Point))


def read_curve(metrics: bytes) -> list[Point]:
    """The points in metrics.jsonl. A line that is no record, as a crash or an editor may leave one, is passed over."""
    points = (_read_point(record) for record in _records(metrics.splitlines()))
    return [point for point in points if point]


XAxis = Literal["steps", "characters", "minutes"]
"""What a curve is drawn over."""
COLUMNS = ("step", "characters", "seconds", "train_loss", "validation_loss", "part_loss", "learning_rate", "grad_norm")
"""What of a `Record` or a `Look` is drawn."""


def read_columns(metrics: bytes) -> dict[str, list[float]]:
    """Each of `COLUMNS` as one number an evaluation or a look, NaN where a line has none that is finite. Steps rise.

    A step that is there twice was trained again: the later line counts, and the lines between are of a past that was undone.
    """
    rows: list[list[float]] = []
    for record in _records(metrics.splitlines()):
        row = [_finite(record.get(name)) for name in COLUMNS]
        if not {"validation_loss", "part_loss"} & set(record) or not row[0] > 0:
            continue
        while rows and rows[-1][0] >= row[0]:
            rows.pop()
        rows.append(row)
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def has_diverged(metrics: bytes) -> bool:
    """Whether the last thing that was written is that training diverged for good."""
    return "diverged" in next(_records(reversed(metrics.splitlines())), {})


def _records(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _finite(value: object) -> float:
    return float(value) if type(value) in (int, float) and abs(value) < 1e300 else math.nan  # type: ignore[arg-type]


def _read_point(record: Mapping[str, Any]) -> Point | None:
    try:
        point = Point(**{name: record[name] for name in _POINT if name in record})
    except TypeError:  # one that every point has is missing
        return None
    counted = all(type(number) is int and 0 < number <= MANY for number in (point.step, point.epoch))
    losses = [point.train_loss, *([] if point.validation_loss is None else [point.validation_loss])]
    measured = all(type(loss) is float and 0 < loss < math.inf for loss in losses)
    return point if counted and measured and type(point.ends_epoch) is bool else None
