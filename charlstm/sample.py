"""Logits -> id -> text.

Knows: how one character is drawn, and the loop that feeds it back.
Does not know: which engine steps the model, where the text goes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from charlstm.config import SampleConfig
from charlstm.engines import Engine
from charlstm.engines.base import Logits
from charlstm.errors import CharlstmError
from charlstm.vocabulary import Vocabulary, describe

_GREEDY = 1e-6
"""Below this temperature the second most probable character is out of reach; dividing by it would only overflow."""


def next_id(logits: Logits, top_k: int, temperature: float, generator: np.random.Generator) -> int:
    """Draw an id from logits (V,): softmax of logits / temperature over the `top_k` largest (0 for all of them).

    Temperature 0 takes the largest. Each call takes exactly one number from the generator.

    >>> next_id(np.array([0.0, 3.0, 1.0], dtype=np.float32), top_k=1, temperature=1.0, generator=np.random.default_rng(0))
    1
    """
    draw = generator.random()
    if temperature < _GREEDY:
        return int(logits.argmax())
    order = logits.argsort()[::-1]  # most probable first
    if top_k:
        order = order[:top_k]
    likely = logits[order].astype(np.float64)
    cumulative = np.exp((likely - likely[0]) / temperature).cumsum()
    return int(order[cumulative.searchsorted(draw * cumulative[-1], side="right")])


def write_ids(
    engine: Engine, prime: np.ndarray[tuple[int], np.dtype[np.int64]], config: SampleConfig, seed: int
) -> Iterator[int]:
    """Ids that follow the prime (N,), N >= 1, without end. The same seed gives the same ids."""
    generator = np.random.default_rng(seed)
    logits, state = engine.prefill(prime[:, None])
    while True:
        chosen = next_id(logits[0], config.top_k, config.temperature, generator)
        yield chosen
        logits, state = engine.step(np.array([chosen]), state)


def write_text(engine: Engine, vocabulary: Vocabulary, config: SampleConfig, seed: int) -> Iterator[str]:
    """`config.length` characters that follow `config.prime`, each as soon as it is known.

    CharlstmError, before anything is written, names each character of the prime that the vocabulary lacks.
    """
    if not config.prime:
        raise CharlstmError("the prime is empty: at least one character is needed to start from")
    if missing := vocabulary.unknown(config.prime):
        listed = describe(missing)
        raise CharlstmError(
            f"the prime has characters that the model never saw: {listed}; use --unknown skip to leave them out"
        )
    ids = write_ids(engine, vocabulary.encode(config.prime).astype(np.int64), config, seed)
    return _take(vocabulary.stream(ids), config.length)


def _take(pieces: Iterator[str], length: int) -> Iterator[str]:
    """The first `length` characters of pieces, which may hold several characters each."""
    for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return


def without_unknown(config: SampleConfig, vocabulary: Vocabulary) -> SampleConfig:
    """The same settings, without the characters of the prime that the vocabulary lacks. CharlstmError where none is left."""
    prime = "".join(c for c in vocabulary.normalized(config.prime) if not vocabulary.unknown(c))
    if not prime:
        raise CharlstmError(f"no character of the prime {config.prime!r} is known to the model")
    return config.model_copy(update={"prime": prime})
