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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm.batches import let_go
from charlstm.errors import TextError
from charlstm.model import CharLSTM, State
from charlstm.vocabulary import Ids

COLD_WINDOW = 256
"""The window of nanoGPT's character config, so that figures compare."""
_WARM_UP = 512
_MAX_LANES = 32
_MAX_LOGITS = 2**22  # held at once: 16 MiB in float32


@dataclass(frozen=True)
class Evaluation:
    """Summed loss over so many characters; over bytes, as the field does for enwik8, where the vocabulary is bytes.

    >>> round(Evaluation(nats=math.log(2) * 100, chars=50).bpc, 9)
    2.0
    """

    nats: float
    chars: int

    @property
    def loss(self) -> float:
        """Nats per character."""
        return self.nats / self.chars

    @property
    def bpc(self) -> float:
        """Bits per character: nats / ln 2."""
        return self.loss / math.log(2)


def _nothing() -> None:
    pass


@torch.no_grad()
def stateful(model: CharLSTM, ids: Ids, first: int = 1, check: Callable[[], None] = _nothing) -> Evaluation:
    """Score `ids[first:]` (`first` >= 1), state carried. `check` is called every few thousand characters and may raise."""
    scored = len(ids) - first
    # A lane at least as long as its warm-up costs at most half as much again.
    lanes = max(1, min(_MAX_LANES, scored // _WARM_UP))
    length = math.ceil(scored / lanes)
    starts = first + length * np.arange(lanes)
    with _evaluating(model):
        state = _warm_up(model, ids, starts)
        nats = 0.0
        for t in _chunks(length, lanes * model.vocabulary_size):
            targets = starts + np.array(t)[:, None]  # (T, B) positions in the text
            inside = targets < len(ids)
            targets = np.minimum(targets, len(ids) - 1)
            logits, state = model(_tensor(model, ids[targets - 1]), state)
            loss = F.cross_entropy(logits.flatten(0, 1), _tensor(model, ids[targets]).flatten(), reduction="none")
            nats += float(loss.cpu().double().numpy()[inside.ravel()].sum())
            let_go(ids)
            check()
    return Evaluation(nats, scored)


@torch.no_grad()
def cold(
    model: CharLSTM, ids: Ids, first: int = 1, window: int = COLD_WINDOW, check: Callable[[], None] = _nothing
) -> Evaluation:
    """Score `ids[first:]` (`first` >= 1) in windows of `window` characters, each from a zero state."""
    scored = len(ids) - first
    nats = 0.0
    with _evaluating(model):
        whole = scored // window
        at_once = max(1, _MAX_LOGITS // (window * model.vocabulary_size))
        for begin in range(0, whole, at_once):
            starts = first + window * np.arange(begin, min(begin + at_once, whole))
            nats += _score_window(model, ids, starts, window)
            let_go(ids)
            check()
        if rest := scored % window:
            nats += _score_window(model, ids, np.array([len(ids) - rest]), rest)
    return Evaluation(nats, scored)


def evaluate_text(model: CharLSTM, ids: Ids, context: int = 0) -> dict[str, Evaluation]:
    """Both protocols on ids (N,) after the first `context` of them. TextError where nothing is left to score.

    A text without context begins with one: nothing can be predicted before its first character.
    """
    first = max(1, context)
    if len(ids) <= first:
        raise TextError(f"nothing to score: the text has {len(ids)} characters, and {first} of them are context")
    return {"stateful": stateful(model, ids, first), f"cold-{COLD_WINDOW}": cold(model, ids, first)}


def _score_window(model: CharLSTM, ids: Ids, starts: np.ndarray[tuple[int], np.dtype[np.int64]], window: int) -> float:
    targets = starts + np.arange(window)[:, None]
    logits, _ = model(_tensor(model, ids[targets - 1]))
    return float(
        F.cross_entropy(logits.flatten(0, 1), _tensor(model, ids[targets]).flatten(), reduction="none").cpu().double().sum()
    )


def _warm_up(model: CharLSTM, ids: Ids, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> State:
    """The state before the input `ids[start - 1]` of each lane."""
    H, L = model.config.hidden_size, model.config.num_layers
    device = model.head.weight.device

    def read(positions: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> State:
        lanes = positions.shape[1]
        state = (torch.zeros(L, lanes, H, device=device), torch.zeros(L, lanes, H, device=device))
        for t in _chunks(len(positions), lanes * model.vocabulary_size):
            _, state = model(_tensor(model, ids[positions[t.start : t.stop]]), state)
        return state

    # The first lane may have less context than the others, which have at least a lane before them.
    before_first = int(starts[0]) - 1
    alone = np.arange(max(0, before_first - _WARM_UP), before_first)[:, None]
    others = starts[1:] - 1 + np.arange(-_WARM_UP, 0)[:, None]
    states = [read(alone), read(others)]
    return torch.cat([h for h, _ in states], 1), torch.cat([c for _, c in states], 1)


def _chunks(length: int, logits_a_step: int) -> Iterator[range]:
    size = max(1, min(256, _MAX_LOGITS // logits_a_step)) if logits_a_step else length
    for begin in range(0, length, max(1, size)):
        yield range(begin, min(begin + size, length))


def _tensor(model: CharLSTM, ids: Ids) -> Tensor:
    return torch.from_numpy(ids.astype(np.int64)).to(model.head.weight.device)


@contextmanager
def _evaluating(model: CharLSTM) -> Iterator[None]:
    """Dropout off, and back to what it was."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
