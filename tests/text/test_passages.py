from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text import decoding, passages
from charlstm.text.passages import By, Passage, in_blocks, read_passages


def read(*texts: Path | str, by: By = "line", **data: Any) -> list[tuple[int, str]]:
    return [(one.number, one.text) for one in read_passages([str(text) for text in texts], DataConfig(**data), by)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "text.txt"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("\n\none\n\n", ["", "", "one", ""]),
        ("\ufeffa\n", ["a"]),
        ("a\x0bb\u2028c\n", ["a\x0bb\u2028c"]),  # only a newline ends a line
    ],
)
def test_lines_go_without_their_ends_and_are_counted_from_1(file: Path, text: str, lines: list[str]) -> None:
    file.write_text(text, encoding="utf-8", newline="")
    assert read(file) == list(enumerate(lines, 1))


def test_a_line_may_be_longer_than_what_is_read_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "PIECE", 7)
    text = "é" * 50 + "\r\n" + "b" * 30 + "\n\nc"
    file.write_bytes(text.encode())
    assert [line for _, line in read(file)] == ["é" * 50, "b" * 30, "", "c"]


def test_a_document_is_a_whole_file(tmp_path: Path) -> None:
    for name, text in (("a.txt", "one\ntwo\n"), ("b.txt", "three")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(tmp_path, by="document") == [(1, "one\ntwo\n"), (2, "three")]
    assert [one.where for one in read_passages([str(tmp_path)], DataConfig(), "line")] == [
        f"{tmp_path / 'a.txt'}, line 1", f"{tmp_path / 'a.txt'}, line 2", f"{tmp_path / 'b.txt'}, line 1",
    ]  # fmt: skip


def test_what_training_reads_is_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress("é\n".encode("latin-1")))
    assert read(packed, encoding="latin-1") == [(1, "é")]
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x.txt", "x\ny\n")
        archive.writestr("empty.txt", "")
    assert read(tmp_path / "b.zip") == [(1, "x"), (2, "y")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))
    assert read("-") == [(1, "piped")]


def test_what_holds_no_text_is_an_error_where_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(TextError, match="empty is empty"):
        read(tmp_path / "empty")
    with pytest.raises(TextError, match=r"no text in .*: 1 file, none of them with text"):
        read(tmp_path)


@given(st.lists(st.integers(0, 60), max_size=40))
def test_blocks_are_the_passages_in_order_and_no_more_than_asked_for(sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passages, "BLOCK", 50)
        patch.setattr(passages, "_MOST_IN_BLOCK", 5)
        given_passages = [Passage("x", i, "a" * size) for i, size in enumerate(sizes)]
        blocks = list(in_blocks(given_passages))
    assert [one for block in blocks for one in block] == given_passages
    for block in blocks:
        assert 1 <= len(block) <= 5
        assert sum(len(one.text) for one in block[:-1]) < 50


def test_a_file_is_read_only_as_far_as_it_is_needed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "PIECE", 100)
    file.write_bytes(b"good line\n" * 500 + b"\xff\n")
    found = read_passages([str(file)], DataConfig(), "line")
    assert [next(found).text for _ in range(400)] == ["good line"] * 400
    with pytest.raises(TextError, match="0xff at offset 5,000"):
        list(found)
