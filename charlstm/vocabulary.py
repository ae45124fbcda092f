"""Characters <-> ids.

Knows: which symbols there are, and their order. Two units: `char` (Unicode code points) and `byte` (the 256 bytes of UTF-8).
Does not know: files, splits, tensors.
"""

from __future__ import annotations

import codecs
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.errors import ModelError, TextError

Ids = npt.NDArray[np.unsignedinteger]

_CODE_POINTS = 0x110000
_UNKNOWN = np.uint32(0xFFFFFFFF)


class Vocabulary(ABC):
    """What both units offer. Ids run from 0 to `size - 1`."""

    unit: str
    noun: str
    """What one id stands for, in words: losses are per so much."""
    size: int

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
    def to_json(self) -> dict[str, Any]:
        """What `vocabulary_from_json` reads back."""

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

    def __init__(self, text: str) -> None:
        points = np.unique(_code_points(text))
        self.symbols = "".join(map(chr, points))
        self.size = len(points)
        # One table over all code points makes encoding a single gather, whatever the script of the text.
        self._ids = np.full(_CODE_POINTS, _UNKNOWN, dtype=np.uint32)
        self._ids[points] = np.arange(self.size, dtype=np.uint32)
        self._dtype = np.min_scalar_type(max(self.size - 1, 0))

    def encode(self, text: str) -> Ids:
        ids = self._ids[_code_points(text)]
        if (ids == _UNKNOWN).any():
            raise TextError(f"not in the vocabulary: {describe(self.unknown(text))}")
        return ids.astype(self._dtype)

    def unknown(self, text: str) -> list[str]:
        return [c for c in dict.fromkeys(text) if self._ids[ord(c)] == _UNKNOWN]

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        for i in ids:
            yield self.symbols[i]

    def to_json(self) -> dict[str, Any]:
        return {"unit": self.unit, "symbols": self.symbols}


class ByteVocabulary(Vocabulary):
    """The 256 bytes: nothing is ever unknown. What is not UTF-8 decodes to U+FFFD.

    >>> ByteVocabulary().encode("é").tolist()
    [195, 169]
    """

    unit, noun = "byte", "byte"
    size = 256

    def encode(self, text: str) -> Ids:
        return np.frombuffer(text.encode("utf-8", errors="surrogatepass"), dtype=np.uint8)

    def unknown(self, text: str) -> list[str]:
        return []

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in ids:
            if piece := decoder.decode(bytes((i,))):
                yield piece
        if piece := decoder.decode(b"", final=True):
            yield piece

    def to_json(self) -> dict[str, Any]:
        return {"unit": self.unit}


def vocabulary_from_json(value: object) -> Vocabulary:
    """The vocabulary that `Vocabulary.to_json` described. ModelError where it described none."""
    if value == {"unit": "byte"}:
        return ByteVocabulary()
    symbols = value.get("symbols") if isinstance(value, Mapping) else None
    if not isinstance(symbols, str) or not symbols or value != {"unit": "char", "symbols": symbols}:
        raise ModelError("the vocabulary is neither a list of characters nor bytes")
    vocabulary = CharVocabulary(symbols)
    if vocabulary.symbols != symbols:
        raise ModelError("the vocabulary's characters are not sorted, or occur twice")
    return vocabulary


def describe(characters: Iterable[str], most: int = 8) -> str:
    """Characters as a person can read them in an error.

    >>> describe("é\\n")
    "'é' (U+00E9), '\\\\n' (U+000A)"
    """
    listed = [f"{c!r} (U+{ord(c):04X})" for c in characters]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    # UTF-32 in the machine's own order is an array of code points; a lone surrogate is a code point too.
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return np.frombuffer(text.encode(order, errors="surrogatepass"), dtype=np.uint32)
