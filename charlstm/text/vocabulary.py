"""Characters <-> ids.

Knows: which symbols there are, their order, and how a text is normalised before it is looked up. Two units: `char` (Unicode
code points) and `byte` (the 256 bytes of UTF-8).
Does not know: files, splits, tensors.
"""

from __future__ import annotations

import codecs
import copy
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from charlstm.errors import ModelError, TextError
from charlstm.text.line_ends import LineEnds
from charlstm.text.normalization import nfc
from charlstm.text.types import Ids

CODE_POINTS = 0x110000
REPLACEMENT = "\ufffd"
"""What stands for rare characters, where they were left out."""
AS_HALVES = "surrogateescape"
"""How bytes that are not UTF-8 are decoded where none may be lost: each to half a character, which UTF-8 has none of."""
_AT_ONCE = 2**16


class Vocabulary(ABC):
    """What both units offer. Ids run from 0 to `size - 1`."""

    unit: str
    noun: str
    """What one id stands for, in words: losses are per so much."""
    size: int
    normalize: str
    """`nfc`, or `none`: how the text that it was made from was normalised, and how every prime is."""
    line_ends: LineEnds
    """Those of the text that it was made from, as far as its symbols tell; what else is known, `knowing` adds."""

    def knowing(self, line_ends: LineEnds) -> Self:
        """The same vocabulary of a text with these line ends."""
        other = copy.copy(self)
        other.line_ends = line_ends
        return other

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """Text -> ids, shape (N,), in the smallest of uint8, uint16 and uint32. TextError names unknown characters."""

    @abstractmethod
    def unknown(self, text: str) -> list[str]:
        """The distinct characters of `text` that have no id, in the order in which they first occur."""

    @abstractmethod
    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Ids one by one -> text as soon as it is complete: a character of several bytes comes out whole."""

    @abstractmethod
    def decoder(self) -> Callable[[int], str]:
        """The same for one text, as a function of the next id: what is complete with it, perhaps nothing."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What `vocabulary_from_json` reads back."""

    def normalized(self, text: str) -> str:
        """The text as it is looked up."""
        return nfc(text) if self.normalize == "nfc" else text

    def without_unknown(self, text: str) -> str:
        """The text as it is looked up, without the characters that have no id: `encode` takes all of it."""
        known = self.normalized(text)
        while unknown := self.unknown(known):  # and again, as what stands side by side now may be composed
            known = self.normalized(known.translate(dict.fromkeys(map(ord, unknown))))
        return known

    def decode(self, ids: Iterable[int]) -> str:
        """Ids -> text; the inverse of `encode`."""
        return "".join(self.stream(ids))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


class CharVocabulary(Vocabulary):
    """Unicode code points, sorted, so that the same text gives the same ids on every machine.

    >>> vocabulary = CharVocabulary("hello")
    >>> vocabulary.symbols, vocabulary.encode("hole").tolist()
    ('ehlo', [1, 3, 2, 0])
    """

    unit, noun = "char", "character"

    def __init__(self, text: str, normalize: str = "none", has_rare: bool = False) -> None:
        points = np.unique(code_points(text))
        self.symbols = "".join(map(chr, points))
        self.size = len(points)
        self.normalize = normalize
        self.line_ends = LineEnds(("\n",) if "\r" not in self.symbols else ("\r",) if "\n" not in self.symbols else ())
        self.has_rare = has_rare
        """Whether U+FFFD stands for every character that has no id of its own. Then no character is unknown."""
        self.dtype = np.min_scalar_type(max(self.size - 1, 0))
        """Of ids."""
        # One table over code points makes encoding a single gather, whatever the script of the text. Its last entry, one beyond
        # the largest symbol, stands for all that come after. What is unknown has the id `size`.
        none = self.symbols.index(REPLACEMENT) if has_rare else self.size
        self._ids = np.full(int(points.max(initial=0)) + 2, none, dtype=np.min_scalar_type(self.size))
        self._ids[points] = np.arange(self.size)

    def encode(self, text: str) -> Ids:
        ids = look_up(self._ids, code_points(self.normalized(text)))
        if not self.has_rare and (ids == self.size).any():
            raise TextError(f"not in the vocabulary: {describe(self.unknown(text))}")
        return ids.astype(self.dtype, copy=False)

    def unknown(self, text: str) -> list[str]:
        distinct = "".join(dict.fromkeys(self.normalized(text)))
        return [distinct[i] for i in np.flatnonzero(look_up(self._ids, code_points(distinct)) == self.size)]

    def table(self, points: Ids) -> Ids:
        """The ids of code points; any id for those that have none."""
        return look_up(self._ids, points).astype(self.dtype, copy=False)

    def knows(self, points: Ids) -> npt.NDArray[np.bool_]:
        """Whether code points (N,) have ids, of their own or that of U+FFFD."""
        known: npt.NDArray[np.bool_] = look_up(self._ids, points) != self.size
        return known

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        for i in ids:
            yield self.symbols[i]

    def decoder(self) -> Callable[[int], str]:
        return self.symbols.__getitem__

    def to_json(self) -> dict[str, Any]:
        rare = {"has_rare": True} if self.has_rare else {}
        return {"unit": self.unit, "symbols": self.symbols, **_normalize_to_json(self), **rare}


