"""Loss of a model on a text, by two protocols that must not be mixed up.

- stateful: the state is carried through the whole text. The text is read in parallel lanes, each warmed up on the
  characters before it, which count for the lane before.
- cold-W: windows of W characters, each from a zero state.

Every character from `first` on is scored once. `ids[:first]` is context: the training part before a validation part, or the
one character that a text needs before anything can be predicted.

Knows: the protocols, nats and bits.
Does not know: files, training, how a number is shown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm.errors import TextError
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.model.device import threads_for
from charlstm.scoring.protocols import COLD_WINDOW, Protocol
from charlstm.scoring.totals import Evaluation
from charlstm.text.batches import let_go
from charlstm.text.types import Ids

_WARM_UP = 512
_MAX_LANES = 32
_MAX_WINDOWS = 128  # side by side
MAX_LOGITS = 2**22
"""Held at once: 16 MiB in float32."""
_MAX_WORK = 2**33
"""Weights times characters read at once: about a second on one core, for so long no one can stop it."""
Starts = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Where lanes that are read side by side begin in the text, (B,)."""


def _no_check() -> None:
    pass


@torch.no_grad()
def stateful(model: CharLSTM, ids: Ids, first: int = 1, check: Callable[[], None] = _no_check) -> Evaluation:
    """Score `ids[first:]` (`first` >= 1), state carried. `check` is called every few thousand characters and may raise."""
    since, scored = time.perf_counter(), len(ids) - first
    # A lane at least as long as its warm-up costs at most half as much again.
    lanes = max(1, min(_MAX_LANES, scored // _WARM_UP))
    length = math.ceil(scored / lanes)
    starts = first + length * np.arange(lanes)
    with evaluating(model, lanes):
        nats = _score(model, ids, starts, length, _warm_up(model, ids, starts, check), check)
    return Evaluation(nats, scored, time.perf_counter() - since)


@torch.no_grad()
def cold(
    model: CharLSTM, ids: Ids, first: int = 1, window: int = COLD_WINDOW, check: Callable[[], None] = _no_check
) -> Evaluation:
    """Score `ids[first:]` (`first` >= 1) in windows of `window` characters, each from a zero state."""
    since, scored = time.perf_counter(), len(ids) - first
    nats = 0.0
    with evaluating(model, _MAX_WINDOWS):
        whole = scored // window
        for begin in range(0, whole, _MAX_WINDOWS):
            starts = first + window * np.arange(begin, min(begin + _MAX_WINDOWS, whole))
            nats += _score(model, ids, starts, window, None, check)
        if rest := scored % window:
            nats += _score(model, ids, np.array([len(ids) - rest]), rest, None, check)
    return Evaluation(nats, scored, time.perf_counter() - since)


def evaluate_text(
    model: CharLSTM, ids: Ids, context: int = 0, protocol: Protocol | None = None, window: int = COLD_WINDOW
) -> dict[str, Evaluation]:
    """One protocol or both on ids (N,) after the first `context` of them. TextError where nothing is left to score.

    A text without context begins with one: nothing can be predicted before its first character.
    """
    first = max(1, context)
    if len(ids) <= first:
        raise TextError(f"nothing to score: the text has {len(ids)} characters, and {first} of them are context")
    results = {}
    if protocol != "cold":
        results["stateful"] = stateful(model, ids, first)
    if protocol != "stateful":
        results[f"cold-{window}"] = cold(model, ids, first, window)
    return results


def _score(model: CharLSTM, ids: Ids, starts: Starts, length: int, state: State | None, check: Callable[[], None]) -> float:
    """Nats of `length` ids from each start on, each predicted from the one before it. What is beyond the end does not count."""
    nats = 0.0
    for inputs, logits, _ in _read_lanes(model, ids, starts - 1, length, state, check):
        targets = np.minimum(inputs + 1, len(ids) - 1)
        loss = F.cross_entropy(logits.flatten(0, 1), _tensor(model, ids[targets]).flatten(), reduction="none")
        nats += float(loss.cpu().double().numpy()[(inputs + 1 < len(ids)).ravel()].sum())
    return nats


def _warm_up(model: CharLSTM, ids: Ids, starts: Starts, check: Callable[[], None]) -> State:
    """The state before the input `ids[start - 1]` of each lane."""
    H, L = model.config.hidden_size, model.config.num_layers
    device = model.head.weight.device
    # The first lane may have less context than the others, which have at least a lane before them.
    first = min(_WARM_UP, int(starts[0]) - 1)
    states = []
    for lanes, length in ((starts[:1], first), (starts[1:], _WARM_UP)):
        state = (torch.zeros(L, len(lanes), H, device=device), torch.zeros(L, len(lanes), H, device=device))
        for _, _, after in _read_lanes(model, ids, lanes - 1 - length, length, state, check):
            state = after
        states.append(state)
    return torch.cat([h for h, _ in states], 1), torch.cat([c for _, c in states], 1)


def _read_lanes(
    model: CharLSTM, ids: Ids, starts: Starts, length: int, state: State | None, check: Callable[[], None]
) -> Iterator[tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Tensor, State]]:
    """Read `length` ids from each start on, some steps at a time.

    -> their positions (T, B), the logits (T, B, V) of the ids after them, and the state after the last.
    """
    B = len(starts)
    if not B:
        return
    size = steps_at_once(model, B)
    for begin in range(0, length, size):
        positions = starts + np.arange(begin, min(begin + size, length))[:, None]
        logits, state = model(_tensor(model, ids[np.minimum(positions, len(ids) - 1)]), state)
        yield positions, logits, state
        let_go(ids)
        check()


def steps_at_once(model: CharLSTM, lanes: int) -> int:
    """Characters that so many lanes can each read at once without much memory, or time in which no one can stop it."""
    return max(1, min(256, MAX_LOGITS // (lanes * model.vocabulary_size), _MAX_WORK // (lanes * model.parameters_count)))


def _tensor(model: CharLSTM, ids: Ids) -> Tensor:
    return torch.from_numpy(ids.astype(np.int64)).to(model.head.weight.device)


@contextmanager
def evaluating(model: CharLSTM, rows: int) -> Iterator[None]:
    """Dropout off, as few threads as reading so many rows side by side is worth, and both back to what they were."""
    was_training = model.training
    model.eval()
    try:
        with threads_for(model.multiplied, rows):
            yield
    finally:
        model.train(was_training)
