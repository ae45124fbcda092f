"""TEXT arguments -> a part of the text as ids, with what a model should have read before it.

    ids    |  context, at most 1,000  |  begin ... begin + length  |  not read

Knows: positions in a text, characters that a model lacks, which of several bytes ends a character.
Does not know: torch, what the part is looked at for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from charlstm.config import DataConfig
from charlstm.errors import Argument, TextError, UnknownCharactersError
from charlstm.text.corpus import stream_text
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.values import MANY
from charlstm.words import counted

CONTEXT = 1000
"""Characters: by then a zero state is forgotten, and reading them takes less than a second."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A part of a text, and what stands before it. Positions count ids from the text's beginning, from 0."""

    ids: Ids
    """Of the context, then of the part."""
    context: int
    """How many belong to the context."""
    begin: int
    """The position of the part's first id."""
    symbols: tuple[str, ...]
    """What each id of the part brings, (T,): a character; in a byte vocabulary nothing, until a character's last byte."""
    is_cut: bool
    """Whether the text goes on after the part."""

    @property
    def text(self) -> str:
        """The part with one character for each id: U+FFFD for a byte that ends none."""
        return "".join(symbol if len(symbol) == 1 else "\ufffd" for symbol in self.symbols)


def read_excerpt(
    texts: Sequence[str],
    data: DataConfig,
    vocabulary: Vocabulary,
    begin: int,
    length: int,
    skip_unknown: bool = False,
    skipped: Callable[[str], object] = lambda name: None,
) -> Excerpt:
    """Read TEXT arguments as `data` says up to the end of the part, which is shorter where the text is.

    What `skip_unknown` leaves out is not counted; `skipped` is told of files without text. UnknownCharactersError names what
    the vocabulary lacks, TextError a part of less than two ids: one to be read, one to be predicted.
    """
    with closing(stream_text(texts, data, vocabulary, skipped)) as stream:
        return excerpt_of(stream, vocabulary, begin, length, skip_unknown)


def excerpt_of(
    texts: Iterable[str], vocabulary: Vocabulary, begin: int = 0, length: int = MANY, skip_unknown: bool = False
) -> Excerpt:
    """The same of a text that comes in pieces, with line ends as the model knows them. No more are taken than needed."""
    end, pieces, count = begin + length, [], 0
    for ids in _encoded_known(texts, vocabulary, skip_unknown):
        pieces.append(ids[max(0, begin - CONTEXT - count) : max(0, end - count)])
        count += len(ids)
        if count > end:
            break
    has = f"the text has {counted(count, vocabulary.noun)}"
    if count < 2:
        known = f"{has} that the model knows"
        raise TextError(known, remedy="at least 2 are needed, one to predict the other from")
    if count - begin < 2:
        there = f"{has}, counted from 0, and at least 2 must follow"
        raise TextError(there, key="begin", value=begin)
    ids, context = np.concatenate(pieces), min(begin, CONTEXT)
    decode = vocabulary.decoder()
    symbols = tuple(decode(int(i)) for i in ids)[context:]
    return Excerpt(ids, context, begin, symbols, count > end)


def symbol_of(vocabulary: Vocabulary, i: int) -> str:
    """What stands for an id: its character; of a byte that is none by itself, its number, as in `\\xc3`."""
    return f"\\x{i:02x}" if vocabulary.unit == "byte" and i > 127 else vocabulary.decode([i])


def _encoded_known(stream: Iterable[str], vocabulary: Vocabulary, skip_unknown: bool) -> Iterator[Ids]:
    for text in stream:
        if not skip_unknown and (unknown := vocabulary.unknown(text)):
            lacking = f"the text has characters that are not in the model's vocabulary: {describe(unknown)}"
            raise UnknownCharactersError(lacking, remedy=(Argument("unknown", "skip"), " leaves such characters out"))
        yield vocabulary.encode(vocabulary.without_unknown(text) if skip_unknown else text)
