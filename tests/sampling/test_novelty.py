from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charlstm.config import DataConfig
from charlstm.sampling.novelty import LEAST_COPY, Copied, CopyIndex, index_corpus
from charlstm.text.corpus import corpus_of
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

FOX = "The quick brown fox jumps over the lazy dog.\n"
# Few letters make long runs and many repetitions; some lie beyond one byte, and beyond two.
few = st.text("ab★🙂", max_size=60)
periodic = st.builds(
    lambda piece, times, end: piece * times + end, st.text("abc", min_size=1, max_size=4), st.integers(1, 30), few
)


def index_of(text: str) -> CopyIndex:
    vocabulary = CharVocabulary(text)
    return CopyIndex(vocabulary.encode(text), vocabulary)


def longest_common_run(text: str, corpus: str) -> int:
    """By dynamic programming: how long the runs are that end at each pair of characters."""
    longest, before = 0, [0] * (len(corpus) + 1)
    for a in text:
        row = [0] + [before[j] + 1 if a == b else 0 for j, b in enumerate(corpus)]
        longest, before = max(longest, *row), row
    return longest


@given(st.one_of(few, periodic), st.one_of(few.filter(bool), periodic))
@example("a" * 50, "a" * 30)
@example(FOX, FOX)
@example("ab" * 9, "ab" * 40)
@example("", "a")
def test_it_measures_what_a_plain_search_finds(text: str, corpus: str) -> None:
    found = index_of(corpus).measure(text)
    assert found.longest == longest_common_run(text, corpus)
    run = text[found.begin : found.begin + found.longest]
    assert run == corpus[found.at : found.at + found.longest]
    assert not found.longest or found.begin == min(
        i for i in range(len(text)) if text[i : i + found.longest] in corpus and i + found.longest <= len(text)
    )
    windows = [text[i : i + LEAST_COPY] for i in range(len(text) - LEAST_COPY + 1)]
    assert (found.windows, found.copied) == (len(windows), sum(window in corpus for window in windows))


def test_a_text_between_new_words() -> None:
    found = index_of(FOX * 3).measure("Look: quick brown fox jumps, ha!")
    assert (found.longest, found.begin) == (len(" quick brown fox jumps"), 5)
    assert found.at in (3, 3 + len(FOX), 3 + 2 * len(FOX))
    assert (found.windows, found.copied, found.share) == (13, 3, 3 / 13)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Copied(0, 0, 0, 0, 0)),
        ("§§§", Copied(0, 0, 0, 0, 0)),
        ("dog.\n", Copied(5, 0, 40, 0, 0)),  # at the very end of the corpus
        ("dog.\nThe", Copied(5, 0, 40, 0, 0)),  # and not around it
        ("x" + FOX[:19], Copied(19, 1, 0, 1, 0)),  # one character less than a window
        (FOX[:20] + "§" + FOX[-20:], Copied(20, 0, 0, 22, 2)),
    ],
)
def test_edges(text: str, expected: Copied) -> None:
    assert index_of(FOX).measure(text) == expected


@pytest.mark.parametrize("symbols", [range(0x21, 0x100), range(0x4E00, 0x5800), range(0x1F300, 0x1F300 + 70_000)])
def test_every_size_of_ids(symbols: range) -> None:
    points = np.random.default_rng(1).choice(np.array(symbols, dtype=np.uint32), 100_000)
    corpus = "".join(map(chr, points))
    found = index_of(corpus).measure("?" + corpus[70_000:70_050] + "?")
    assert found == Copied(50, 1, 70_000, 33, 31)


def test_a_corpus_that_is_mapped_and_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.text.corpus.IN_MEMORY", 100)
    for text in (FOX * 9, "".join(map(chr, range(200, 600)))):
        corpus = corpus_of(text)
        assert not corpus.ids.flags.writeable
        assert isinstance(corpus.vocabulary, CharVocabulary)
        assert CopyIndex(corpus.ids, corpus.vocabulary).measure(text).longest == len(text)


def test_a_copy_of_all_of_it() -> None:
    corpus = "".join(map(chr, np.random.default_rng(2).integers(97, 123, 50_000)))
    assert index_of(corpus).measure(corpus) == Copied(50_000, 0, 0, 49_981, 49_981)


@pytest.mark.parametrize("vocabulary", [ByteVocabulary("nfc"), CharVocabulary("caf\n", "nfc")])
def test_a_corpus_is_read_as_the_models_text_was(tmp_path: Path, vocabulary: ByteVocabulary | CharVocabulary) -> None:
    (tmp_path / "a").write_bytes("cafe\u0301\r\n".encode())
    (tmp_path / "b").write_bytes(b"end")
    trained = DataConfig(newlines="lf", separator="--")
    index = index_corpus([str(tmp_path / "a"), str(tmp_path / "b")], trained, vocabulary, lambda done, total: None)
    assert index.measure("café\n--end").longest == len("café\n--end")
    assert index.measure("xcaféx").longest == 4


def test_a_model_of_bytes_is_compared_with_what_is_no_text(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4
    (tmp_path / "a").write_bytes(data)
    index = index_corpus([str(tmp_path / "a")], DataConfig(unit="byte"), ByteVocabulary())
    copied = data[100:180].decode("utf-8", "surrogateescape")
    found = index.measure("\xff" + copied + "é")
    assert (found.begin, found.longest, found.at % 256) == (1, 80, 100)
