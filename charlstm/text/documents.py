"""Files that hold text but are none: what they are, by how they begin, and how their text is had.

Knows: how documents, books and archives begin, and which programs make text of them.
Does not know: how text is told from other binary files.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A kind of file that is no text."""

    what: str
    how: str
    """How its text is had; braces stand for the file."""
    unnamed: str = ""
    """The same for what has no name that could be another, such as standard input, where that differs."""

    def remedy(self, file: str) -> str:
        """The same for a file; what has no name of its own, such as standard input, has a place for one."""
        if os.path.exists(file):  # noqa: PTH110 (of no path it says no)
            return self.how.replace("{}", shlex.quote(file))
        return self.unnamed or self.how.replace("{}", "FILE")


def _made_text(what: str, command: str) -> Document:
    return Document(what, f"make text of it first, such as with {command}")


def _misnamed(what: str, suffix: str) -> Document:
    return Document(what, f"unpack it, or let its name end in {suffix}", "unpack it first")


_PANDOC = "pandoc {} -t plain -o text.txt"
_EPUB, _WORD = _made_text("an EPUB", _PANDOC), _made_text("a Word document", _PANDOC)
_OPEN_DOCUMENT = _made_text("an OpenDocument file", _PANDOC)
_OFFICE = Document("an Office document", "save it as plain text from the program that it belongs to")
_OTHER_ARCHIVE = Document("an archive of a kind that is not read", "unpack it, and name the folder")
_ZIP = b"PK\x03\x04"
_BEGINNINGS = (
    (0, b"%PDF-", _made_text("a PDF", "pdftotext {} text.txt")),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Document("an old Office document", "save it as plain text, such as from LibreOffice"),
    ),
    (60, b"BOOKMOBI", _made_text("a Kindle book", "ebook-convert {} text.txt")),
    (0, b"AT&TFORM", _made_text("a DjVu document", "djvutxt {} text.txt")),
    (0, b"\x1f\x8b\x08", _misnamed("compressed with gzip", ".gz")),
    (0, b"\xfd7zXZ\x00", _misnamed("compressed with xz", ".xz")),
    (0, b"\x28\xb5\x2f\xfd", _misnamed("compressed with Zstandard", ".zst")),
    (4, b"1AY&SY", _misnamed("compressed with bzip2", ".bz2")),
    (257, b"ustar", _misnamed("a tar archive", ".tar, or .tar.gz and the like")),
    (0, b"7z\xbc\xaf\x27\x1c", _OTHER_ARCHIVE),
    (0, b"Rar!\x1a\x07", _OTHER_ARCHIVE),
)
"""Where in a file which bytes tell what."""


def document_in(first: bytes) -> Document | None:
    """What a file is that begins so; None where it may be a text, or nothing that has text in it.

    >>> document_in(b"%PDF-1.7 and so on").what, document_in(b"Once upon a time")
    ('a PDF', None)
    """
    if first.startswith(_ZIP):
        return _zip_that_begins(first)
    return next((document for at, begin, document in _BEGINNINGS if first.startswith(begin, at)), None)


def document_of(members: Collection[str]) -> Document | None:
    """What a zip archive with these members is, where it is a document."""
    if "META-INF/container.xml" in members:
        return _EPUB
    if "[Content_Types].xml" in members:
        return _WORD if "word/document.xml" in members else _OFFICE
    return _OPEN_DOCUMENT if {"mimetype", "content.xml"} <= set(members) else None


def _zip_that_begins(first: bytes) -> Document:
    if b"mimetypeapplication/epub+zip" in first[:200]:
        return _EPUB
    if b"mimetypeapplication/vnd.oasis.opendocument" in first[:200]:
        return _OPEN_DOCUMENT
    if b"[Content_Types].xml" in first:
        return _WORD if b"word/" in first else _OFFICE
    return _misnamed("a zip archive", ".zip")
