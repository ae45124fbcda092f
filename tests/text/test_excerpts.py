from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import DataConfig
from charlstm.errors import TextError, UnknownCharactersError
from charlstm.text.excerpts import CONTEXT, Excerpt, read_excerpt
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary

LETTERS = CharVocabulary("abcdef\n")


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def read(text: str, begin: int, length: int, vocabulary: Vocabulary = LETTERS, skip: bool = False) -> Excerpt:
        (tmp_path / "a.txt").write_text(text, encoding="utf-8")
        return read_excerpt([str(tmp_path / "a.txt")], DataConfig(), vocabulary, begin, length, skip)

    return read


def test_a_part_with_what_stands_before_it(read) -> None:  # type: ignore[no-untyped-def]
    found = read("abcdef", 2, 3)
    assert (LETTERS.decode(found.ids), found.context, found.begin) == ("abcde", 2, 2)
    assert (found.text, found.is_cut) == ("cde", True)
    assert read("abcdef", 2, 4).is_cut is False
    assert read("abcdef", 2, 100).text == "cdef"


def test_the_context_is_bounded(read) -> None:  # type: ignore[no-untyped-def]
    text = "abcdef\n" * 1000
    found = read(text, 3003, 50)
    assert LETTERS.decode(found.ids) == text[3003 - CONTEXT : 3053]
    assert (found.context, found.text) == (CONTEXT, text[3003:3053])


def test_what_is_skipped_is_not_counted(read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownCharactersError, match=r"'x' \(U\+0078\); unknown='skip' leaves"):
        read("axbxc", 1, 2)
    assert read("axbxc", 1, 2, skip=True).text == "bc"


def test_bytes_show_their_character_when_it_is_whole(read) -> None:  # type: ignore[no-untyped-def]
    found = read("aé€b", 1, 6, ByteVocabulary())
    assert found.symbols == ("", "é", "", "", "€", "b")
    assert found.text == "\ufffdé\ufffd\ufffd€b"


@pytest.mark.parametrize(
    ("text", "begin", "message"),
    [
        ("a", 0, "the text has 1 character that the model knows: at least 2"),
        ("xyz", 0, "the text has 0 characters that the model knows"),
        ("abcdef", 5, "begin=5: the text has 6 characters"),
        ("abcdef", 500, "begin=500: the text has 6 characters"),
    ],
)
def test_too_little_is_an_error(read, text: str, begin: int, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TextError, match=message):
        read(text, begin, 10, skip=True)
