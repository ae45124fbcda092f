"""Several models of one vocabulary as one engine.

The logits are averaged by weight, which multiplies the models' probabilities, each to the power of its weight, and normalises
the product: a product of experts (Hinton 2002, equation 1), which prefers what all of them find probable. What a model adds to
all of its logits alike drops out of that, so no softmax has to come first; and without one, a model blended with itself is that
model to every control, to the repetition penalty too, which goes by the signs of logits.

Knows: engines, and how vocabularies differ.
Does not know: model files, settings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charlstm.errors import CharlstmError
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.types import EngineState, Logits
from charlstm.text.types import Ids
from charlstm.text.vocabulary import CharVocabulary, Vocabulary, describe


class BlendEngine:
    """Steps several engines side by side. Its state is the tuple of theirs.

    Weights are positive and count by their proportion, so that a blend is no bolder or more cautious than its parts.
    """

    def __init__(self, engines: Sequence[Engine], weights: Sequence[float]) -> None:
        assert len(engines) == len(weights) > 0
        self._parts = [(engine, weight / sum(weights)) for engine, weight in zip(engines, weights, strict=True)]

    def prefill(self, ids: Ids, state: EngineState = None) -> tuple[Logits, EngineState]:
        """See `Engine.prefill`."""
        states = [None] * len(self._parts) if state is None else state
        return self._mixed([engine.prefill(ids, s) for (engine, _), s in zip(self._parts, states, strict=True)])

    def step(self, ids: Ids, state: EngineState) -> tuple[Logits, EngineState]:
        """See `Engine.step`."""
        return self._mixed([engine.step(ids, s) for (engine, _), s in zip(self._parts, state, strict=True)])

    def select(self, state: EngineState, rows: Sequence[int]) -> EngineState:
        """See `Engine.select`."""
        return tuple(engine.select(s, rows) for (engine, _), s in zip(self._parts, state, strict=True))

    def join(self, states: Sequence[EngineState]) -> EngineState:
        """See `Engine.join`."""
        return tuple(engine.join(parts) for (engine, _), parts in zip(self._parts, zip(*states, strict=True), strict=True))

    def _mixed(self, results: list[tuple[Logits, EngineState]]) -> tuple[Logits, EngineState]:
        logits = np.zeros_like(results[0][0])
        for (_, weight), (part, _) in zip(self._parts, results, strict=True):
            logits += weight * part
        return logits, tuple(state for _, state in results)


def require_same_vocabulary(ours: Vocabulary, theirs: Vocabulary, name: str = "the other model") -> None:
    """CharlstmError, which shows the difference, where two models can't be blended. `name` says which the second is."""
    if ours != theirs:
        raise CharlstmError(f"can't blend with {name}: {_difference(ours, theirs)}")


def _difference(ours: Vocabulary, theirs: Vocabulary) -> str:
    if not isinstance(ours, CharVocabulary) or not isinstance(theirs, CharVocabulary):
        if ours.unit != theirs.unit:
            return f"one model writes {ours.noun}s, that one {theirs.noun}s; both need the same data.unit"
    elif ours.symbols != theirs.symbols:
        only = [(where, [c for c in a if c not in b]) for where, a, b in _both_ways(ours.symbols, theirs.symbols)]
        return "the vocabularies differ: " + "; ".join(f"only {where} is {describe(found)}" for where, found in only if found)
    if ours.normalize != theirs.normalize:
        return f"one model has data.normalize = {ours.normalize!r}, that one {theirs.normalize!r}"
    return "in one of the models U+FFFD stands for all rare characters (data.min_count), in the other for itself"


def _both_ways(ours: str, theirs: str) -> list[tuple[str, str, str]]:
    return [("here", ours, theirs), ("there", theirs, ours)]
