"""Characters -> ids before the vocabulary is known: a text is read once, and only its end tells all of its symbols.

Each symbol gets a provisional id when it first occurs, and is counted. `choose_vocabulary` then makes the vocabulary, and
`recode` turns provisional ids into its ids.

Knows: which symbols a text has, how often, and which of them are kept.
Does not know: files, encodings.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from charlstm.config import DataConfig
from charlstm.errors import Argument, TextError, UnknownCharactersError
from charlstm.text.normalization import are_joined, may_join
from charlstm.text.types import Ids
from charlstm.text.vocabulary import (
    REPLACEMENT,
    ByteVocabulary,
    CharVocabulary,
    Vocabulary,
    code_points,
    describe,
    look_up,
    to_bytes,
)
from charlstm.words import counted

MAX_SYMBOLS = 200_000
"""More than all scripts have together: such a text is no text, or is read in the wrong encoding."""
_ASCII = 128
Recoder = Callable[[Ids], Ids]
_NEW = np.uint32(0xFFFFFFFF)


class CharTally:
    """Provisional ids of characters: ASCII keeps its own numbers, all others follow in the order in which they occur.

    >>> tally = CharTally()
    >>> tally.add("aéa").tolist(), tally.counts()
    ([97, 128, 97], {'a': 2, 'é': 1})
    """

    def __init__(self) -> None:
        self._ids: Ids = np.append(np.arange(_ASCII, dtype=np.uint32), _NEW)  # by code point, for `look_up`
        self._points: Ids = np.arange(_ASCII, dtype=np.uint32)  # by provisional id
        self._counts: Ids = np.zeros(_ASCII, dtype=np.int64)  # by provisional id
        self._size = _ASCII
        self.is_binary = False
        self._marks: set[int] = set()  # ids of what can be an accent of the character before it
        self._marked: Counter[tuple[int, int]] = Counter()
        self._last = 0

    def add(self, text: str) -> Ids:
        """Provisional ids of a piece of text (N,), in the smallest type that holds them."""
        if text.isascii():  # its own array of ids: this is several times as fast as looking them up
            ids: Ids = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
            self._counts[:_ASCII] += count_bytes(ids)[:_ASCII]
        else:
            ids = self._look_up(code_points(text))
            self._counts[: self._size] += np.bincount(ids, minlength=self._size)
            if self._marks:
                self._count_marked(ids)
        self._last = int(ids[-1]) if len(ids) else self._last
        return ids

    def _look_up(self, points: Ids) -> Ids:
        ids = look_up(self._ids, points)
        if (new := np.unique(points[ids == _NEW])).size:
            begin, self._size = self._size, self._size + len(new)
            self._ids = _lengthened(self._ids, int(new[-1]) + 2, _NEW)
            self._points = _lengthened(self._points, self._size, 0)
            self._counts = _lengthened(self._counts, self._size, 0)
            self._points[begin : self._size] = new
            self._ids[new] = np.arange(begin, self._size)
            self._marks.update(begin + i for i, point in enumerate(new) if may_join(chr(point)))
            ids = look_up(self._ids, points)
        return ids.astype(np.min_scalar_type(self._size - 1))

    def _count_marked(self, ids: Ids) -> None:
        at = np.flatnonzero(np.isin(ids, list(self._marks)))
        before = np.where(at > 0, ids[at - 1], self._last)
        pairs, counts = np.unique(np.stack([before, ids[at]]).astype(np.int64), axis=1, return_counts=True)
        self._marked.update({(int(a), int(b)): int(n) for (a, b), n in zip(pairs.T, counts, strict=True)})

    def decomposed(self) -> int:
        """Letters that stand apart from an accent, or part of a syllable, that NFC would join with them."""
        return sum(n for (a, b), n in self._marked.items() if are_joined(chr(self._points[a]), chr(self._points[b])))

    def counts(self) -> dict[str, int]:
        """How often each symbol occurs."""
        return {chr(self._points[i]): int(self._counts[i]) for i in np.flatnonzero(self._counts)}

    def recoder(self, vocabulary: Vocabulary) -> Recoder:
        """What turns provisional ids into the vocabulary's, those of characters that it lacks left out."""
        assert isinstance(vocabulary, CharVocabulary)
        points = self._points[: self._size]
        table, is_known = vocabulary.table(points), vocabulary.knows(points)
        has_unknown = bool((~is_known & (self._counts[: self._size] > 0)).any())
        short = table[:256].tobytes().ljust(256, b"\0")

        def recode(ids: Ids) -> Ids:
            if has_unknown:
                ids = ids[is_known[ids]]
            if ids.dtype == table.dtype == np.uint8:  # by far faster than the lookup
                return np.frombuffer(ids.tobytes().translate(short), dtype=np.uint8)
            return table[ids]

        return recode


