from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import ModelError, TextError
from charlstm.text.vocabulary import REPLACEMENT, ByteVocabulary, CharVocabulary, vocabulary_from_json

any_text = st.text(st.characters(), min_size=1)


@given(any_text)
def test_char_round_trip(text: str) -> None:
    vocabulary = CharVocabulary(text)
    assert vocabulary.decode(vocabulary.encode(text).tolist()) == text
    assert list(vocabulary.symbols) == sorted(set(text))


@given(st.text())
def test_byte_round_trip(text: str) -> None:
    vocabulary = ByteVocabulary()
    assert vocabulary.decode(vocabulary.encode(text).tolist()) == text
    assert vocabulary.unknown(text) == []


@given(any_text)
def test_json_round_trip(text: str) -> None:
    for vocabulary in (
        CharVocabulary(text),
        CharVocabulary(text + REPLACEMENT, "nfc", has_rare=True),
        ByteVocabulary(),
        ByteVocabulary("nfc"),
    ):
        again = vocabulary_from_json(json.loads(json.dumps(vocabulary.to_json())))
        assert again == vocabulary
        assert (again.normalize, again.unknown("e\u0301")) == (vocabulary.normalize, vocabulary.unknown("e\u0301"))


def test_a_text_is_normalised_before_it_is_looked_up() -> None:
    vocabulary = CharVocabulary("café", "nfc")
    assert vocabulary.encode("cafe\u0301").tolist() == vocabulary.encode("café").tolist()
    assert vocabulary.unknown("e\u0301e") == ["e"]
    assert CharVocabulary("café").unknown("e\u0301") == ["e", "\u0301"]
    assert ByteVocabulary("nfc").encode("e\u0301").tolist() == [195, 169]


def test_rare_characters_are_not_unknown() -> None:
    vocabulary = CharVocabulary(f"ab{REPLACEMENT}", has_rare=True)
    assert vocabulary.unknown("abcd") == []
    assert vocabulary.decode(vocabulary.encode("abcd").tolist()) == f"ab{REPLACEMENT * 2}"


@given(any_text, any_text)
def test_unknown_are_exactly_the_characters_that_were_not_in_the_text(text: str, other: str) -> None:
    vocabulary = CharVocabulary(text)
    missing = vocabulary.unknown(other)
    assert set(missing) == set(other) - set(text)
    if missing:
        with pytest.raises(TextError, match=f"U\\+{ord(missing[0]):04X}"):
            vocabulary.encode(other)


everything = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("a\ud800\udfff\uffff\U00010000\U0010ffff"))
)


@given(everything.filter(bool), everything, st.booleans())
def test_it_is_a_dictionary_whatever_a_text_holds(text: str, other: str, has_rare: bool) -> None:
    """Lone surrogates, what lies beyond the largest symbol, and the last code point of all too."""
    vocabulary = CharVocabulary(text + REPLACEMENT if has_rare else text, has_rare=has_rare)
    truth = {symbol: i for i, symbol in enumerate(vocabulary.symbols)}
    assert vocabulary.encode(text).tolist() == [truth[c] for c in text]
    missing = [] if has_rare else [c for c in dict.fromkeys(other) if c not in truth]
    assert vocabulary.unknown(other) == missing
    if missing:
        with pytest.raises(TextError, match=f"U\\+{ord(missing[0]):04X}"):
            vocabulary.encode(other)
    else:
        assert vocabulary.encode(other).tolist() == [truth.get(c, truth.get(REPLACEMENT)) for c in other]


@pytest.mark.parametrize(("largest", "most"), [("z", 20_000), ("я", 20_000), ("\U0001f600", 200_000)])
def test_a_vocabulary_takes_memory_for_its_largest_code_point_only(largest: str, most: int) -> None:
    assert taken(lambda: CharVocabulary(f"a b{largest}")) < most


@pytest.mark.parametrize("has_rare", [False, True])
def test_encoding_takes_a_few_bytes_a_character(has_rare: bool) -> None:
    text = "a€\U0001f600" * 300_000
    vocabulary = CharVocabulary(f"a€\U0001f600{REPLACEMENT}", has_rare=has_rare)
    assert taken(lambda: vocabulary.encode(text)) < 7 * len(text)


def taken(make: Callable[[], object]) -> int:
    """The most bytes that were held while something was made."""
    tracemalloc.start()
    try:
        make()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


COMPOSED = st.text(st.sampled_from("abé\u0301e\u0323ệx★"))


@given(COMPOSED, COMPOSED, st.sampled_from(["none", "nfc"]), st.booleans())
def test_what_is_left_without_the_unknown_can_be_encoded(text: str, other: str, normalize: str, has_rare: bool) -> None:
    vocabulary = CharVocabulary(text + REPLACEMENT * has_rare, normalize, has_rare)
    left = vocabulary.without_unknown(other)
    assert vocabulary.unknown(left) == []
    assert len(vocabulary.encode(left)) == len(left)
    if normalize == "none":
        assert left == (other if has_rare else "".join(c for c in other if c in text))
    if not vocabulary.unknown(other):
        assert left == vocabulary.normalized(other)


def test_what_was_parted_by_an_unknown_character_may_be_composed_into_another() -> None:
    vocabulary = CharVocabulary("abe\u0301", "nfc")
    assert vocabulary.without_unknown("ae★\u0301b") == "ab", "an é, which the vocabulary lacks, is what was left at first"


def test_order_of_the_text_does_not_matter() -> None:
    assert CharVocabulary("zebra") == CharVocabulary("arbze")


@pytest.mark.parametrize(("symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (65_537, np.uint32)])
def test_ids_take_the_smallest_type(symbols: int, dtype: type) -> None:
    text = "".join(map(chr, range(0x10000, 0x10000 + symbols)))
    ids = CharVocabulary(text).encode(text)
    assert ids.dtype == dtype
    assert ids.tolist() == list(range(symbols))


@given(st.lists(st.integers(0, 255)))
def test_bytes_that_are_not_utf8_decode_as_a_whole_would(ids: list[int]) -> None:
    assert ByteVocabulary().decode(ids) == bytes(ids).decode("utf-8", errors="replace")


def test_a_character_of_several_bytes_comes_out_whole() -> None:
    assert list(ByteVocabulary().stream("aé€".encode())) == ["a", "é", "€"]


@pytest.mark.parametrize(
    "value", [{}, {"unit": "word"}, {"unit": "char"}, {"unit": "char", "symbols": ""}, {"unit": "char", "symbols": "ba"},
              {"unit": "char", "symbols": "a", "normalize": "nfd"}, {"unit": "byte", "normalize": 1},
              {"unit": "char", "symbols": "a", "has_rare": 1}, {"unit": "char", "symbols": "a", "has_rare": True},
              {"unit": "char", "symbols": "aa"}, {"unit": "char", "symbols": 3}]
)  # fmt: skip
def test_what_is_no_vocabulary_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        vocabulary_from_json(value)
