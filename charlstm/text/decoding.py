"""Bytes -> characters, a piece at a time: encodings, byte order marks, line ends.

Knows: how text is told from binary, where in a file a byte is wrong, and what must not be parted between two pieces.
Does not know: where bytes come from, ids.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from charlstm.config import DataConfig
from charlstm.errors import Argument, TextError
from charlstm.text.compression import Stream
from charlstm.text.detection import escaped_encoding, unlike_ascii, wide_encoding
from charlstm.text.documents import document_in
from charlstm.text.line_ends import with_line_ends
from charlstm.text.remedies import Trust, remedy
from charlstm.text.vocabulary import AS_HALVES

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
        self._is_binary = False
        self.bytes = 0
        """Read so far."""
        self.crlf = 0
        """Line ends of two characters that were kept."""
        self.cr = 0
        """Carriage returns with no line feed after them that were kept."""
        self.told: Counter[str] = Counter()
        """Encodings that texts were read in because their bytes told so, and how many texts."""
        self.replaced = ""
        """Where the first byte was that was replaced or ignored; empty where none was."""

    def read(self, stream: Stream) -> Iterator[str]:
        """The text in pieces, without a byte order mark. TextError names the offset of a byte that is wrong."""
        blocks = self._blocks(stream)
        first = next(blocks, b"")
        encoding, errors, told = self._way(first, stream)
        texts = self._lines(self._decode(chain([first], blocks), encoding, stream.where, errors, is_told=told))
        if self._is_binary:
            return texts
        begin = list(islice(texts, 4))
        begin[0] = begin[0].removeprefix("\ufeff")
        if len(begin) < 4 and not "".join(begin).strip():  # one block makes three pieces: its own, and the ends of two loops
            raise NoText(f"{stream.where} is empty: there is no text in it")
        if told:
            self.told[encoding] += 1
        return chain(begin, texts)

    def _way(self, first: bytes, stream: Stream) -> tuple[str, str, bool]:
        """The encoding, what becomes of bytes that it does not allow, and whether the bytes told it.

        NoText where they are no text, and only text can be read.
        """
        told, self._is_binary = None, False
        if not stream.encoding and codecs.lookup(self._data.encoding).name == "utf-8":  # nobody asked for another one
            told = _marked_encoding(first)
            if self._data.unit == "byte" and self._data.errors == "strict":
                if told and _is_text(first, told) and _is_allowed(first, told):
                    return told, "strict", True
                self._is_binary = not _is_text(first, "utf-8")
                return "utf-8", AS_HALVES, False
            _refuse_escapes(first, stream.where)
            told = told or wide_encoding(first)
        if document := document_in(first):
            raise NoText(f"{stream.where} is {document.what}, not text", remedy=document.remedy(stream.where))
        encoding = stream.encoding or told or self._data.encoding
        if _is_text(first, encoding):
            return encoding, "strict", told is not None
        if not stream.encoding and not told:
            _refuse_unlike_ascii(first, encoding, stream.where)
        raise NoText(f"{stream.where} is a binary file, not text")

    def _blocks(self, stream: Stream) -> Iterator[bytes]:
        while block := stream.read(PIECE):
            self.bytes += len(block)
            yield block

    def _decode(
        self, blocks: Iterator[bytes], encoding: str, where: str, errors: str = "strict", is_told: bool = False
    ) -> Iterator[str]:
        make, name = codecs.getincrementaldecoder(encoding), codecs.lookup(encoding).name
        decoder, done, trust = make(errors), 0, Trust.TOLD if is_told else Trust.NOTHING_READ
        for block in (blocks := chain(blocks, [b""])):
            before = decoder.getstate()
            try:
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    at = f"{done - len(before[0]) + error.start:,}"
                    if self._data.errors == "strict":
                        problem = f"{where} is not {encoding.upper()}: byte 0x{error.object[error.start]:02x} at offset {at}"
                        helps = remedy(chain([error.object], blocks), error.start, encoding, trust)
                        raise TextError(problem, remedy=helps) from None
                    self.replaced = self.replaced or f"{where}, offset {at}"
                    decoder = make(self._data.errors)
                    decoder.setstate(before)
                    text = decoder.decode(block, final=not block)
            except UnicodeError as error:  # it is no matter of single bytes
                helps = remedy(chain([block], blocks), 0, encoding, trust)
                raise TextError(f"{where} is not {encoding.upper()}: {error}", remedy=helps) from None
            done += len(block)
            trust = max(trust, Trust.ALL_ASCII if text.isascii() else Trust.OTHERS_READ)
            if name in _HALVES and _HALF.search(text):
                raise TextError(f"{where} has halves of characters (lone surrogates), which are no text")
            yield text

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
        if self._data.newlines == "keep" and not self._is_binary:
            both = text.count("\r\n")
            self.crlf += both
            self.cr += text.count("\r") - both
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


def _marked_encoding(first: bytes) -> str | None:
    """What a byte order mark says."""
    return next((name for mark, name in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), None)


def _is_text(first: bytes, encoding: str) -> bool:
    """Whether it has hardly any characters that no text has."""
    probe = _probe(first, encoding)
    return len(_BINARY.findall(probe)) * 100 <= len(probe)


def _is_allowed(first: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(first)
    except UnicodeError:
        return False
    return True


def _refuse_escapes(first: bytes, where: str) -> None:
    if encoding := escaped_encoding(first):
        named, as_it_is = Argument("encoding", encoding), Argument("encoding", "ascii")
        remedy = ("name its encoding (", named, "), or keep them as they are (", as_it_is, ")")
        raise TextError(f"{where} has characters in it that are spelled in ASCII, as {encoding.upper()} does", remedy=remedy)


def _refuse_unlike_ascii(first: bytes, encoding: str, where: str) -> None:
    other = _marked_encoding(first) or wide_encoding(first) or unlike_ascii(first)
    if other and codecs.lookup(other).name != codecs.lookup(encoding).name:
        named = Argument("encoding", other)
        raise TextError(f"{where} is not {encoding.upper()}", remedy=("name its encoding (probably ", named, ")"))


def _probe(block: bytes, encoding: str) -> str:
    """The first characters of a text, in whose last a byte may be missing."""
    try:
        return codecs.getincrementaldecoder(encoding)("replace").decode(block[:_PROBE])
    except UnicodeError:  # a codec that knows no replacing
        return ""
