"""The contract of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
EngineState = Any
"""A value that belongs to one engine: it may be kept and stepped from again, and no step changes it."""


class Engine(Protocol):
    """Steps B texts side by side. Shapes: T time, B batch, V vocabulary."""

    def prefill(self, ids: Ids, state: EngineState = None) -> tuple[Logits, EngineState]:
        """Read ids (T, B), T >= 1, from a state (zeros where None) -> logits (B, V) after the last, and the state there."""
        ...

    def step(self, ids: Ids, state: EngineState) -> tuple[Logits, EngineState]:
        """Read one id for each text, (B,) -> logits (B, V) of what comes next, and the next state."""
        ...

    def select(self, state: EngineState, rows: Sequence[int]) -> EngineState:
        """The state of the texts at `rows`: some of them, in another order, or one several times."""
        ...
