from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError
from charlstm.model.char_lstm import CharLSTM
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.generate import (
    Cursor,
    Row,
    encode_prime,
    generate,
    generate_pieces,
    generate_text,
    in_order,
    read_ids,
    without_unknown,
)
from charlstm.sampling.stops import NO_END, Ending
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

LETTERS = CharVocabulary("abcdefghijk")


@pytest.fixture
def engine(make_model: Callable[..., CharLSTM]) -> TorchEngine:
    return TorchEngine(make_model())


def config(**settings: Any) -> SampleConfig:
    return SampleConfig(**{"prime": "ab", "length": 30, **settings})


def texts_of(engine: TorchEngine, settings: SampleConfig, seed: int, count: int) -> list[str]:
    cursor = read_ids(engine, LETTERS.encode(settings.prime))
    texts = [""] * count
    for number, piece in generate_pieces(engine, Controls(settings, LETTERS), cursor, seed, count):
        texts[number] += piece
    return texts


def test_a_seed_decides_the_text_and_each_prefix_of_it(engine: TorchEngine) -> None:
    texts = [
        "".join(generate_text(engine, Controls(config(length=length), LETTERS), seed))
        for length, seed in ((60, 1), (60, 1), (20, 1), (60, 2))
    ]
    assert [len(text) for text in texts] == [60, 60, 20, 60]
    assert texts[0] == texts[1]
    assert texts[0].startswith(texts[2])
    assert texts[0] != texts[3]


def test_each_id_is_fed_back(engine: TorchEngine) -> None:
    text = LETTERS.encode("ab" + "".join(generate_text(engine, Controls(config(temperature=0, length=10), LETTERS), 0)))
    for n in range(10):
        assert read_ids(engine, text[: 2 + n]).logits[0].argmax() == text[2 + n]


def test_each_character_takes_one_number_of_the_texts_own_generator(engine: TorchEngine) -> None:
    """The loop once more, as simply as it can be written."""
    settings = config(repetition_penalty=1.5, penalty_window=3, length=150)
    controls, generator, ids = Controls(settings, LETTERS), np.random.default_rng(9), [0, 1]
    for _ in range(150):
        ids += controls.choose(read_ids(engine, np.array(ids)).logits, [ids], np.array([generator.random()])).tolist()
    assert "".join(generate_text(engine, Controls(settings, LETTERS), 9)) == LETTERS.decode(ids[2:])


def test_a_text_is_the_same_whatever_is_written_beside_it(engine: TorchEngine) -> None:
    settings = config(stop=("a", "cb"), min_length=3, length=150)
    alone = ["".join(generate_text(engine, Controls(settings, LETTERS), 20 + i)) for i in range(9)]
    assert len({len(text) for text in alone}) > 3, "they leave the batch at different times"
    for count in (1, 2, 9):
        assert texts_of(engine, settings, 20, count) == alone[:count]


