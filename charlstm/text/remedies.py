"""What helps where a byte is not of the encoding that a text was read in: an encoding that reads all of it, by name.

A guess is made from the block with the wrong byte and some after it, and then tried on the rest of the text: what is named
can be used.

Knows: how a guess is checked, and what is said where none holds.
Does not know: how a guess is made, files.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import chain, islice

from charlstm.errors import Argument, Phrase
from charlstm.text.detection import probable_encodings, unlike_ascii, wide_encoding

_LOOKED_AT = 8
"""Blocks by which a guess is made."""
_TRIED = 256
"""Blocks that it is tried on: a wrong byte after that is told of when someone comes to it."""
_MOST_TRIED = 4
"""Guesses, as each is decoded."""
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_jp": "euc-jis-2004",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "iso8859-8": "cp1255",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
"""Encodings that have all of another one and more."""


class Trust(IntEnum):
    """What speaks for the encoding that a text was read in before it failed; each more than those above."""

    NOTHING_READ = 0
    ALL_ASCII = 1
    """Which is the same in most encodings."""
    OTHERS_READ = 2
    TOLD = 3
    """By the bytes themselves."""


def remedy(blocks: Iterator[bytes], at: int, encoding: str, trust: Trust) -> Phrase:
    """What helps where the first of these blocks of a text has a byte at `at` that `encoding` does not allow."""
    seen = list(islice(blocks, _LOOKED_AT))
    sample = b"".join(seen)
    guesses = _possible(sample, at, encoding, trust)
    if _is_same(guesses[0], encoding):
        return _without(encoding)
    names = [name for name in guesses if not _is_same(name, encoding)][:_MOST_TRIED]
    names += [wider for name in names if (wider := _WIDER.get(codecs.lookup(name).name)) and wider not in names]
    if fitting := _that_read(names, chain(seen, blocks)):
        return _named(_without_twins(fitting, sample))
    return _named(names[:1], with_wrong_bytes=True) if trust < Trust.OTHERS_READ else _without(encoding)


def _possible(sample: bytes, at: int, encoding: str, trust: Trust) -> list[str]:
    if trust is Trust.TOLD:
        return [encoding]
    if trust is Trust.OTHERS_READ:
        return [_WIDER.get(codecs.lookup(encoding).name, encoding)]
    other = (wide_encoding(sample) or unlike_ascii(sample)) if trust is Trust.NOTHING_READ else None
    return [other] if other else probable_encodings(sample, at)


def _is_same(name: str, other: str) -> bool:
    return codecs.lookup(name).name == codecs.lookup(other).name


def _without(encoding: str) -> Phrase:
    return (f"most of it is {encoding.upper()}: go on without such bytes (", Argument("errors", "replace"), ")")


def _that_read(names: Sequence[str], blocks: Iterable[bytes]) -> list[str]:
    """Those that allow all bytes."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in names}
    for block in islice(chain(blocks, [b""]), _TRIED):
        for name, decoder in list(decoders.items()):
            try:
                decoder.decode(block, final=not block)
            except UnicodeError:
                del decoders[name]
    return list(decoders)


def _without_twins(names: Sequence[str], sample: bytes) -> list[str]:
    """One of each that make the same of the bytes."""
    texts: dict[str, str] = {}
    for name in names:
        texts.setdefault(codecs.getincrementaldecoder(name)().decode(sample), name)
    return list(texts.values())


def _named(names: Sequence[str], with_wrong_bytes: bool = False) -> Phrase:
    first, *others = (Argument("encoding", name) for name in names)
    beside: tuple[str | Argument, ...] = (" with ", Argument("errors", "replace")) if with_wrong_bytes else ()
    second = (", or else ", others[0]) if others else ()
    return ("name its encoding (probably ", first, *beside, *second, ")")
