"""What `charlstm sample --novelty` says of texts: how much of each is copied.

Knows: how the answer is worded.
Does not know: how it is found, how a text is generated, where it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from charlstm.errors import shown
from charlstm.sampling.job import SampleJob
from charlstm.sampling.novelty import LEAST_COPY, Copied
from charlstm.words import counted


class Novelty:
    """Notes texts as they pass, and what is to be said of each."""

    def __init__(self, job: SampleJob) -> None:
        self._job = job
        self._said: list[tuple[int, str]] = []

    def noted(self, pieces: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """The same pieces, those of one text after those of another; what is to be said of each is kept for `lines`."""
        number, text = None, ""
        for at, piece in pieces:
            if at != number and number is not None:
                self._note(number, text)
                text = ""
            number, text = at, text + piece
            yield at, piece
        if number is not None:
            self._note(number, text)

    def lines(self) -> Iterator[str]:
        """A line on each text that was noted."""
        for number, said in self._said:
            yield f"text {number}: {said}" if len(self._said) > 1 else said

    def _note(self, number: int, text: str) -> None:
        if found := self._job.copied(text):
            self._said.append((number, copied_line(found, text, ", ".join(map(shown, self._job.request.novelty)))))


def copied_line(found: Copied, text: str, corpus: str) -> str:
    """What is copied of a text, as a sentence; `corpus` is what the corpus is called."""
    share = f"{found.share:.1%} of its {LEAST_COPY}-character windows occur in {corpus}"
    too_short = f"and it is too short to have a window of {LEAST_COPY}"
    run = shown(text[found.begin : found.begin + found.longest])
    return f"copied: longest run {counted(found.longest, 'character')} ({run}), {share if found.windows else too_short}"


def copied_facts(found: Copied, text: str) -> dict[str, Any]:
    """What --json says of it."""
    return {
        "longest": found.longest,
        "run": text[found.begin : found.begin + found.longest],
        "begin": found.begin,
        "at": found.at,
        "windows": found.windows,
        "copied": found.copied,
        "share": round(found.share, 6),
    }
