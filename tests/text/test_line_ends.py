"""The kinds of line ends, and what a newline is to a model that learned them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.text import line_ends
from charlstm.text.line_ends import LINE_ENDS, LineEnds, common_newlines, learned_kinds, with_line_ends

DOS, MAC, UNIX, UNKNOWN = LineEnds(("\r\n",)), LineEnds(("\r",)), LineEnds(("\n",)), LineEnds()
MIXED = LineEnds(("\r\n", "\n"))
TEXTS = st.text("a\r\n", max_size=30)


@given(TEXTS, st.integers(1, 9))
def test_kinds_are_counted_as_a_regular_expression_finds_them(text: str, at_once: int) -> None:
    found = re.findall(r"\r\n|\n|\r", text)
    ids = np.array(["\n\ra".index(c) for c in text], dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ends, "_COUNTED_AT_ONCE", at_once)
        kinds = learned_kinds(ids, lf=0, cr=1)
    assert set(kinds) == set(found)
    assert [found.count(kind) for kind in kinds] == sorted(map(found.count, kinds), reverse=True)


@pytest.mark.parametrize(("known", "own"), [(DOS, "\r\n"), (MAC, "\r"), (UNIX, "\n"), (MIXED, "\r\n")])
def test_a_newline_that_is_typed_is_the_models_own(known: LineEnds, own: str) -> None:
    assert known.typed("a\nb\n\n") == f"a{own}b{own}{own}"
    assert known.typed("a\r\nb") == ("a\r\nb" if known.pairs else f"a{own}b")
    assert known.typed("a\rb") == f"a{own}b"


@given(TEXTS)
def test_what_is_typed_twice_is_typed_once_and_nothing_changes_where_nothing_is_known(text: str) -> None:
    for known in (DOS, MAC, UNIX, MIXED):
        assert known.typed(known.typed(text)) == known.typed(text)
    assert UNKNOWN.typed(text) == UNKNOWN.as_newlines(text) == UNKNOWN.characters(text) == text
    assert UNKNOWN.spellings(text) == (text,)


def test_characters_that_are_named() -> None:
    assert [set(known.characters("a\n")) for known in (DOS, MAC, UNIX)] == [set("a\r\n"), set("a\r"), set("a\n")]
    assert DOS.characters("\r") == "\r", "who names half a line end means that"


def test_spellings_are_of_characters_that_were_learned() -> None:
    assert DOS.spellings("x\n") == ("x\r\n", "x\n", "x\r")
    assert MAC.spellings("x\n") == ("x\r",)
    assert UNIX.spellings("x\r\n") == ("x\n",)
    assert DOS.spellings("x") == ("x",)


@pytest.mark.parametrize("newlines", list(LINE_ENDS))
@given(TEXTS)
def test_all_line_ends_become_one_kind(newlines: line_ends.Newlines, text: str) -> None:
    assert with_line_ends(text, newlines) == re.sub(r"\r\n|\n|\r", LINE_ENDS[newlines], text)


def test_one_text_for_several_models() -> None:
    assert common_newlines(["cr", "lf"]) == "lf"
    assert common_newlines(["crlf", "crlf"]) == "crlf"
    assert common_newlines(["crlf", "cr"]) == common_newlines(["crlf", "keep"]) == "keep"
