"""How long a model remembers: what context is worth to it, and for how long a planted character shows.

    text        ... warm-up ... | s ..................... p - 1 | p       one place: the target p, R = 1,024 characters after s
    carried     ------------------------------------------------> p       the state carried from the warm-up on
    context c                                          |--------> p       the last c characters only, from a zero state
    planted     ----------------| another ids[s] ---------------> p       compared with `carried` after each character

Knows: places in a text, mean nats with their standard errors, Kullback-Leibler divergences.
Does not know: files, where a text came from, how a number is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from charlstm.errors import Argument, TextError, shown
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.model.types import Doubles
from charlstm.scoring.evaluation import evaluating, steps_at_once
from charlstm.text.types import Ids, Progress
from charlstm.text.vocabulary import Vocabulary

CONTEXTS = tuple(1 << k for k in range(11))
"""Characters read from a zero state before the one that is predicted: 1, 2, 4 ... 1,024."""
REACH = CONTEXTS[-1]
READ_BEFORE = 512
"""Characters that the carried state has read before a place begins, as in the stateful protocol."""
_Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mean:
    """Of one value a place, in nats."""

    nats: float
    stderr: float
    """The standard error of the mean."""


@dataclass(frozen=True)
class Context:
    """What a model predicts from so many characters, after a zero state."""

    chars: int
    loss: Mean
    excess: Mean
    """What that costs beside the carried state, on the same targets."""


@dataclass(frozen=True)
class Memory:
    """How long a model remembers."""

    places: int
    contexts: tuple[Context, ...]
    carried: Mean
    """The loss on the same targets with the state carried."""
    effect: tuple[Mean, ...]
    """How much another character, 1, 2 ... `REACH` characters before the one that is predicted, changes its distribution."""

    def enough(self, nats: float) -> int | None:
        """The least context from which on the loss is less than `nats` above the one with the state carried; None for none.

        A standard error of it must have room below that too, or else it may as well be noise.
        """
        found = None
        for context in reversed(self.contexts):
            if context.excess.nats + context.excess.stderr >= nats:
                break
            found = context.chars
        return found

    def falls_below(self, share: float) -> int | None:
        """From which distance on the effect stays below this share of what it is at distance 1.

        None where it is above at the last, or where there is no effect at all.
        """
        above = [d for d, mean in enumerate(self.effect, 1) if mean.nats >= share * self.effect[0].nats]
        return None if above[-1] == len(self.effect) else above[-1] + 1

    def within(self, share: float) -> int | None:
        """Within which distance this share of the sum of the effects at all distances lies; None where there is none."""
        sums = np.cumsum([mean.nats for mean in self.effect])
        return int(np.searchsorted(sums, share * sums[-1])) + 1 if sums[-1] > 0 else None


def least_ids(places: int) -> int:
    """How long a text must be to hold so many places."""
    return READ_BEFORE + REACH + places


def is_enough(ids: Ids, places: int) -> bool:
    """Whether a text is long enough for so many places, and holds two different characters."""
    return len(ids) >= least_ids(places) and bool((ids != ids[0]).any())


def require_enough(ids: Ids, places: int, vocabulary: Vocabulary) -> None:
    """TextError where that is not so."""
    least = least_ids(places)
    if is_enough(ids, places):
        return
    if len(ids) >= least:
        only = shown(vocabulary.decode(ids[:1].tolist()))
        raise TextError(f"the text holds nothing but {only}", remedy="another character is needed to plant in its place")
    have = f"the text has {len(ids):,} {vocabulary.noun}s"
    raise TextError(
        (f"{have}: at least {least:,} are needed for so many ", Argument("places"), ", each with what comes before it")
    )


@torch.no_grad()
def measure_memory(
    model: CharLSTM, ids: Ids, places: int, seed: int = 0, progress: Progress = lambda done, total: None
) -> Memory:
    """Measure at so many places (at least 2), evenly spread over ids (N,), N at least `least_ids(places)`.

    The planted characters are drawn as often as each occurs in the ids, those that stand there already left out; there must be
    two different ones. The effect is the mean divergence KL(p || q), in nats, of the distribution q that follows the planted
    character from p, which follows the text's own.
    """
    assert places >= 2
    assert len(ids) >= least_ids(places)
    targets = np.linspace(READ_BEFORE + REACH, len(ids) - 1, places).astype(np.int64)
    reader = _Reader(model, ids, places * (READ_BEFORE + 2 * REACH + sum(CONTEXTS)), progress)
    with evaluating(model, 2 * places):
        effects, carried = _plant(reader, targets, _others(ids, targets - REACH, np.random.default_rng(seed)))
        contexts = []
        for chars in CONTEXTS:
            losses = reader.losses(targets, chars)
            contexts.append(Context(chars, _mean(losses), _mean(losses - carried)))
    return Memory(places, tuple(contexts), _mean(carried), tuple(map(_mean, effects)))


def _plant(reader: _Reader, targets: _Positions, planted: _Positions) -> tuple[Doubles, Doubles]:
    """-> the divergence after each of `REACH` characters (R, P), and the losses of the targets with the state carried, (P,)."""
    begin, P = targets - REACH, len(targets)
    state = None
    for size in reader.sizes(READ_BEFORE, P):
        _, state = reader.read(begin - READ_BEFORE + size.start, len(size), state)
    assert state is not None
    state = (torch.cat([state[0]] * 2, 1), torch.cat([state[1]] * 2, 1))
    effects, logits = [], torch.empty(0)
    for size in reader.sizes(REACH, 2 * P):
        both = np.concatenate([begin, begin]) + size.start
        logits, state = reader.read(both, len(size), state, planted if size.start == 0 else None)
        own, other = _log_softmax(logits).chunk(2, 1)  # (T, P, V) each
        effects.append((own.exp() * (own - other)).sum(2).clamp(min=0))  # rounding may leave it a hair below 0
    return torch.cat(effects).numpy(), reader.nats(logits[-1, :P], targets)


def _others(ids: Ids, positions: _Positions, generator: np.random.Generator) -> _Positions:
    """Other ids than those at the positions, drawn as often as each occurs."""
    found = np.array(ids[positions], np.int64)
    while len(same := np.flatnonzero(found == ids[positions])):
        found[same] = ids[generator.integers(len(ids), size=len(same))]
    return found


class _Reader:
    """Reads a text at many places side by side, and counts what was read."""

    def __init__(self, model: CharLSTM, ids: Ids, total: int, progress: Progress) -> None:
        self._model, self._ids, self._total, self._progress = model, ids, total, progress
        self._done = 0

    def sizes(self, length: int, lanes: int) -> list[range]:
        """A length in parts that so many lanes can each read at once."""
        size = steps_at_once(self._model, lanes)
        return [range(begin, min(begin + size, length)) for begin in range(0, length, size)]

    def read(
        self, starts: _Positions, length: int, state: State | None, planted: _Positions | None = None
    ) -> tuple[Tensor, State]:
        """Read from each start on -> logits (T, B, V), state. What is planted stands first in the last lanes."""
        ids = self._ids[starts + np.arange(length)[:, None]].astype(np.int64)
        if planted is not None:
            ids[0, -len(planted) :] = planted
        logits, state = self._model(torch.from_numpy(ids).to(self._model.head.weight.device), state)
        self._done += ids.size
        self._progress(self._done, self._total)
        return logits, state

    def losses(self, targets: _Positions, chars: int) -> Doubles:
        """Of each target, predicted from so many characters before it, (P,)."""
        logits, state = torch.empty(0), None
        for size in self.sizes(chars, len(targets)):
            logits, state = self.read(targets - chars + size.start, len(size), state)
        return self.nats(logits[-1], targets)

    def nats(self, logits: Tensor, targets: _Positions) -> Doubles:
        """The losses (P,) of the targets by their logits (P, V)."""
        chosen = torch.from_numpy(self._ids[targets].astype(np.int64))[:, None]
        return np.asarray(-_log_softmax(logits).gather(1, chosen)[:, 0].numpy())


def _log_softmax(logits: Tensor) -> Tensor:
    """In float64, on the CPU, as MPS has none: distributions that hardly differ are nearer than float32 can tell."""
    return torch.log_softmax(logits.cpu().double(), -1)


def _mean(values: Doubles) -> Mean:
    return Mean(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))
