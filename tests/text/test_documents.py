from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from pathlib import Path

import pytest

from charlstm.errors import TextError
from charlstm.text.corpus import read_corpus

PDF = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n" + b"an uncompressed one is all ASCII\n" * 50


def small_tar() -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return whole.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PDF, "is a PDF, not text: make text of it first, such as with pdftotext FILE text.txt"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old Office document, not text: .*LibreOffice"),
        (b"x" * 60 + b"BOOKMOBI" + b"x" * 99, "is a Kindle book, not text: .*ebook-convert"),
        (gzip.compress(b"text"), r"is compressed with gzip, not text: unpack it, or let its name end in \.gz"),
        (bz2.compress(b"text"), r"is compressed with bzip2, .*\.bz2"),
        (lzma.compress(b"text"), r"is compressed with xz, .*\.xz"),
        (small_tar(), r"is a tar archive, .*\.tar, or \.tar\.gz"),
        (b"Rar!\x1a\x07\x01\x00", "is an archive of a kind that is not read, not text: unpack it"),
    ],
    ids=["PDF", "DOC", "MOBI", "gz", "bz2", "xz", "tar", "rar"],
)
@pytest.mark.parametrize("name", ["book.txt", "book.bin", "my book"])
def test_what_is_no_text_says_how_text_is_had(tmp_path: Path, content: bytes, said: str, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    quoted = f"'{file}'" if " " in name else str(file)
    with pytest.raises(TextError, match=f"{name} {said.replace('FILE', quoted)}"):
        read_corpus([str(file)])
    (tmp_path / "a.txt").write_text("ay", encoding="utf-8")
    corpus = read_corpus([str(tmp_path)])
    assert (corpus.names, corpus.skipped) == (("a.txt",), (name,))


def test_one_that_is_piped_in_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PDF)))
    with pytest.raises(TextError, match=r"^standard input is a PDF, not text: .* pdftotext FILE text\.txt$"):
        read_corpus(["-"])


@pytest.mark.parametrize("text", ["PKZIP was a program", "BZh is no word", "a text on %PDF- headers", "Rar! he said"])
def test_a_text_that_begins_alike_is_a_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text * 30, encoding="utf-8")
    assert len(read_corpus([str(tmp_path / "a.txt")]).ids) == 30 * len(text)


def test_what_has_no_name_is_not_told_to_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"text"))))
    with pytest.raises(TextError, match=r"^standard input is compressed with gzip, not text: unpack it first$"):
        read_corpus(["-"])
