"""TEXT arguments -> lines or documents, one after the other, each with where it stands.

    poems.txt     "a\\nb\\n"    by line -> (poems.txt, 1, "a"), (poems.txt, 2, "b")
    songs.zip     2 members    by document -> (songs.zip/one.txt, 1, ...), (songs.zip/two.txt, 2, ...)

A line goes without its end, be that LF or CRLF, or CR where a text begins with lines that end so. A document is all of a file,
its last line end too. A file is read as it is needed, so that one of any length can be worked on a few lines at a time.

Knows: where a line and a document begin and end.
Does not know: models, what is done with them. It imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text.decoding import NoText, TextReader
from charlstm.text.line_ends import with_line_ends
from charlstm.text.sources import find_sources
from charlstm.words import counted

By = Literal["line", "document"]
BLOCK = 2**15
"""Characters: enough to fill batches with lines of a like length, few enough to be soon done with."""
_LOOKED_THROUGH = 2**16  # characters that are looked through for the first line end
_MOST_IN_BLOCK = 4096  # passages in a block, as lines may be empty


@dataclass(frozen=True)
class Passage:
    """A line or a document."""

    source: str
    """The file that it stands in, as errors call it."""
    number: int
    """Of the line in its file, or of the document among all, counted from 1."""
    text: str
    unit: By = "line"

    @property
    def where(self) -> str:
        """As errors call it."""
        return self.source if self.unit == "document" else f"{self.source}, line {self.number:,}"


def read_passages(
    texts: Sequence[str], data: DataConfig, by: By, skipped: Callable[[str], object] = lambda name: None
) -> Iterator[Passage]:
    """Read TEXT arguments as `data` says, in order. TextError names what can't be read.

    As in training, files of folders and archives that are empty or binary are left out, of which `skipped`
    is told; one that was named is an error.
    """
    reader = TextReader(data)
    files = found = 0
    for source in (sources := find_sources(texts).all):
        for stream in source.streams():
            files += 1
            try:
                pieces = reader.read(stream)
            except NoText:
                if not stream.skippable:
                    raise
                skipped(stream.where)
                continue
            found += 1
            if by == "document":
                yield Passage(stream.where, found, "".join(pieces), by)
            else:
                for number, line in enumerate(_lines(pieces), 1):
                    yield Passage(stream.where, number, line)
    if not found:
        where = ", ".join(source.where for source in sources[:3])
        raise TextError(f"no text in {where}: {counted(files, 'file')}, none of them with text in it")


def in_blocks(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    """Several at a time: as many as make up a block, one that is longer by itself or at the end of one."""
    block: list[Passage] = []
    size = 0
    for passage in passages:
        block.append(passage)
        size += len(passage.text)
        if size >= BLOCK or len(block) == _MOST_IN_BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    begin, size = list[str](), 0
    for piece in pieces:
        begin.append(piece)
        if "\n" in piece or (size := size + len(piece)) > _LOOKED_THROUGH:
            break
    ends_in_cr = "\n" not in begin[-1] and any("\r" in piece for piece in begin)
    held: list[str] = []  # of a line that goes on in the next piece
    for piece in chain(begin, pieces):
        first, *others = (with_line_ends(piece, "lf") if ends_in_cr else piece).split("\n")
        held.append(first)
        for other in others:
            yield "".join(held).removesuffix("\r")
            held = [other]
    if last := "".join(held):
        yield last.removesuffix("\r")
