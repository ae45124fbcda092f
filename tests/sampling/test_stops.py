from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import SampleConfig
from charlstm.sampling.stops import NO_END, Ending, impossible_stops
from charlstm.text.line_ends import LineEnds
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary


def ended(text: str, stops: list[str], length: int, min_length: int) -> tuple[str, str | None, str | None]:
    """The slow truth: at each character the whole text is looked at -> text, reason, stop text."""
    for end in range(1, len(text) + 1):
        found = [s for s in stops if text[:end].endswith(s) and end - len(s) >= min_length]
        if found:
            stop = max(found, key=len)
            return text[: end - len(stop)], "stop", stop
        if end == length:
            return text[:end], "length", None
    return text, None, None


few = st.sampled_from("ab")


@given(
    st.text(few, max_size=30),
    st.lists(st.text(few, min_size=1, max_size=5), max_size=3),
    st.integers(1, 30),
    st.integers(0, 12),
    st.integers(1, 4),
)
def test_a_text_ends_as_it_does_when_the_whole_of_it_is_looked_at(
    text: str, stops: list[str], length: int, min_length: int, size: int
) -> None:
    ending, given_on = Ending(stops, length, min_length), ""
    for begin in range(0, len(text), size):
        if ending.reason is None:
            given_on += ending.add(text[begin : begin + size])
    expected, reason, stop = ended(text, stops, length, min_length)
    assert (ending.reason, ending.stop, ending.characters) == (reason, stop, len(given_on))
    if reason:
        assert given_on == expected
    else:
        held = expected[len(given_on) :]
        assert expected.startswith(given_on)
        assert not held or any(s.startswith(held) for s in stops), "no more is held back than may become a stop text"
        assert not any(s.startswith(expected[i:]) for s in stops for i in range(min_length, len(given_on))), "nor less"


def test_only_what_may_become_a_stop_text_waits() -> None:
    ending = Ending(["\n\n", "END"], 100)
    assert [ending.add(c) for c in "a\nEEN\nb\n"] == ["a", "", "\n", "E", "", "EN", "\nb", ""]
    assert (ending.add("\n"), ending.reason, ending.stop, ending.characters) == ("", "stop", "\n\n", 7)


@pytest.mark.parametrize(
    ("text", "stops", "length", "min_length", "expected"),
    [
        ("abcd", ["bc", "abcd"], 9, 0, ("a", "stop", "bc")),  # the first that is complete
        ("xabc", ["c", "abc", "bc"], 9, 0, ("x", "stop", "abc")),  # of those complete at once the longest
        ("abab", ["ab"], 9, 1, ("ab", "stop", "ab")),  # one within the least length is text
        ("abcX", ["cX"], 3, 0, ("abc", "length", None)),  # what was held back is text when the length is reached
        ("abX", ["X"], 2, 0, ("ab", "length", None)),
        ("X", ["X"], 1, 0, ("", "stop", "X")),
    ],
)
def test_cases_by_hand(
    text: str, stops: list[str], length: int, min_length: int, expected: tuple[str, str, str | None]
) -> None:
    ending = Ending(stops, length, min_length)
    assert (ending.add(text), ending.reason, ending.stop) == expected == ended(text, stops, length, min_length)


def test_a_text_without_an_end_goes_on() -> None:
    ending = Ending([], NO_END)
    assert all(ending.add("a") == "a" for _ in range(1000))
    assert ending.reason is None


@pytest.mark.parametrize(
    ("settings", "vocabulary", "expected"),
    [
        ({"stop": ("ab", "a★", "\n")}, CharVocabulary("abc\n"), ["a★"]),
        ({"stop": ("ab", "bc"), "ban": "c"}, CharVocabulary("abc"), ["bc"]),
        ({"stop": ("ab", "bc"), "allow": "bc"}, CharVocabulary("abc"), ["ab"]),
        ({"stop": ("é", "\ufffd")}, CharVocabulary("ab\ufffd", has_rare=True), ["é"]),  # it has an id, that of U+FFFD
        ({"stop": ("e\u0301",)}, CharVocabulary("é", normalize="nfc"), []),
        ({"stop": ("★",)}, ByteVocabulary(), []),
    ],
)
def test_stop_texts_that_cannot_occur(settings: dict[str, Any], vocabulary: Vocabulary, expected: list[str]) -> None:
    assert impossible_stops(SampleConfig(**settings), vocabulary) == expected


DOS = LineEnds(("\r\n",))


@pytest.mark.parametrize(
    ("text", "stop", "before", "end"),
    [
        ("ab\r\nc", "\n", "ab", "\r\n"),
        ("ab\rc", "\n", "ab", "\r"),
        ("ab\nc", "\n", "ab", "\n"),
        ("a\r\nb\r\n\r\nc", "\n\n", "a\r\nb", "\r\n\r\n"),
        ("ab\r\n", "b\n", "a", "b\r\n"),
        ("ab\r", "\n", "ab", "\r"),
    ],
)
@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("keep", [False, True])
def test_a_newline_is_any_line_end_and_the_text_ends_before_the_whole_of_it(
    text: str, stop: str, before: str, end: str, size: int, keep: bool
) -> None:
    ending, given_on = Ending([stop], len(text), line_ends=DOS, keep_stop=keep), ""
    for begin in range(0, len(text), size):
        if ending.reason is None:
            given_on += ending.add(text[begin : begin + size])
    assert (ending.reason, ending.stop, given_on) == ("stop", stop, before + end * keep)


def test_a_line_end_that_begins_too_early_is_text_as_a_whole() -> None:
    ending = Ending(["\n"], 100, min_length=2, line_ends=DOS)
    assert "".join(ending.add(c) for c in "a\r\nb\rc") == "a\r\nb"
    assert ending.reason == "stop"


def test_half_of_a_line_end_is_taken_as_it_is_where_that_was_asked_for() -> None:
    ending = Ending(["\r"], 100, line_ends=LineEnds())
    assert (ending.add("a\r\n"), ending.stop) == ("a", "\r")


def test_a_stop_text_may_be_kept() -> None:
    ending = Ending(["END"], 100, keep_stop=True)
    assert ("".join(ending.add(c) for c in "a ENEND"), ending.characters) == ("a ENEND", 7)