class ByteVocabulary(Vocabulary):
    """The 256 bytes: nothing is ever unknown. What is not UTF-8 decodes to U+FFFD, or to halves of characters, see `to_bytes`.

    >>> ByteVocabulary().encode("é").tolist()
    [195, 169]
    """

    unit, noun = "byte", "byte"
    size = 256

    def __init__(self, normalize: str = "none", is_binary: bool = False) -> None:
        self.normalize = normalize
        self.is_binary = is_binary
        """Whether bytes were learned that are not UTF-8: then none of those that are generated is lost."""
        self.line_ends = LineEnds()

    def encode(self, text: str) -> Ids:
        return np.frombuffer(to_bytes(self.normalized(text)), dtype=np.uint8)

    def unknown(self, text: str) -> list[str]:
        return []

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        decoder = self._make_decoder()
        for i in ids:
            if piece := decoder.decode(bytes((i,))):
                yield piece
        if piece := decoder.decode(b"", final=True):
            yield piece

    def decoder(self) -> Callable[[int], str]:
        decoder = self._make_decoder()
        return lambda i: decoder.decode(bytes((i,)))

    def to_json(self) -> dict[str, Any]:
        return {"unit": self.unit, **_normalize_to_json(self), **({"is_binary": True} if self.is_binary else {})}

    def _make_decoder(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder("utf-8")(errors=AS_HALVES if self.is_binary else "replace")


def vocabulary_from_json(value: object) -> Vocabulary:
    """The vocabulary that `Vocabulary.to_json` described. ModelError where it described none."""
    normalize, has_rare, symbols = "none", False, None
    if isinstance(value, Mapping):
        normalize, has_rare = value.get("normalize", normalize), value.get("has_rare", has_rare)
        symbols = value.get("symbols", "")
    if normalize not in ("none", "nfc") or not isinstance(has_rare, bool):
        raise ModelError("the vocabulary's normalize is neither 'none' nor 'nfc', or its has_rare neither true nor false")
    for vocabulary in (ByteVocabulary(normalize), ByteVocabulary(normalize, is_binary=True)):
        if value == vocabulary.to_json():
            return vocabulary
    if not isinstance(symbols, str) or not symbols or (has_rare and REPLACEMENT not in symbols):
        raise ModelError("the vocabulary is neither a list of characters nor bytes, or lacks U+FFFD for rare characters")
    characters = CharVocabulary(symbols, normalize, has_rare)
    if characters.symbols != symbols:
        raise ModelError("the vocabulary's characters are not sorted, or occur twice")
    if value != characters.to_json():
        raise ModelError("the vocabulary is neither a list of characters nor bytes")
    return characters


def describe(characters: Iterable[str], most: int = 8) -> str:
    """Characters as a person can read them in an error.

    >>> describe("é\\n")
    "'é' (U+00E9), '\\\\n' (U+000A)"
    """
    listed = [f"{c!r} (U+{ord(c):04X})" for c in characters]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _normalize_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Nothing where there is none, so that such a model file is what it always was."""
    return {} if vocabulary.normalize == "none" else {"normalize": vocabulary.normalize}


def to_bytes(text: str) -> bytes:
    """A text in UTF-8, in which U+DC80 to U+DCFF stand for bytes that are none (PEP 383).

    >>> to_bytes("é" + chr(0xDCFF))
    b'\xc3\xa9\xff'
    """
    try:
        return text.encode("utf-8", errors=AS_HALVES)
    except UnicodeEncodeError:  # other halves of characters
        return text.encode("utf-8", errors="surrogatepass")


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Text -> its code points (N,).

    >>> code_points("aé€").tolist()
    [97, 233, 8364]
    """
    # UTF-32 in the machine's own order is an array of code points; a lone surrogate is a code point too.
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return np.frombuffer(text.encode(order, errors="surrogatepass"), dtype=np.uint32)


def look_up(table: Ids, points: Ids) -> Ids:
    """What a table by code points, as long as it has to be, says of each of them, (N,); its last entry is for all beyond.

    >>> look_up(np.array([7, 8, 9]), code_points("\\0\\x01\\x02\\x03a")).tolist()
    [7, 8, 9, 9, 9]
    """
    found = np.empty(len(points), dtype=table.dtype)
    for begin in range(0, len(points), _AT_ONCE):  # numpy copies its indices as int64
        part = slice(begin, begin + _AT_ONCE)
        table.take(points[part], mode="clip", out=found[part])
    return found
