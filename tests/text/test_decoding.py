from __future__ import annotations

import codecs
import io
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text import decoding
from charlstm.text.compression import Stream
from charlstm.text.decoding import NoText, TextReader, in_pieces

plain = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\r\n\t")).map("text".__add__)
some_size = st.sampled_from([1, 2, 3, 5, 1000])
# All that composes, decomposes or reorders: Latin, Hangul, Tibetan (whose vowels have no class), Bengali, compatibility signs.
COMPOSING = "eE q\u0301\u0323\u0344\u00e9\u1100\u1161\u11a8가각\u0f71\u0f72\u0f73\u0f81\u09c7\u09be\u212b中😀"
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "shift_jis", "gb18030", "utf-7"]
almost_text = st.binary(max_size=60).map(b"some text ".__add__)


def wrong_byte(data: bytes, encoding: str) -> int | None:
    """The offset of the first byte that can't be decoded."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return None


def read(data: bytes, size: int = 2**20, reader: TextReader | None = None, **settings: object) -> str:
    """The text of bytes that are read in blocks of `size`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "PIECE", max(size, 4))  # the first block must hold a byte order mark
        return "".join((reader or TextReader(DataConfig(**settings))).read(Stream(io.BytesIO(data), "given.txt")))  # type: ignore[arg-type]


@given(plain, st.sampled_from(ENCODINGS), some_size)
def test_any_blocks_give_what_the_whole_would(text: str, encoding: str, size: int) -> None:
    data = text.encode(encoding, "ignore")
    assert read(data, size, encoding=encoding) == data.decode(encoding)


@given(plain, st.sampled_from([*decoding._BYTE_ORDER_MARKS.items(), (codecs.BOM_UTF8, "utf-8")]), some_size)
def test_a_byte_order_mark_is_recognised_and_dropped(text: str, mark: tuple[bytes, str], size: int) -> None:
    assert read(mark[0] + text.encode(mark[1]), size) == text


def test_with_another_encoding_a_mark_says_nothing() -> None:
    assert read(codecs.BOM_UTF8 + b"abc", encoding="latin-1") == "ï»¿abc"


@given(almost_text, st.sampled_from(["utf-8", "shift_jis", "utf-16-le", "cp1252"]), some_size)
def test_a_wrong_byte_is_found_where_decoding_the_whole_finds_it(data: bytes, encoding: str, size: int) -> None:
    data = data.translate(None, bytes(range(32)))
    at = wrong_byte(data, encoding)
    if at is None:
        assert read(data, size, encoding=encoding) == data.decode(encoding)
    else:
        with pytest.raises(TextError, match=rf"given\.txt is not {encoding.upper()}: byte 0x{data[at]:02x} at offset {at}; "):
            read(data, size, encoding=encoding)


@given(almost_text, st.sampled_from(["replace", "ignore"]), some_size)
def test_wrong_bytes_are_replaced_or_ignored_as_in_the_whole_and_noted(
    data: bytes, errors: Literal["replace", "ignore"], size: int
) -> None:
    data = data.translate(None, bytes(range(32)))
    reader = TextReader(DataConfig(errors=errors))
    assert read(data, size, reader) == data.decode("utf-8", errors)
    at = wrong_byte(data, "utf-8")
    assert reader.replaced == ("" if at is None else f"given.txt, offset {at}")


@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_utf16_without_its_mark_is_no_matter_of_single_bytes(errors: str) -> None:
    with pytest.raises(TextError, match=r"given\.txt is not UTF-16: .*BOM.*; name its encoding"):
        read("some text".encode("utf-16-le"), encoding="utf-16", errors=errors)


def test_utf16_with_wrong_bytes_before_its_missing_mark_is_found() -> None:
    found = b"pi\xda\xda\xda\xda\xda\x01\0\0\0\0\0\0\x06\0\x06" + b"\xda" * 14 + b"me=A"  # by fuzzing
    with pytest.raises(TextError, match=r"given\.txt is not UTF-16: .*BOM"):
        read(found, encoding="utf-16", errors="replace")


def test_a_character_that_is_cut_off_at_the_end_is_wrong() -> None:
    with pytest.raises(TextError, match="byte 0xe2 at offset 3"):
        read(b"abc\xe2\x82", 2)


@given(st.text(st.sampled_from("ab\r\n\u2028")).map("x".__add__), some_size)
def test_line_ends(text: str, size: int) -> None:
    reader = TextReader(DataConfig())
    assert read(text.encode(), size, reader) == text
    assert reader.crlf == text.count("\r\n")
    assert read(text.encode(), size, newlines="lf") == io.StringIO(text, newline=None).read()


@given(st.lists(st.text()), st.integers(1, 20))
def test_pieces_are_joined_to_a_least_size(texts: list[str], least: int) -> None:
    pieces = list(in_pieces(texts, least))
    assert "".join(pieces) == "".join(texts)
    assert all(len(piece) >= least for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "given.txt is empty"),
        (b"\xef\xbb\xbf", "given.txt is empty"),
        (b" \r\n\t \n" * 50, "given.txt is empty"),
        (b"\x7fELF\x00\x00\x01\x02" * 20, "given.txt is a binary file"),
        (bytes(range(256)) * 40, "given.txt is a binary file"),
        ("a\x01\x02b".encode("utf-16") * 40, "given.txt is a binary file"),
    ],
)
def test_what_holds_no_text(data: bytes, part: str) -> None:
    with pytest.raises(NoText, match=part):
        read(data)


def test_a_few_controls_do_not_make_a_binary_file_nor_do_the_zeros_of_utf16() -> None:
    text = "\x1b[31m\x00" + "some words and a line\n" * 20
    assert read(text.encode()) == text
    assert read(text.encode("utf-16")) == text
    assert read(text.encode("utf-16-le"), encoding="utf-16-le") == text


def test_white_space_at_length_is_no_empty_file() -> None:
    text = " " * 50 + "and then a word"
    assert read(text.encode(), 4) == text


@pytest.mark.parametrize(("data", "encoding"), [(b"+2AA- hello", "utf-7"), (b"\\ud800 hello", "unicode_escape")])
def test_half_a_character_is_no_text(data: bytes, encoding: str) -> None:
    with pytest.raises(TextError, match=r"given\.txt has halves of characters"):
        read(data, encoding=encoding)
