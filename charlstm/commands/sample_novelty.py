"""What `charlstm sample --novelty` says of texts: how much of each is copied.

Knows: how the corpus is read, and how the answer is worded.
Does not know: how a text is written, where it goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from charlstm.commands.common import read_text
from charlstm.commands.sample_output import Pieces
from charlstm.config import DataConfig
from charlstm.errors import shown
from charlstm.sampling.novelty import LEAST_COPY, CopyIndex
from charlstm.text.reading import as_trained
from charlstm.text.vocabulary import CharVocabulary, Vocabulary


class Novelty:
    """A corpus that texts are compared with, and what was found of those that were noted so far."""

    def __init__(self, sources: Sequence[str], trained: DataConfig, vocabulary: Vocabulary) -> None:
        # Characters are the corpus's own: one that the model lacks is never written, and one that the corpus lacks is not
        # copied.
        corpus = read_text(sources, as_trained([trained], {"normalize": vocabulary.normalize}))
        assert isinstance(corpus.vocabulary, CharVocabulary)
        self._index = CopyIndex(corpus.ids, corpus.vocabulary)
        self._name = ", ".join(map(shown, sources))
        self._said: list[tuple[int, str]] = []

    def is_copied(self, text: str, least: int) -> bool:
        """Whether a run of at least so many characters is in the corpus."""
        return self._index.measure(text).longest >= least

    def noted(self, pieces: Pieces) -> Iterator[tuple[int, str]]:
        """The same pieces, those of one text after those of another; what is to be said of each is kept for `lines`."""
        number, text = None, ""
        for at, piece in pieces:
            if at != number and number is not None:
                self._said.append((number, self._say(text)))
                text = ""
            number, text = at, text + piece
            yield at, piece
        if number is not None:
            self._said.append((number, self._say(text)))

    def lines(self) -> Iterator[str]:
        """A line on each text that was noted."""
        for number, said in self._said:
            yield f"text {number}: {said}" if len(self._said) > 1 else said

    def _say(self, text: str) -> str:
        found = self._index.measure(text)
        run = shown(text[found.begin : found.begin + found.longest])
        share = f"{found.share:.1%} of its {LEAST_COPY}-character windows occur in {self._name}"
        too_short = f"and it is too short to have a window of {LEAST_COPY}"
        return f"copied: longest run {found.longest:,} characters ({run}), {share if found.windows else too_short}"

    def facts(self, text: str) -> dict[str, Any]:
        """What --json says of a text."""
        found = self._index.measure(text)
        return {
            "longest": found.longest,
            "run": text[found.begin : found.begin + found.longest],
            "begin": found.begin,
            "at": found.at,
            "windows": found.windows,
            "copied": found.copied,
            "share": round(found.share, 6),
        }
