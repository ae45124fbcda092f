from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from charlstm.corpus import Corpus, read_corpus
from charlstm.errors import TextError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("bee", encoding="utf-8")
    (tmp_path / "a.txt").write_text("ay\n", encoding="utf-8")
    (tmp_path / "sub" / "c.md").write_text("sea é", encoding="utf-8")
    (tmp_path / ".hidden").write_text("no", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    return tmp_path


def test_a_folder_is_read_by_name_without_what_is_no_text(folder: Path) -> None:
    corpus = read_corpus([str(folder)])
    assert corpus.text == "ay\n\nbee\nsea é"
    assert corpus.names == ("a.txt", "b.txt", "c.md")
    assert set(corpus.skipped) == {"empty.txt", "picture.png"}


def test_a_glob_and_several_files(folder: Path) -> None:
    assert read_corpus([str(folder / "*.txt")]).names == ("a.txt", "b.txt")
    assert read_corpus([str(folder / "**" / "*.md")]).names == ("c.md",)
    assert read_corpus([str(folder / "b.txt"), str(folder / "a.txt")]).text == "bee\nay\n"


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("odd name", encoding="utf-8")
    assert read_corpus([str(tmp_path / "a[1].txt")]).text == "odd name"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("naïve\r\n".encode())))
    assert read_corpus(["-"]) == Corpus("naïve\r\n", ("standard input",))


def test_the_builtin_text_is_large_and_real() -> None:
    text = read_corpus(["builtin:python-docs"]).text
    assert len(text) > 400_000
    assert "for" in text
    assert "object" in text


def test_newlines_stay_and_a_byte_order_mark_goes(tmp_path: Path) -> None:
    file = tmp_path / "dos.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r")
    assert read_corpus([str(file)]).text == "one\r\ntwo\r"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"caf\xe9 au lait", "0xe9 at offset 3"),
        (b"\xef\xbb\xbfcaf\xe9", "0xe9 at offset 6"),
        (b"\x7fELF\x00\x00\x01\x02" * 20, "binary"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(content)
    with pytest.raises(TextError, match=part) as error:
        read_corpus([str(file)])
    assert "text.txt" in str(error.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"no such file: .*none\.txt"):
        read_corpus([str(tmp_path / "none.txt")])
    with pytest.raises(TextError, match="no text in the folder"):
        read_corpus([str(tmp_path)])
    with pytest.raises(TextError, match="no text in"):
        read_corpus([str(tmp_path / "*.txt")])
    with pytest.raises(TextError, match="python-docs"):
        read_corpus(["builtin:nothing"])


@pytest.mark.parametrize(("share", "begin"), [(0.1, 1_003_854), (0.5, 557_697)])
def test_the_split_is_the_fields(share: float, begin: int) -> None:
    assert Corpus("a" * 1_115_394, ()).split(share) == begin
