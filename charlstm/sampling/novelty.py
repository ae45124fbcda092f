"""What of a text stands, character for character, in a corpus.

Knows: how a corpus is read to be compared with, its index (a suffix array), and how the longest copied run and the share of
copied windows follow from it.
Does not know: who wrote the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydivsufsort import divsufsort

from charlstm.config import DataConfig
from charlstm.text.corpus import read_corpus
from charlstm.text.reading import as_trained
from charlstm.text.types import Ids, Progress
from charlstm.text.vocabulary import CharVocabulary, Vocabulary, code_points

LEAST_COPY = 20
"""Characters: longer than most phrases that two writers share by chance, far shorter than a passage learned by heart."""
_WORD_BYTES = 8  # bytes that are compared at once

Places = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Copied:
    """What of one text is in the corpus. Lengths and offsets are in characters."""

    longest: int
    """The length of the longest run that the corpus has too."""
    begin: int
    """Where that run begins in the text: the first one of that length."""
    at: int
    """One place in the corpus where it begins."""
    windows: int
    """Of `LEAST_COPY` characters that the text has, one beginning at each character but the last few."""
    copied: int
    """Those of them that the corpus has too."""

    @property
    def share(self) -> float:
        """Of the windows that are copied; 0 for a text too short to have one."""
        return self.copied / self.windows if self.windows else 0.0


def index_corpus(
    sources: Sequence[str],
    trained: DataConfig,
    vocabulary: Vocabulary,
    progress: Progress = lambda done, total: None,
    asked: Mapping[str, object] | None = None,
) -> CopyIndex:
    """TEXT arguments, ready to be asked what of a model's texts stands in them. TextError where they can't be read.

    `asked` are keys of [data] that someone set.

    Characters are the corpus's own: one that the model lacks is never generated, and one that the corpus lacks is not copied.
    """
    data = as_trained([trained], {"normalize": vocabulary.normalize, **(asked or {})}, [vocabulary])
    corpus = read_corpus(sources, data, progress=progress)
    if not isinstance(corpus.vocabulary, CharVocabulary):  # what is no text can be read by its bytes alone
        text = corpus.vocabulary.decode(corpus.ids)
        characters = CharVocabulary("".join(set(text)))
        return CopyIndex(characters.encode(text), characters)
    return CopyIndex(corpus.ids, corpus.vocabulary)


class CopyIndex:
    """A corpus, ready to be asked what of a text stands in it.

    Takes 5 bytes a character for up to 253 different ones, else 6 or 8, and a few more while it is made.

    The suffix array holds the offsets of all suffixes in alphabetical order (Manber and Myers 1993). What shares the longest
    beginning with a given text stands there next to where that text would go. Characters are numbers from 1 in big-endian
    order, so that eight bytes of them compare like one number, and 0 stands for the end.
    """

    def __init__(self, ids: Ids, vocabulary: CharVocabulary) -> None:
        self._points = code_points(vocabulary.symbols)
        self._dtype = np.min_scalar_type(vocabulary.size + 1).newbyteorder(">")
        self._step = self._dtype.itemsize
        self._at_once = _WORD_BYTES // self._step
        """Characters in a word."""
        symbols = np.zeros(len(ids) + self._at_once, dtype=self._dtype)
        np.add(ids, 1, out=symbols[: len(ids)], casting="unsafe", dtype=np.uint32)
        self._data = symbols.tobytes()
        self._words = self._as_words(self._data)
        self._suffixes = divsufsort(symbols[: len(ids)].astype(self._dtype.newbyteorder("=")))

    def measure(self, text: str) -> Copied:
        """What of a text is in the corpus; characters that the corpus lacks match nothing.

        >>> vocabulary = CharVocabulary("abnrs ")
        >>> CopyIndex(vocabulary.encode("a barn as a barn"), vocabulary).measure("bananas, a barn")
        Copied(longest=7, begin=8, at=9, windows=0, copied=0)
        """
        if not text:
            return Copied(0, 0, 0, 0, 0)
        data, count = self._encode(text), len(text)
        runs = self._runs(data, count)
        begin = int(runs.length.argmax())
        longest, at = int(runs.length[begin]), int(runs.at[begin])
        for i in runs.unfinished.tolist():
            if count - i <= longest:
                break
            low, high = int(runs.low[i]), int(runs.high[i])
            if self._find(data[i * self._step : (i + longest + 1) * self._step], low, high)[0] > longest:
                longest, at = self._find(data[i * self._step : count * self._step], low, high)
                begin = i
        return Copied(longest, begin, at, max(0, count - LEAST_COPY + 1), int((runs.length >= LEAST_COPY).sum()))

    def _runs(self, data: bytes, count: int) -> _Runs:
        """The runs from every character of a text on, side by side, a word of each at a time, until a window is whole."""
        runs, words = _Runs(count, len(self._suffixes)), self._as_words(data)
        for depth in range(0, LEAST_COPY, self._at_once):
            at = runs.unfinished
            word, low, high = words[at + depth].astype(np.uint64), runs.low[at], runs.high[at]
            first = self._first(word, low, high, depth)
            for near in (first - 1, first):
                inside = np.flatnonzero((low <= near) & (near < high))
                shared = depth + self._shared(word[inside], self._word(near[inside], depth))
                inside, shared = (kept[shared > runs.length[at[inside]]] for kept in (inside, shared))
                runs.length[at[inside]], runs.at[at[inside]] = shared, self._suffixes[near[inside]]
            whole = runs.length[at] == depth + self._at_once
            runs.unfinished = at = at[whole]
            runs.low[at] = first[whole]
            runs.high[at] = self._first(word[whole] + np.uint64(1), first[whole], high[whole], depth)
        return runs

    def _first(self, word: Words, low: Places, high: Places, depth: int) -> Places:
        """The first of the suffixes [low, high) that does not come before a word, compared from their character `depth` on."""
        while (is_open := low < high).any():
            middle = (low + high) // 2
            is_before = is_open & (self._word(np.minimum(middle, len(self._suffixes) - 1), depth) < word)
            low, high = np.where(is_before, middle + 1, low), np.where(is_open & ~is_before, middle, high)
        return low

    def _word(self, suffix: Places, depth: int) -> Words:
        """The characters of suffixes from the one at `depth` on; the end for those that end before."""
        places = np.minimum(self._suffixes[suffix] + np.int64(depth), len(self._suffixes))
        words: Words = self._words[places].astype(np.uint64)  # np.take would copy all of what is not aligned first
        return words

    def _shared(self, one: Words, other: Words) -> Places:
        """How many characters two words have in common before the first that differs."""
        ends = np.uint64(1) << np.arange(0, 8 * _WORD_BYTES, 8 * self._step, dtype=np.uint64)
        return self._at_once - ends.searchsorted(one ^ other, side="right")

    def _find(self, wanted: bytes, low: int, high: int) -> tuple[int, int]:
        """How much of the beginning of `wanted`, in characters, the suffixes [low, high) have at most, and where."""

        def suffix(i: int, size: int = len(wanted)) -> bytes:
            begin = int(self._suffixes[i]) * self._step
            return self._data[begin : begin + size]

        near = bisect_left(range(low, high), wanted, key=suffix) + low
        sizes = range(self._step, len(wanted) + 1, self._step)
        return max(
            (bisect_left(sizes, True, key=lambda size: suffix(i, size) != wanted[:size]), int(self._suffixes[i]))
            for i in range(max(low, near - 1), min(high, near + 1))
        )

    def _encode(self, text: str) -> bytes:
        """The text in the corpus's numbers, with one that the corpus never has for all others, and for what follows the end."""
        points = code_points(text)
        numbers = np.full(len(points) + self._at_once, len(self._points) + 1, dtype=self._dtype)
        places = np.minimum(self._points.searchsorted(points), len(self._points) - 1)
        known = self._points[places] == points
        numbers[: len(points)][known] = places[known] + 1
        return numbers.tobytes()

    def _as_words(self, data: bytes) -> npt.NDArray[np.uint64]:
        """The word that begins at each character."""
        return np.ndarray(((len(data) - _WORD_BYTES) // self._step + 1,), ">u8", data, strides=(self._step,))


class _Runs:
    """Of the runs from each character of a text on (N,) what is known so far."""

    def __init__(self, count: int, suffixes: int) -> None:
        self.length, self.at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self.low, self.high = np.zeros(count, dtype=np.int64), np.full(count, suffixes)
        """The suffixes [low, high) that share the run as far as it was compared."""
        self.unfinished = np.arange(count)
        """The characters from which as many were found as were compared."""