def test_more_texts_than_go_into_a_batch(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texts_of(engine, config(), 0, 7)
    monkeypatch.setattr("charlstm.sampling.generate.TOGETHER", 3)
    assert texts_of(engine, config(), 0, 7) == whole


def test_a_texts_last_piece_comes_when_it_has_ended(engine: TorchEngine) -> None:
    settings = config(stop=("a",))
    cursor, controls = read_ids(engine, LETTERS.encode("ab")), Controls(settings, LETTERS)
    rows = [Row(controls, cursor, seed) for seed in range(5)]
    last: dict[Row, str | None] = {}
    for row, _ in generate(engine, controls, cursor, rows):
        assert last.get(row) is None, "nothing comes after it"
        last[row] = row.ending.reason
    assert list(last) != []
    assert all(last[row] for row in rows)


@given(st.lists(st.tuples(st.integers(0, 3), st.text("xy", max_size=2)), max_size=12))
def test_pieces_of_many_texts_are_put_in_order(pieces: list[tuple[int, str]]) -> None:
    class Fake:
        def __init__(self, number: int) -> None:
            self.number, self.ending = number, Ending([], NO_END)

    fakes = [Fake(number) for number in range(4)]

    def written() -> object:
        for number, piece in pieces:
            yield fakes[number], piece
        for fake in reversed(fakes):
            fake.ending.reason = "length"
            yield fake, "."

    found = list(in_order(written(), 0))  # type: ignore[arg-type]
    assert [number for number, _ in found] == sorted(number for number, _ in found)
    for number in range(4):
        expected = "".join(piece for of, piece in pieces if of == number) + "."
        assert "".join(piece for of, piece in found if of == number) == expected
    first = [piece for number, piece in found if number == 0]
    assert first == [piece for number, piece in pieces if number == 0] + ["."], "as they come"


def test_a_cursor_can_be_read_on_from_as_often_as_one_likes(engine: TorchEngine) -> None:
    whole = read_ids(engine, LETTERS.encode("abcdefgh"))
    part = read_ids(engine, LETTERS.encode("abc"))
    for _ in range(2):
        again = read_ids(engine, LETTERS.encode("defgh"), part)
        assert np.allclose(again.logits, whole.logits, atol=1e-6)
        assert again.history.tolist() == whole.history.tolist()
        controls = Controls(config(), LETTERS)
        list(generate(engine, controls, part, [Row(controls, part, 3)]))


def test_a_long_prime_is_read_piece_by_piece(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = LETTERS.encode("abcdefghijk" * 9)
    whole = read_ids(engine, ids)
    monkeypatch.setattr("charlstm.sampling.generate._READ_AT_ONCE", 10)
    monkeypatch.setattr("charlstm.sampling.generate.HISTORY_LENGTH", 5)
    pieces = read_ids(engine, ids)
    assert np.allclose(pieces.logits, whole.logits, atol=1e-6)
    assert pieces.history.tolist() == ids[-5:].tolist()
    assert read_ids(engine, LETTERS.encode("abc"), pieces).history.tolist() == LETTERS.encode("jkabc").tolist()


class Endless:
    """An engine that does nothing, at once."""

    logits = np.zeros((1, 11), dtype=np.float32)

    def prefill(self, ids: np.ndarray, state: object = None) -> tuple[np.ndarray, None]:
        return self.logits, None

    def step(self, ids: np.ndarray, state: object) -> tuple[np.ndarray, None]:
        return self.logits, None


def test_a_text_without_an_end_takes_no_more_memory_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.sampling.generate.HISTORY_LENGTH", 100)
    settings = config(repetition_penalty=1.1, stop=("aaaaaaaa",)).model_copy(update={"length": NO_END})
    pieces = generate_text(Endless(), Controls(settings, LETTERS), 1)  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        held = []
        for _ in range(2):
            assert sum(1 for _ in islice(pieces, 5000)) == 5000
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 2000, "bytes, for 5,000 characters more"


def test_bytes_are_written_as_whole_characters(make_model: Callable[..., CharLSTM]) -> None:
    controls = Controls(SampleConfig(prime="é", length=40), ByteVocabulary())
    text = "".join(generate_text(TorchEngine(make_model(256)), controls, 3))
    assert len(text) == 40


def test_stop_texts_are_normalised_like_what_the_model_writes(make_model: Callable[..., CharLSTM]) -> None:
    vocabulary = CharVocabulary("aé", normalize="nfc")
    settings = SampleConfig(prime="a", stop=("e\u0301",), length=500, temperature=1)
    text = "".join(generate_text(TorchEngine(make_model(2)), Controls(settings, vocabulary), 3))
    assert len(text) < 500
    assert set(text) <= {"a"}


def test_unknown_characters_of_the_prime(engine: TorchEngine) -> None:
    with pytest.raises(CharlstmError, match=r"'é' \(U\+00E9\), '★' \(U\+2605\)"):
        generate_text(engine, Controls(config(prime="aéb★"), LETTERS), 0)
    assert without_unknown("aéb★", LETTERS) == "ab"
    with pytest.raises(CharlstmError, match="no character of the prime '★'"):
        without_unknown("★", LETTERS)
    with pytest.raises(CharlstmError, match="empty"):
        generate_text(engine, Controls(SampleConfig(), LETTERS), 0)
    with pytest.raises(CharlstmError, match="empty"):
        encode_prime("", LETTERS)


def test_controls_that_do_not_fit_the_vocabulary_are_found_before_anything_is_written(engine: TorchEngine) -> None:
    with pytest.raises(CharlstmError, match="★"):
        generate_text(engine, Controls(config(ban="★"), LETTERS), 0)


def test_a_cursor_is_a_value(engine: TorchEngine) -> None:
    cursor = read_ids(engine, LETTERS.encode("ab"))
    assert isinstance(cursor, Cursor)
    with pytest.raises(AttributeError):
        cursor.state = None  # type: ignore[misc]
