"""Where a training stands: every number that it needs to go on, but no tensor.

Knows: what is counted while a training runs.
Does not know: torch; who counts, how a position is saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field


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
