"""The contract of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from charlstm.sampling.types import EngineState, Logits
from charlstm.text.types import Ids


class Engine(Protocol):
    """Steps B texts side by side. Shapes: T time, B batch, V vocabulary.

    Several threads may use one engine at once, each with texts of its own, and give a state on to one another.
    """

    def prefill(self, ids: Ids, state: EngineState = None) -> tuple[Logits, EngineState]:
        """Read ids (T, B), T >= 1, from a state (zeros where None) -> logits (B, V) after the last, and the state there."""
        ...

    def step(self, ids: Ids, state: EngineState) -> tuple[Logits, EngineState]:
        """Read one id for each text, (B,) -> logits (B, V) of what comes next, and the next state."""
        ...

    def select(self, state: EngineState, rows: Sequence[int]) -> EngineState:
        """The state of the texts at `rows`: some of them, in another order, or one several times."""
        ...

    def join(self, states: Sequence[EngineState]) -> EngineState:
        """One state of the texts of several, in their order."""
        ...
