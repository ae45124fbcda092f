from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text import counting
from charlstm.text.counting import CharTally, choose_vocabulary, controls, count_bytes, make_tally, rare_characters
from charlstm.text.vocabulary import REPLACEMENT, CharVocabulary, Vocabulary

pieces = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1).filter(any)


def recoded(texts: list[str], data: DataConfig) -> tuple[list[int], Vocabulary]:
    counted = make_tally(data.unit)
    provisional = [counted.add(text) for text in texts]
    vocabulary = choose_vocabulary(counted.counts(), data)
    return np.concatenate(list(map(counted.recoder(vocabulary), provisional))).tolist(), vocabulary


@given(pieces, st.sampled_from(["char", "byte"]))
def test_recoded_pieces_are_the_encoded_whole(texts: list[str], unit: Literal["char", "byte"]) -> None:
    ids, vocabulary = recoded(texts, DataConfig(unit=unit))
    assert ids == vocabulary.encode("".join(texts)).tolist()


@given(pieces, st.integers(2, 4))
def test_rare_characters_are_those_that_a_plain_count_finds(texts: list[str], least: int) -> None:
    whole = "".join(texts)
    plain = Counter(whole)
    kept = {c for c, n in plain.items() if n >= least}
    ids, vocabulary = recoded(texts, DataConfig(min_count=least))
    assert isinstance(vocabulary, CharVocabulary)
    assert vocabulary.has_rare == (kept != set(plain))
    assert set(vocabulary.symbols) == kept | ({REPLACEMENT} if vocabulary.has_rare else set())
    assert "".join(vocabulary.symbols[i] for i in ids) == "".join(c if c in kept else REPLACEMENT for c in whole)
    found = rare_characters(plain, vocabulary)
    assert found == {c: n for c, n in plain.items() if c not in vocabulary.symbols}


@given(pieces)
def test_counts(texts: list[str]) -> None:
    whole = "".join(texts)
    for unit in ("char", "byte"):
        counted = make_tally(unit)
        for text in texts:
            counted.add(text)
        assert counted.counts() == {c: n for c, n in Counter(whole).items() if unit == "char" or c.isascii()}


@given(st.lists(st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from("a\ud800\uffff\U0010ffff")))))
def test_provisional_ids_are_those_of_a_dictionary(texts: list[str]) -> None:
    """Lone surrogates too, and pieces each of which goes beyond the ones before it."""
    tally, truth = CharTally(), {chr(i): i for i in range(128)}
    for text in texts:
        for new in sorted(set(text) - truth.keys()):
            truth[new] = len(truth)
        assert tally.add(text).tolist() == [truth[c] for c in text]
    whole = "".join(texts)
    assert tally.counts() == dict(Counter(whole))
    vocabulary = CharVocabulary(whole)
    recode = tally.recoder(vocabulary)
    assert [recode(tally.add(text)).tolist() for text in texts] == [vocabulary.encode(text).tolist() for text in texts]


def test_counting_takes_memory_for_what_was_met_only() -> None:
    def table_bytes(text: str) -> int:
        tally = CharTally()
        tally.add(text)
        return sum(table.nbytes for table in (tally._ids, tally._points, tally._counts))

    assert table_bytes("plain text\n") < 2_500
    assert table_bytes("naïve") < 5_000
    assert table_bytes("пишет") < 10_000
    assert table_bytes("\U0001f600") < 600_000


@given(st.binary())
def test_bytes_counted_in_pairs_are_bytes_counted(data: bytes) -> None:
    assert count_bytes(np.frombuffer(data, dtype=np.uint8)).tolist() == [data.count(i) for i in range(256)]


@pytest.mark.parametrize(("symbols", "dtype"), [(128, np.uint8), (129, np.uint16), (65_408, np.uint16), (65_409, np.uint32)])
def test_provisional_ids_take_the_smallest_type(symbols: int, dtype: type) -> None:
    counted = make_tally("char")  # where 128 numbers are for ASCII
    ids = counted.add("".join(map(chr, range(0x10000, 0x10000 + symbols))))
    assert ids.dtype == dtype
    assert len(set(ids.tolist())) == symbols


def test_controls_are_all_but_tabs_and_line_ends() -> None:
    every = dict.fromkeys(map(chr, range(0x110000)), 1)
    assert set(controls(every)) == {c for c in every if unicodedata.category(c) == "Cc"} - set("\t\r\n")


def test_a_given_vocabulary_stays_or_is_extended() -> None:
    given, counts = CharVocabulary("ace"), Counter("abbbc")
    assert choose_vocabulary(Counter("cea"), DataConfig(), given) is given
    with pytest.raises(TextError, match=r"not in the vocabulary: 3 of the text's characters, 1 kind: 'b' \(U\+0062\)"):
        choose_vocabulary(counts, DataConfig(), given)
    assert choose_vocabulary(counts, DataConfig(), given, extend=True) == CharVocabulary("abce")


def test_a_given_vocabulary_with_rare_characters_knows_all() -> None:
    given = CharVocabulary(f"a{REPLACEMENT}", has_rare=True)
    assert choose_vocabulary(Counter("xyz"), DataConfig(), given) is given
    assert choose_vocabulary(Counter("xa"), DataConfig(), given, extend=True) == CharVocabulary(
        f"ax{REPLACEMENT}", has_rare=True
    )


def test_more_symbols_than_any_text_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_SYMBOLS", 3)
    assert choose_vocabulary(Counter("abc"), DataConfig()).size == 3
    with pytest.raises(TextError, match=r"4 different characters; the most is 3: data\.unit='byte' .* data\.min_count=2"):
        choose_vocabulary(Counter("abcd"), DataConfig())
