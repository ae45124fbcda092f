"""Logits -> the next ids: every control of sampling as a pure function on logits, and all of a text's controls in their order.

Each function takes logits (B, V), a row a text, and returns new ones of that shape: what may not come next is -inf. It leaves
at least one character of each row that had one, and it treats equals alike: characters as probable as the last one that stays
stay too, so that the order of the vocabulary decides nothing.

The order is that of the logits processors of Hugging Face's transformers (`GenerationMixin._get_logits_processor`): bias
(which bans too), repetition penalty, repeated n-grams, temperature, top-k, top-p, min-p, typical-p; each looks at what the ones
before it left. vLLM's (`vllm/v1/sample/sampler.py`) differs in min-p, which comes before top-k and top-p; llama.cpp's
(`common_params_sampling::samplers`) in typical-p before top-p, and in the temperature, which comes last.

Knows: settings, and a vocabulary's characters.
Does not know: engines, the loop that feeds an id back, where a text ends. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError
from charlstm.model.types import Doubles
from charlstm.sampling.types import History, Logits
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.values import escape_hint, parse_bias

HISTORY_LENGTH = 10_000
"""How many ids of a history are looked at, at most: longer ones may be cut at their beginning."""
_GREEDY = 1e-6
"""Below this temperature the second most probable character is out of reach; dividing by it would only overflow."""


def add_bias(logits: Logits, bias: Logits) -> Logits:
    """Logits plus a bias (V,), of which -inf is a ban."""
    return logits + bias


class Pair(NamedTuple):
    """The ids of CR and LF where the two are one line end: the second always follows the first, whatever came before."""

    first: int
    second: int


def penalize_repetition(
    logits: Logits, histories: Sequence[History], penalty: float, window: int, pair: Pair | None = None
) -> Logits:
    """Positive logits of what is among the last `window` ids divided by the penalty, negative ones multiplied by it.

    The second half of a line end stays as it is.

    CTRL (Keskar et al. 2019, section 4.1), which divides in any case; but a division makes a negative logit more probable.

    >>> penalize_repetition(np.array([[2.0, -1.0, 2.0]]), [[0, 1]], 2.0, 64).tolist()
    [[1.0, -2.0, 2.0]]
    """
    factors = np.empty_like(logits)
    factors.fill(1)  # np.ones_like takes as long as all the rest
    for row, history in zip(factors, histories, strict=True):
        row[_last(history, window)] = penalty
        if pair and history[-1] == pair.first:
            row[pair.second] = 1
    farther = np.minimum if penalty > 1 else np.maximum  # both signs at once: of the product and the quotient, the one meant
    penalized: Logits = farther(logits * factors, np.divide(logits, factors, out=factors))
    return penalized


def forbid_repeated_ngrams(logits: Logits, histories: Sequence[History], n: int, pair: Pair | None = None) -> Logits:
    """Nothing that would be the end of n ids in a row that a history's last `HISTORY_LENGTH` hold already.

    Paulus et al. 2018, section 2.5. A row in which nothing would be left stays as it is. A line end of two characters counts
    as one, and its second half is never forbidden.

    >>> forbid_repeated_ngrams(np.zeros((1, 3)), [[0, 1, 2, 0, 1]], 3).tolist()
    [[0.0, 0.0, -inf]]
    """
    allowed = logits.copy()
    for row, before, history in zip(allowed, logits, histories, strict=True):
        ids = _last(history, HISTORY_LENGTH)
        row[_ends_of_ngrams(_without_second(ids, pair) if pair else ids, n)] = -np.inf
        if pair and history[-1] == pair.first:
            row[pair.second] = before[pair.second]
        if row.max() == -np.inf:
            row[:] = before
    return allowed


def _last(history: History, count: int) -> Ids:
    return np.asarray(history[-count:], dtype=np.int64)


def _without_second(ids: Ids, pair: Pair) -> Ids:
    """The ids with one in place of each pair."""
    is_second = ids == pair.second
    is_second[1:] &= ids[:-1] == pair.first
    is_second[:1] = False
    return np.delete(ids, is_second)


def _ends_of_ngrams(ids: Ids, n: int) -> Ids:
    """What followed each earlier occurrence of the last n - 1 ids."""
    if n == 1 or len(ids) < n:
        return ids[: len(ids) if n == 1 else 0]
    ends = np.flatnonzero(ids[n - 2 : -1] == ids[-1]) + n - 1
    for back in range(2, n):
        ends = ends[ids[ends - back] == ids[-back]]
    return ids[ends]


def scale(logits: Logits, temperature: float) -> Logits:
    """Logits over the temperature, the largest at zero; 0 leaves the most probable character alone, the first of equals."""
    if temperature < _GREEDY:
        return _keep(logits, np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None])
    below: Logits = logits - logits.max(axis=1, keepdims=True)  # so that no temperature makes the largest infinite
    return np.divide(below, temperature, out=below)


def keep_top_k(logits: Logits, k: int) -> Logits:
    """The k most probable characters (Fan et al. 2018)."""
    weights, border = _weights(logits), max(logits.shape[1] - k, 0)  # equals by their probability, as for one text alone
    return _keep(logits, weights >= np.partition(weights, border, axis=1)[:, border, None])


def keep_top_p(logits: Logits, p: float) -> Logits:
    """The fewest most probable characters that together have probability p: the nucleus (Holtzman et al. 2020, equation 2).

    >>> keep_top_p(np.log([[0.5, 0.125, 0.375]]), 0.75).round(2).tolist()
    [[-0.69, -inf, -0.98]]
    """
    weights = _weights(logits)
    ascending = np.sort(weights, axis=1)
    mass = ascending.cumsum(axis=1)
    border = (mass <= (1 - p) * mass[:, -1:]).sum(axis=1).clip(max=logits.shape[1] - 1)
    return _keep(logits, weights >= np.take_along_axis(ascending, border[:, None], axis=1))


def keep_min_p(logits: Logits, share: float) -> Logits:
    """Characters with at least this share of the probability of the most probable one (Nguyen et al. 2024)."""
    return _keep(logits, _weights(logits) >= share)


def keep_typical_p(logits: Logits, p: float) -> Logits:
    """The characters whose information is nearest to the entropy, as many as have probability p (Meister et al. 2023).

    >>> keep_typical_p(np.log([[0.8, 0.1, 0.1]]), 0.15).round(2).tolist()
    [[-0.22, -inf, -inf]]
    """
    weights = _weights(logits)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    possible = probabilities > 0
    information = -np.log(probabilities, where=possible, out=np.zeros_like(weights))
    entropy = (probabilities * information).sum(axis=1, keepdims=True)
    distance = np.where(possible, np.abs(information - entropy), np.inf)
    nearest = distance.argsort(axis=1)
    mass = np.take_along_axis(probabilities, nearest, axis=1).cumsum(axis=1)
    border = (mass < p).sum(axis=1).clip(max=logits.shape[1] - 1)
    last = np.take_along_axis(nearest, border[:, None], axis=1)
    return _keep(logits, distance <= np.take_along_axis(distance, last, axis=1))


def draw_ids(logits: Logits, uniforms: Doubles) -> Ids:
    """An id for each row, (B,): where a number from [0, 1), (B,), falls in the cumulative softmax, ids in their order.

    >>> draw_ids(np.log([[0.5, 0.25, 0.25]] * 3), np.array([0.1, 0.6, 0.9])).tolist()
    [0, 1, 2]
    """
    mass = _weights(logits).cumsum(axis=1)
    ids: Ids = (mass <= uniforms[:, None] * mass[:, -1:]).sum(axis=1)
    return ids


def _weights(logits: Logits) -> Doubles:
    """Probabilities (B, V), times what makes the largest of a row 1."""
    weights: Doubles = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return weights


def _keep(logits: Logits, which: npt.NDArray[np.bool_]) -> Logits:
    return np.where(which, logits, -np.inf).astype(logits.dtype, copy=False)


class Controls:
    """The controls of a configuration, made ready for a vocabulary: those that are off cost nothing.

    CharlstmError where a character of `ban`, `allow` or `bias` is not in the vocabulary, or where nothing is left to generate.
    """

    def __init__(self, config: SampleConfig, vocabulary: Vocabulary) -> None:
        self.config, self.vocabulary = config, vocabulary
        V = vocabulary.size
        self._greedy = config.temperature < _GREEDY
        self._temperature = np.full(V, config.temperature, dtype=np.float32)
        self._top_k = config.top_k if config.top_k < V else 0
        self._tail = 1 - config.top_p
        self._min_p = config.min_p
        self._one_by_one = config.typical_p == 1
        bias = _bias(config, vocabulary)
        self._bias = bias if bias.any() else None
        self._penalty, self._window, self._ngram = config.repetition_penalty, config.penalty_window, config.no_repeat_ngram
        self._ones = np.ones(V, dtype=np.float32)
        self._pair = Pair(*vocabulary.encode("\r\n").tolist()) if vocabulary.line_ends.pairs else None
        self._after: list[Callable[[Logits], Logits]] = []
        if config.temperature != 1:
            self._after.append(lambda logits: scale(logits, config.temperature))
        if not self._greedy:
            if self._top_k:
                self._after.append(lambda logits: keep_top_k(logits, config.top_k))
            if config.top_p < 1:
                self._after.append(lambda logits: keep_top_p(logits, config.top_p))
            if config.min_p:
                self._after.append(lambda logits: keep_min_p(logits, config.min_p))
            if config.typical_p < 1:
                self._after.append(lambda logits: keep_typical_p(logits, config.typical_p))

    def filtered(self, logits: Logits, histories: Sequence[History]) -> Logits:
        """The logits (B, V) that `choose` draws from, for the texts whose ids so far are `histories` (B of them)."""
        logits = self.before_drawing(logits, histories)
        for keep in self._after:
            logits = keep(logits)
        return logits

    def before_drawing(self, logits: Logits, histories: Sequence[History]) -> Logits:
        """The same without what belongs to a draw and not to a text: temperature, top-k, top-p, min-p, typical-p."""
        if self._bias is not None:
            logits = add_bias(logits, self._bias)
        if self._penalty != 1:
            logits = penalize_repetition(logits, histories, self._penalty, self._window, self._pair)
        if self._ngram:
            logits = forbid_repeated_ngrams(logits, histories, self._ngram, self._pair)
        return logits

    def choose(self, logits: Logits, histories: Sequence[History], uniforms: Doubles) -> Ids:
        """The next id of each text, (B,): `draw_ids(filtered(logits, histories), uniforms)`."""
        if len(logits) > 1 or not self._one_by_one:
            return draw_ids(self.filtered(logits, histories), uniforms)
        return np.array([self._choose_one(logits[0], histories[0], uniforms[0])])

    def _choose_one(self, row: Logits, history: History, uniform: float) -> np.intp:
        """The same for one text (V,), in a third of the time: no axis, one exponential, and one sort at most."""
        if self._bias is not None:
            row = row + self._bias
        if self._penalty != 1:
            factors = self._ones.copy()
            factors[_last(history, self._window)] = self._penalty
            if self._pair and history[-1] == self._pair.first:
                factors[self._pair.second] = 1
            row = (np.minimum if self._penalty > 1 else np.maximum)(row * factors, row / factors)
        if self._ngram:
            row = forbid_repeated_ngrams(row[None], [history], self._ngram, self._pair)[0]
        if self._greedy:
            return row.argmax()
        row = row - row[row.argmax()]
        row /= self._temperature
        weights = np.exp(row, dtype=np.float64)
        if self._top_k or self._tail or self._min_p:
            weights *= weights >= self._border(weights)
        mass = np.add.accumulate(weights)
        chosen: np.intp = mass.searchsorted(uniform * mass.item(-1), "right")
        return chosen

    def _border(self, weights: Doubles) -> float:
        """The least weight that top-k, top-p and min-p leave, where the largest is 1."""
        border = self._min_p
        if self._top_k or self._tail:
            kept = weights.copy()
            kept.sort()
            if self._top_k:
                least = kept.item(-self._top_k)
                kept = kept[kept.searchsorted(least) :]
                border = max(border, least)
            if self._tail:
                mass = np.add.accumulate(kept)
                first = int(mass.searchsorted(self._tail * mass.item(-1), "right"))
                border = max(border, kept.item(min(first, len(kept) - 1)))
        return border


def _bias(config: SampleConfig, vocabulary: Vocabulary) -> Logits:
    """What is added to each logit, (V,): the biases, and -inf for what is banned or not allowed."""
    bias = np.zeros(vocabulary.size, dtype=np.float32)
    if config.allow:
        bias[:] = -np.inf
        bias[_ids(config.allow, "allow", vocabulary)] = 0
    # That of a newline first: of a model that writes CRLF it is one for CR too, unless that has its own.
    for character, number in sorted(map(parse_bias, config.bias), key=lambda pair: pair[0] != "\n"):
        bias[_ids(character, "bias", vocabulary)] = number
    bias[_ids(config.ban, "ban", vocabulary)] = -np.inf
    if bias.max() == -np.inf:
        raise CharlstmError("leaves no character to write", key="sample.ban", value=config.ban, remedy="take some out of it")
    return bias


def _ids(text: str, key: str, vocabulary: Vocabulary) -> list[int]:
    """The ids of the characters of a text, one each, but for a newline those of all that the model's line ends are made of."""
    characters = list(dict.fromkeys(vocabulary.line_ends.characters(vocabulary.normalized(text))))
    if unknown := [c for c in characters if vocabulary.unknown(c) or vocabulary.decode(vocabulary.encode(c)) != c]:
        reason = f"has characters that the model never saw: {describe(unknown)}"
        hint = "\\" in unknown and escape_hint(text)
        raise CharlstmError(reason, key=f"sample.{key}", remedy=hint or "leave them out")
    if longer := [c for c in characters if len(vocabulary.encode(c)) > 1]:
        reason = f"has characters of several bytes, of which the model writes each alone: {describe(longer)}"
        raise CharlstmError(reason, key=f"sample.{key}", remedy="with data.unit=byte only ASCII can be given")
    return [int(vocabulary.encode(c)[0]) for c in characters]