def _lengthened(table: Ids, length: int, value: int | np.uint32) -> Ids:
    """A table of at least that length, what is new in it filled; twice as long as before, so that copying stays rare."""
    if len(table) >= length:
        return table
    longer = np.full(max(length, 2 * len(table)), value, dtype=table.dtype)
    longer[: len(table)] = table
    return longer


class ByteTally:
    """The same for bytes of UTF-8, whose ids are known beforehand."""

    def __init__(self) -> None:
        self._counts = np.zeros(256, dtype=np.int64)
        self.is_binary = False
        """Whether some bytes are not UTF-8."""

    def add(self, text: str) -> Ids:
        """Ids of a piece of text (N,)."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data, self.is_binary = to_bytes(text), True
        ids = np.frombuffer(data, dtype=np.uint8)
        self._counts += count_bytes(ids)
        return ids

    def decomposed(self) -> int:
        """None is looked for: a model of bytes puts every character together."""
        return 0

    def counts(self) -> dict[str, int]:
        """How often each ASCII character occurs; bytes of others stand for nothing alone."""
        return {chr(i): int(self._counts[i]) for i in range(_ASCII) if self._counts[i]}

    def recoder(self, vocabulary: Vocabulary) -> Recoder:
        """They are what they are."""
        return lambda ids: ids


def count_bytes(ids: Ids) -> npt.NDArray[np.int64]:
    """How often each of the 256 bytes occurs in ids (N,) of uint8.

    Counted in pairs, which takes half the time of counting each.
    """
    pairs = np.bincount(ids[: len(ids) // 2 * 2].view(np.uint16), minlength=2**16).reshape(256, 256)
    counts: npt.NDArray[np.int64] = pairs.sum(0) + pairs.sum(1) + np.bincount(ids[len(ids) // 2 * 2 :], minlength=256)
    return counts


def make_tally(unit: str) -> CharTally | ByteTally:
    """The tally for `data.unit`."""
    return CharTally() if unit == "char" else ByteTally()


def choose_vocabulary(
    counts: Mapping[str, int],
    data: DataConfig,
    given: Vocabulary | None = None,
    extend: bool = False,
    is_binary: bool = False,
) -> Vocabulary:
    """The symbols that occur `data.min_count` times or more, joined with a given vocabulary's to extend it.

    Otherwise a given vocabulary stays as it is, and UnknownCharactersError counts and lists the characters that it lacks.
    """
    if data.unit == "byte":
        return given or ByteVocabulary(data.normalize, is_binary)
    if given and not extend:
        _refuse_missing(counts, given)
        return given
    base = given if isinstance(given, CharVocabulary) else None
    known = set(base.symbols if base else "")
    kept = known.union(c for c, n in counts.items() if n >= data.min_count)
    has_rare = len(kept | counts.keys()) > len(kept) or (base is not None and base.has_rare)
    _refuse_too_many(len(kept))
    return CharVocabulary("".join(kept | {REPLACEMENT} if has_rare else kept), data.normalize, has_rare)


def controls(counts: Mapping[str, int]) -> dict[str, int]:
    """The control characters among them, but not tabs and line ends."""
    return {c: n for c, n in counts.items() if unicodedata.category(c) == "Cc" and c not in "\t\n\r"}


def rare_characters(counts: Mapping[str, int], vocabulary: Vocabulary) -> dict[str, int]:
    """Those that have no id of their own, but that of U+FFFD."""
    if not isinstance(vocabulary, CharVocabulary) or not vocabulary.has_rare:
        return {}
    known = set(vocabulary.symbols)
    return {c: n for c, n in counts.items() if c not in known}


def unknown_characters(counts: Mapping[str, int], vocabulary: Vocabulary) -> dict[str, int]:
    """Those that a vocabulary has no id for at all, the most frequent first."""
    often_first = sorted(counts, key=lambda c: -counts[c])
    return {c: counts[c] for c in often_first if vocabulary.unknown(c)}  # one by one, as side by side some would be composed


def _refuse_missing(counts: Mapping[str, int], vocabulary: Vocabulary) -> None:
    if missing := unknown_characters(counts, vocabulary):
        total, kinds = sum(missing.values()), counted(len(missing), "kind")
        raise UnknownCharactersError(
            f"not in the vocabulary: {total:,} of the text's characters, {kinds}: {describe(missing)}",
            remedy=(Argument("unknown", "skip"), " leaves such characters out"),
        )


def _refuse_too_many(symbols: int) -> None:
    if symbols > MAX_SYMBOLS:
        as_bytes, but_rare = Argument("data.unit", "byte"), Argument("data.min_count", 2)
        raise TextError(
            f"the text has {symbols:,} different characters; the most is {MAX_SYMBOLS:,}",
            remedy=(as_bytes, " needs only 256, ", but_rare, " leaves out rare ones"),
        )
