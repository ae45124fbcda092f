"""Unicode normalisation form C, also of a text that comes in pieces.

Knows: between which characters a text can be parted without another result.
Does not know: where text comes from.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

_SLICE = 1000
"""Characters normalised at once. Python takes quadratic time for a run of combining characters; one that is longer than
this, which no language has, is parted."""
_HANGUL = frozenset(map(chr, range(0x1161, 0x11C3)))
"""Vowels and final consonants, which are composed by a rule, not a table."""


def nfc(text: str) -> str:
    """The text in normalisation form C.

    >>> nfc("cafe\\u0301s")
    'cafés'
    """
    return "".join(nfc_pieces([text]))


def nfc_pieces(texts: Iterable[str]) -> Iterator[str]:
    """The same for a text in pieces, whatever these are."""
    held = ""
    for text in texts:
        held += text
        begin = 0
        while len(held) - begin > _SLICE:
            end = _cut(held, begin)
            yield unicodedata.normalize("NFC", held[begin:end])
            begin = end
        held = held[begin:]
    yield unicodedata.normalize("NFC", held)


def may_join(character: str) -> bool:
    """Whether it is of a kind that NFC joins with what stands before it: a combining mark, or a vowel or end of Hangul."""
    return unicodedata.category(character).startswith("M") or character in _HANGUL


def are_joined(first: str, second: str) -> bool:
    """Whether NFC makes one character of these two.

    >>> are_joined("e", "\u0301"), are_joined("x", "\u0301")
    (True, False)
    """
    return len(unicodedata.normalize("NFC", first + second)) == 1


def _cut(text: str, begin: int) -> int:
    """The last place within a slice from `begin` on where nothing joins the characters before and after it."""
    places = range(begin + _SLICE, begin, -1)
    return next((place for place in places if _stands_alone(text[place])), begin + _SLICE)


def _stands_alone(character: str) -> bool:
    """Whether no normalisation joins it with a character before it (Unicode Annex 15, section 9.1, of its decomposition)."""
    first = unicodedata.normalize("NFD", character)[0]
    return character.isascii() or (not unicodedata.combining(first) and first not in _joining())


@cache
def _joining() -> frozenset[str]:
    """Second halves of composed characters."""
    rules = (unicodedata.decomposition(chr(point)).split() for point in range(sys.maxunicode + 1))
    seconds = {chr(int(rule[1], 16)) for rule in rules if len(rule) == 2 and not rule[0].startswith("<")}
    return _HANGUL | seconds
