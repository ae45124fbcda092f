from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.asked import Asked
from charlstm.config import Config, load_config
from charlstm.errors import CharlstmError, TextError
from charlstm.text.batches import MIN_CHARACTERS
from charlstm.text.corpus import corpus_of, read_corpus
from charlstm.text.vocabulary import ByteVocabulary
from charlstm.training.prepared import prepare, prepare_for_search
from tests.conftest import prepare_text


def test_split_lies_where_the_text_says(make_config: Callable[..., Config]) -> None:
    prepared = prepare_text("ab" * 500, make_config("data.validation=0.2"))
    assert (prepared.split, len(prepared.ids)) == (800, 1000)
    assert np.array_equal(prepared.ids, np.tile([0, 1], 500))


def test_a_search_sees_nothing_of_what_a_run_is_validated_on(make_config: Callable[..., Config]) -> None:
    config = make_config("data.validation=0.2", "data.test=50")
    corpus = corpus_of("ab" * 375 + "c" * 250, config.data)
    prepared = prepare_for_search(corpus, Asked.all_of(config))
    assert (prepared.split, prepared.end, len(prepared.ids), prepare(corpus, Asked.all_of(config)).split) == (
        675,
        750,
        750,
        750,
    )
    assert not prepared.vocabulary.unknown("c"), "the model is that of the whole text"
    assert set(prepared.ids.tolist()) == {0, 1}


def test_bytes_are_split_as_bytes_even_within_a_character(make_config: Callable[..., Config]) -> None:
    prepared = prepare_text("é" * 1005, make_config("data.unit=byte", "data.validation=0.5"))
    assert (prepared.split, len(prepared.ids), prepared.vocabulary.size) == (1005, 2010, 256)


def test_the_resolved_configuration_is_the_vocabularys(make_config: Callable[..., Config]) -> None:
    corpus = read_corpus(["builtin:python-docs"], vocabulary=ByteVocabulary("nfc"))
    data = prepare(corpus, Asked.all_of(make_config())).config.data
    assert (data.unit, data.normalize) == ("byte", "nfc")


def test_what_was_shrunk_lands_in_the_configuration(make_config: Callable[..., Config]) -> None:
    config = prepare_text("ab" * 100, make_config("train.batch_size=64", "train.seq_len=100")).config
    assert config.train.batch_size * config.train.seq_len < 100
    assert config.train.epochs == make_config().train.epochs


@pytest.mark.parametrize(("text", "prime"), [("zAb" * 20, "A"), ("zab" * 20, "z")])
def test_the_default_prime(make_config: Callable[..., Config], text: str, prime: str) -> None:
    assert prepare_text(text, make_config()).config.sample.prime == prime


def test_the_default_prime_is_no_character_that_was_left_out(make_config: Callable[..., Config]) -> None:
    assert prepare_text("zab" * 20 + "A", make_config("data.min_count=2")).config.sample.prime == "z"


def test_a_prime_that_the_text_lacks_is_refused(make_config: Callable[..., Config]) -> None:
    with pytest.raises(TextError, match=r"sample.prime = 'ROMEO:'.*'R'"):
        prepare_text("abc" * 50, make_config("sample.prime=ROMEO:"))


def test_controls_that_the_text_makes_impossible(make_config: Callable[..., Config]) -> None:
    with pytest.raises(CharlstmError, match=r"sample.ban.*'★'"):
        prepare_text("abc" * 50, make_config("sample.ban=★"))


@given(st.integers(1, 60), st.sampled_from([0.01, 0.1, 0.5]))
def test_a_short_text_is_trained_on_or_refused(length: int, share: float) -> None:
    config = load_config(None, [f"data.validation={share}"])
    left = int(length * (1 - share))
    if left < MIN_CHARACTERS:
        with pytest.raises(TextError, match=f"leave {left} to learn from, and the minimum is {MIN_CHARACTERS}$"):
            prepare_text("x" * length, config)
    else:
        prepared = prepare_text("x" * length, config)
        assert (prepared.split, prepared.end) == (left, length)


def test_what_is_kept_for_a_test_comes_after_the_validation_part(make_config: Callable[..., Config]) -> None:
    prepared = prepare_text("ab" * 500, make_config("data.validation=0.2", "data.test=50"))
    assert (prepared.split, prepared.end, len(prepared.ids)) == (750, 950, 1000)
    assert prepared.layout.characters == 750


def test_a_search_keeps_a_part_to_compare_by_where_a_run_validates_on_none(make_config: Callable[..., Config]) -> None:
    corpus = prepare_text("ab" * 500, make_config()).corpus
    prepared = prepare_for_search(corpus, Asked.all_of(make_config("data.validation=0", "data.test=100")))
    assert (prepared.split, prepared.end, len(prepared.ids)) == (810, 900, 900)


@pytest.mark.parametrize(
    ("text", "learned"),
    [
        ("a\r\nb\r\n" * 99, ("\r\n",)),
        ("a\nb\n" * 99 + "\r\n", ("\n", "\r\n")),
        ("a\rb\r" * 99, ("\r",)),
        ("a\nb\n" * 99, ("\n",)),
    ],
)
@pytest.mark.parametrize("unit", ["char", "byte"])
def test_the_line_ends_of_a_text_are_known(
    make_config: Callable[..., Config], text: str, learned: tuple[str, ...], unit: str
) -> None:
    prepared = prepare_text(text, make_config(f"data.unit={unit}", 'sample.prime="a\\n"'))
    assert prepared.vocabulary.line_ends.learned == learned
    assert prepared.config.sample.prime == "a\n", "as it was asked for"
