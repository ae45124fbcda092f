"""Where a training stands: every number that it needs to go on, but no tensor.

Knows: what is counted while a training runs.
Does not know: torch, which the overview of runs reads a position without; who counts, how a position is saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from charlstm.model.types import Loss


@dataclass
class Meter:
    """What has happened since the last evaluation."""

    nats: float = 0.0
    count: float = 0
    """Characters that the nats are over, see `Loss`."""
    characters: int = 0
    """That were read."""
    seconds: float = 0.0
    grad_norm: float = 0.0
    """Of the last step."""

    def add(self, loss: Loss, characters: int, seconds: float, grad_norm: float) -> None:
        """Count one step."""
        self.nats += loss.nats
        self.count += loss.count
        self.characters += characters
        self.seconds += seconds
        self.grad_norm = grad_norm

    @property
    def loss(self) -> Loss:
        """Of all steps together."""
        return Loss(self.nats, self.count)


@dataclass
class Position:
    """Where a training stands in its text and in its schedule, and what it has measured on the way."""

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
    without_best: int = 0
    """Evaluations in a row that were no new best."""
    evaluation_due: bool = False
    """Stopped between a step and the evaluation that belongs to it."""
    setbacks: int = 0
    """How often training diverged and went back to a save; each time halves the learning rate."""
    meter: Meter = field(default_factory=Meter)

    def is_out_of_patience(self, patience: int) -> bool:
        """Whether so many evaluations in a row were no new best; a patience of 0 has no end."""
        return 0 < patience <= self.without_best

    def is_finished(self, total_steps: int, patience: int) -> bool:
        """Whether all steps are done and evaluated, or patience has run out."""
        at_the_end = self.step >= total_steps or self.is_out_of_patience(patience)
        return at_the_end and not self.evaluation_due

    def begin_epoch(self, offset: int) -> None:
        """The next epoch begins, at this offset in the text."""
        self.epoch += 1
        self.batch = 0
        self.offset = offset

    def count_step(self, loss: Loss, characters: int, seconds: float, grad_norm: float) -> None:
        """Count a step, as `Meter.add` does."""
        self.step += 1
        self.batch += 1
        self.characters += characters
        self.seconds += seconds
        self.meter.add(loss, characters, seconds, grad_norm)

    def count_evaluation(self, validation_loss: float | None, seconds: float) -> bool:
        """Count an evaluation that took so long, and begin a new meter -> whether its loss is a new best.

        Without a validation loss nothing is: the training loss of a model that learns a text by heart only falls.
        """
        self.seconds += seconds
        self.train_loss, self.validation_loss = self.meter.loss.mean, validation_loss
        self.meter, self.evaluation_due = Meter(), False
        if validation_loss is None:
            return False
        is_best = self.best_loss is None or validation_loss < self.best_loss
        self.best_loss = validation_loss if is_best else self.best_loss
        self.without_best = 0 if is_best else self.without_best + 1
        return is_best
