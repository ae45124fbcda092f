"""What came of a trial, as a value.

Knows: how a trial can end, which numbers describe it.
Does not know: Optuna, how a trial is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from charlstm.tuning.space import Value

Outcome = Literal["done", "pruned", "diverged", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial."""

    number: int
    """Counted from 1. One that is unfinished leaves its number to the trial after it, which has the same values."""
    values: dict[str, Value]
    state: Outcome = "unfinished"
    loss: float | None = None
    """The lowest at any evaluation: nats per character, or per byte, on the part of the text that compares trials."""
    steps: int = 0
    seconds: float = 0.0
    reason: str = ""
    """Why it diverged or failed."""
