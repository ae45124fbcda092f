"""Bytes -> characters, a piece at a time: encodings, byte order marks, line ends.

Knows: how text is told from binary, where in a file a byte is wrong, and what must not be parted between two pieces.
Does not know: where bytes come from, ids.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from charlstm.config import DataConfig
from charlstm.errors import Argument, TextError
from charlstm.text.compression import Stream
from charlstm.text.documents import document_in
from charlstm.text.line_ends import with_line_ends

PIECE = 2**20
"""Bytes read at a time."""
_PROBE = 65_536  # characters looked at to tell text from a binary file
# In this order: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Controls that no text format uses."""

_HALVES = ("utf-7", "unicode-escape", "raw-unicode-escape", "punycode", "idna")
"""Encodings that can spell half a character; the others refuse it by themselves."""
_HALF = re.compile(r"[\ud800-\udfff]")


class NoText(TextError):
    """A file with nothing to learn from in it: empty, or binary. Raised before its first piece."""


class TextReader:
    """Reads one text after the other, and counts what is worth a note."""

    def __init__(self, data: DataConfig) -> None:
        self._data = data
        self.bytes = 0
        """Read so far."""
        self.crlf = 0
        """Line ends of two characters that were kept."""
        self.replaced = ""
        """Where the first byte was that was replaced or ignored; empty where none was."""

    def read(self, stream: Stream) -> Iterator[str]:
        """The text in pieces, without a byte order mark. TextError names the offset of a byte that is wrong."""
        blocks = self._blocks(stream)
        first = next(blocks, b"")
        if document := document_in(first):
            raise NoText(f"{stream.where} is {document.what}, not text", remedy=document.remedy(stream.where))
        encoding = stream.encoding or self._encoding(first)
        if len(_BINARY.findall(probe := _probe(first, encoding))) * 100 > len(probe):
            raise NoText(f"{stream.where} is a binary file, not text")
        texts = self._lines(self._decode(chain([first], blocks), encoding, stream.where))
        begin = list(islice(texts, 4))
        begin[0] = begin[0].removeprefix("\ufeff")
        if len(begin) < 4 and not "".join(begin).strip():  # one block makes three pieces: its own, and the ends of two loops
            raise NoText(f"{stream.where} is empty: there is no text in it")
        return chain(begin, texts)

    def _blocks(self, stream: Stream) -> Iterator[bytes]:
        while block := stream.read(PIECE):
            self.bytes += len(block)
            yield block

    def _encoding(self, first: bytes) -> str:
        """The one that was asked for; in place of the default the one that a byte order mark tells."""
        if codecs.lookup(self._data.encoding).name != "utf-8":
            return self._data.encoding
        return next((name for mark, name in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), "utf-8")

    def _decode(self, blocks: Iterable[bytes], encoding: str, where: str) -> Iterator[str]:
        make, name = codecs.getincrementaldecoder(encoding), codecs.lookup(encoding).name
        decoder, done = make("strict"), 0
        for block in chain(blocks, [b""]):
            before = decoder.getstate()
            try:
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    self._refuse_or_note(error, done - len(before[0]), encoding, where)
                    decoder = make(self._data.errors)
                    decoder.setstate(before)
                    text = decoder.decode(block, final=not block)
            except UnicodeError as error:  # it is no matter of single bytes
                remedy = ("name its encoding (", Argument("encoding", "latin-1"), ")")
                raise TextError(f"{where} is not {encoding.upper()}: {error}", remedy=remedy) from None
            done += len(block)
            if name in _HALVES and _HALF.search(text):
                raise TextError(f"{where} has halves of characters (lone surrogates), which are no text")
            yield text

    def _refuse_or_note(self, error: UnicodeDecodeError, begin: int, encoding: str, where: str) -> None:
        at = begin + error.start
        if self._data.errors == "strict":
            byte = f"byte 0x{error.object[error.start]:02x} at offset {at:,}"
            encoded, replaced = Argument("encoding", "latin-1"), Argument("errors", "replace")
            remedy = ("name its encoding (", encoded, "), or go on without such bytes (", replaced, ")")
            raise TextError(f"{where} is not {encoding.upper()}: {byte}", remedy=remedy) from None
        self.replaced = self.replaced or f"{where}, offset {at:,}"

    def _lines(self, texts: Iterable[str]) -> Iterator[str]:
        """A carriage return at the end of a piece waits for what follows it."""
        held = ""
        for text in texts:
            both = held + text
            held = "\r" if both.endswith("\r") else ""
            yield self._line_ends(both[:-1] if held else both)
        yield self._line_ends(held)

    def _line_ends(self, text: str) -> str:
        if "\r" not in text and self._data.newlines in ("keep", "lf"):
            return text
        text = with_line_ends(text, self._data.newlines)
        self.crlf += text.count("\r\n")
        return text


def in_pieces(texts: Iterable[str], least: int = 2**18) -> Iterator[str]:
    """The same text in pieces of at least `least` characters, as each piece costs something, be it ever so short."""
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= least:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def _probe(block: bytes, encoding: str) -> str:
    """The first characters of a text, in whose last a byte may be missing."""
    try:
        return codecs.getincrementaldecoder(encoding)("replace").decode(block[:_PROBE])
    except UnicodeError:  # a codec that knows no replacing
        return ""
