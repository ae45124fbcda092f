"""What a text cost a model, as a value that shows itself.

Knows: the sums and the characters of one text.
Does not know: how they were computed, how HTML is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from charlstm.scoring.totals import Total
from charlstm.words import counted


class CharacterSurprise(NamedTuple):
    """One character of a text."""

    character: str
    nats: float | None
    """-ln of the probability that it had; None where nothing stood before it that it could be predicted from."""
    rank: int | None
    """1 where no other character was more probable."""


@dataclass(frozen=True, eq=False)
class TextScore(Total):
    """A text, what it cost, and what each of its characters did. In a notebook it shows the text coloured by surprise."""

    characters: tuple[CharacterSurprise, ...] = ()
    per: str = "character"
    """What one id stands for: `character` or `byte`."""

    def __repr__(self) -> str:
        return f"TextScore({self._facts()})"

    def _facts(self) -> str:
        if not self.chars:
            return f"no {self.per} to score"
        means = f"{self.loss:.4f} nats, {self.bpc:.4f} bits per {self.per}, perplexity {self.perplexity:.2f}"
        return f"{counted(self.chars, self.per)}: {means}"

    def _repr_html_(self) -> str:
        from charlstm.views.notebook import surprise_html

        return surprise_html(self._facts(), self.characters)
