"""Beam search: the most probable text that a search of some width finds, where sampling takes one at random.

At each step every hypothesis goes on with every character, and the `width` best of all those are kept. Width 1 takes the most
probable character each time. Wider finds texts that are more probable as a whole, which tend to repeat themselves (Holtzman et
al. 2020, figure 1).

Knows: an engine, the controls that belong to a text rather than to a draw, stop texts.
Does not know: random numbers, where the text goes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from charlstm.model.softmax import log_softmax
from charlstm.model.types import Doubles
from charlstm.sampling.controls import HISTORY_LENGTH, Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.stops import StopTexts
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Found:
    """What a search ends with."""

    text: str
    """Without the prime, and without the stop text that ended it unless that is to be kept."""
    log_probability: float
    """Of all ids after the prime, of a stop text too: the sum of each one's, in nats, after the controls."""
    stop: str | None
    """The stop text that ended it, as it was asked for."""


@dataclass(frozen=True)
class _Hypothesis:
    history: array[int]
    generated: int = 0
    score: float = 0.0
    row: int = field(default=0, compare=False)
    """Of which hypothesis before it this is a continuation."""
    complete: str | None = field(default=None, compare=False)
    """The spelling of a stop text that ends it, unless the next character still belongs to that."""

    def goes_on(self, row: int, chosen: int, score: float) -> _Hypothesis:
        history = self.history[:]
        history.append(chosen)
        return _Hypothesis(history, self.generated + 1, score, row)

    @property
    def per_character(self) -> float:
        return self.score / self.generated

    @property
    def ids(self) -> array[int]:
        return self.history[len(self.history) - self.generated :]


def beam_search(engine: Engine, controls: Controls, width: int, prime: Ids) -> Found:
    """The best of what follows the prime, ids (N,), N >= 1: `sample.length` ids, or fewer where a stop text ends them.

    `ban`, `allow`, `bias`, `repetition_penalty` and `no_repeat_ngram` apply; what belongs to a draw (temperature, top-k, top-p,
    min-p, typical-p) does not. Hypotheses of different lengths are compared by their log-probability per id: a sum alone would
    favour whatever ends first. The same input gives the same text.
    """
    config, vocabulary = controls.config, controls.vocabulary
    stops = _Stops(controls)
    live, ended = [_Hypothesis(array("q", prime[-HISTORY_LENGTH:].tolist()))], list[tuple[_Hypothesis, str]]()
    logits, state = engine.prefill(prime.astype(np.int64)[:, None])
    for _ in range(config.length):
        allowed = controls.before_drawing(logits, [hypothesis.history for hypothesis in live])
        candidates, parents, live = _candidates(live, log_softmax(allowed)), live, []
        for candidate in candidates:
            before = parents[candidate.row]
            stop = stops.found(candidate)
            if before.complete and stop != f"{before.complete}\n":
                ended.append((before, before.complete))
            elif stop is None or stop in stops.unfinished:
                live.append(replace(candidate, complete=stop))
            else:
                ended.append((candidate, stop))
            if len(live) == width:
                break
        if not live or _none_can_win(live, ended, config.length):
            break
        state = engine.select(state, [hypothesis.row for hypothesis in live])
        logits, state = engine.step(np.array([hypothesis.history[-1] for hypothesis in live]), state)
    every = [*ended, *((hypothesis, hypothesis.complete) for hypothesis in live)]
    best, stop = max(every, key=lambda pair: pair[0].per_character)
    if stop is None:
        return Found(vocabulary.decode(best.ids), best.score, None)
    ids = best.ids if config.keep_stop else best.ids[: best.generated - len(stops.ids[stop])]
    return Found(vocabulary.decode(ids), best.score, stops.asked[stop])


class _Stops:
    """The stop texts as ids, each in all its spellings, those of one text the longest first."""

    def __init__(self, controls: Controls) -> None:
        vocabulary = controls.vocabulary
        texts = StopTexts([vocabulary.normalized(stop) for stop in controls.config.stop], vocabulary.line_ends)
        self.asked, self.unfinished = texts.asked, texts.unfinished
        order = {stop: place for place, stop in enumerate(map(vocabulary.normalized, controls.config.stop))}
        spellings = sorted(texts.asked, key=lambda spelling: (order[texts.asked[spelling]], -len(spelling)))
        self.ids = {spelling: _ids_of(spelling, vocabulary) for spelling in spellings}
        self._min_length = controls.config.min_length
        self._pair = vocabulary.encode("\r\n").tolist() if self.unfinished and not vocabulary.unknown("\r\n") else None

    def found(self, hypothesis: _Hypothesis) -> str | None:
        """The spelling that ends it."""
        return next((spelling for spelling, ids in self.ids.items() if self._end(hypothesis, ids)), None)

    def _end(self, hypothesis: _Hypothesis, ids: array[int]) -> bool:
        if not _ends_with(hypothesis, ids, self._min_length):
            return False
        at = len(hypothesis.history) - len(ids)
        return self._pair is None or hypothesis.history[max(0, at - 1) : at + 1].tolist() != self._pair


def _candidates(live: list[_Hypothesis], nats: Doubles) -> Iterator[_Hypothesis]:
    """Every continuation, the best first, of equals the one of the better hypothesis and of the smaller id."""
    total = nats + np.array([[hypothesis.score] for hypothesis in live])
    for place in np.argsort(-total, axis=None, kind="stable"):
        row, chosen = divmod(int(place), nats.shape[1])
        if total[row, chosen] == -np.inf:
            return
        yield live[row].goes_on(row, chosen, float(total[row, chosen]))


def _none_can_win(live: list[_Hypothesis], ended: list[tuple[_Hypothesis, str]], length: int) -> bool:
    """A score only falls, so that what lives can't end above its score now over the longest length."""
    return bool(ended) and max(h.per_character for h, _ in ended) >= max(h.score for h in live) / length


def _ids_of(stop: str, vocabulary: Vocabulary) -> array[int]:
    """The ids of a stop text; none where the model can't generate it."""
    return array("q", [] if vocabulary.unknown(stop) else vocabulary.encode(stop).tolist())


def _ends_with(hypothesis: _Hypothesis, stop: array[int], min_length: int) -> bool:
    """Whether a stop text ends it that begins after the first `min_length` ids."""
    return 0 < len(stop) <= hypothesis.generated - min_length and hypothesis.history[-len(stop) :] == stop
