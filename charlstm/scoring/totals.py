"""Sums over the characters of a text, and the means that follow from them.

Knows: nats, bits, perplexity.
Does not know: torch, how a character was scored, how a number is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Nats:
    """Summed loss over `chars` characters; over bytes, as the field does for enwik8, where the vocabulary is bytes.

    The means are of no characters where there are none: don't ask for them.

    >>> one = Nats(math.log(2) * 6, 3)
    >>> round(one.bpc, 9), round(one.perplexity, 9)
    (2.0, 4.0)
    """

    nats: float = 0.0
    chars: int = 0

    @property
    def loss(self) -> float:
        """Nats per character."""
        return self.nats / self.chars

    @property
    def bpc(self) -> float:
        """Bits per character: nats / ln 2."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """Per character: e to the loss, the number of equally probable characters that would surprise as much."""
        return math.exp(min(self.loss, 700.0))  # beyond which it fits into no float


@dataclass(frozen=True)
class Evaluation(Nats):
    """The loss of a model on a text, by a protocol."""

    seconds: float = field(default=0.0, compare=False)
    """What it took."""
    skipped: int = 0
    """Characters of the whole text that the model never saw, and that were left out where that was asked for."""


@dataclass(frozen=True)
class Total(Nats):
    """The same with the ranks of the characters, summed.

    >>> (Total(1.5, 3, 9) + Total(0.5, 1, 3)).rank
    3.0
    """

    ranks: int = 0

    def __add__(self, other: Total) -> Total:
        return Total(self.nats + other.nats, self.chars + other.chars, self.ranks + other.ranks)

    @property
    def rank(self) -> float:
        """The mean of the ranks."""
        return self.ranks / self.chars
