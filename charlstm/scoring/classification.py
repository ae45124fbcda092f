"""Which of several models explains a passage best.

Bayes' rule: the posterior of a model is its prior times the probability that it gives to the whole passage, over the sum of
these. To compare, all must spread their probability over the same characters: those that any of them has. A model that lacks
n of them keeps one part in 10,000 of its probability for such characters, at every place, and shares it equally among the
n, as the escape of PPM does (Cleary and Witten 1984). What no model has is left out of the passage.

Knows: the rule for characters that a model lacks, posteriors.
Does not know: files, how a model is read, how an answer is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from charlstm.model.types import Doubles
from charlstm.scoring.surprise import Scorer
from charlstm.scoring.totals import Total
from charlstm.text.passages import Passage
from charlstm.text.vocabulary import CODE_POINTS, ByteVocabulary, CharVocabulary

ESCAPE = 1e-4
"""The share of its probability that a model keeps for characters that it never saw."""


@dataclass(frozen=True)
class Verdict:
    """What several models, in their order, make of a passage."""

    passage: Passage
    chars: int
    """Those of its characters that at least one model has."""
    nats: tuple[float, ...]
    """-ln of the probability that each model gives to all of them."""
    probabilities: tuple[float, ...]
    """Posteriors; where there are no characters, the priors."""

    @property
    def best(self) -> int | None:
        """The most probable model, the first of equals; None where there is nothing to judge by."""
        return int(np.argmax(self.probabilities)) if self.chars else None

    def total(self, model: int) -> Total:
        """What one model makes of it, to be added up."""
        return Total(self.nats[model], self.chars)


class Classifier:
    """Models that passages are judged by."""

    def __init__(self, scorers: Sequence[Scorer], priors: Sequence[float]) -> None:
        """The scorers skip unknown characters; the priors, one for each, are above 0, and their sum is 1."""
        self._scorers, self._priors = scorers, np.array(priors)
        vocabularies = [scorer.vocabulary for scorer in scorers]
        symbols = [v.symbols for v in vocabularies if isinstance(v, CharVocabulary)]
        # One text for all: a model that can't read composed characters does not get another one.
        normalize = "nfc" if any(v.normalize == "nfc" for v in vocabularies) else "none"
        has_bytes = len(symbols) < len(scorers)  # which can spell every character
        self._all = ByteVocabulary(normalize) if has_bytes else CharVocabulary("".join(symbols), normalize)
        self._characters = CODE_POINTS if has_bytes else self._all.size

    def classify(self, passages: Sequence[Passage], progress: Callable[[int], None] = lambda chars: None) -> list[Verdict]:
        """Judge passages by all models."""
        judged = [replace(passage, text=self._all.without_unknown(passage.text)) for passage in passages]
        nats = np.stack([self._nats(scorer, judged, progress) for scorer in self._scorers], 1)  # (passages, models)
        return [
            Verdict(passage, len(one.text), tuple(row.tolist()), tuple(posterior(row, self._priors).tolist()))
            for passage, one, row in zip(passages, judged, nats, strict=True)
        ]

    def _nats(self, scorer: Scorer, passages: Sequence[Passage], progress: Callable[[int], None]) -> Doubles:
        nats = np.array([score.total.nats for score in scorer.score(passages, progress)])
        vocabulary = scorer.vocabulary
        if isinstance(vocabulary, CharVocabulary):
            has = set(vocabulary.symbols)
            known = np.array([sum(c in has for c in passage.text) for passage in passages])
            lacking = np.array([len(passage.text) for passage in passages]) - known
            if scorer.newline is None:  # nothing is known before the first character, so that all are as probable
                nats += np.where(known + lacking * vocabulary.has_rare > 0, math.log(vocabulary.size), 0.0)
            if n := self._characters - vocabulary.size:
                # U+FFFD, where it was scored in their place, is an escape that was learned.
                escape = (0.0, 0.0) if vocabulary.has_rare else (-math.log(ESCAPE), -math.log1p(-ESCAPE))
                nats += lacking * (escape[0] + math.log(n)) + known * escape[1]
        return nats


def posterior(nats: Doubles, priors: Doubles) -> Doubles:
    """-ln of the probabilities that models give to a text (M,), their priors (M,) -> their posteriors (M,).

    >>> posterior(np.array([1000.0, 1000.0 + math.log(3)]), np.array([0.5, 0.5])).round(9).tolist()
    [0.75, 0.25]
    """
    log = np.log(priors) - nats
    weights: Doubles = np.exp(log - log.max())  # the largest is 1, so that no text is too long for them
    return weights / float(weights.sum())
