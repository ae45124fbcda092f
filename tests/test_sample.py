from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from charlstm.config import SampleConfig
from charlstm.engines.torch_engine import TorchEngine
from charlstm.errors import CharlstmError
from charlstm.model import CharLSTM
from charlstm.sample import next_id, without_unknown, write_ids, write_text
from charlstm.vocabulary import ByteVocabulary, CharVocabulary

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], dtype=np.float32))
LETTERS = CharVocabulary("abcdefghijk")


def draw(count: int, **settings: float) -> np.ndarray:
    generator = np.random.default_rng(5)
    values = {"top_k": 0, "temperature": 1.0, **settings}
    ids = [next_id(LOGITS, int(values["top_k"]), values["temperature"], generator) for _ in range(count)]
    return np.bincount(ids, minlength=4) / count


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 3}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_k": 99}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, np.array([1, 16, 4, 9]) / 30),  # squared and normalised
        ({"temperature": 1e6}, [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_draws_follow_the_distribution(settings: dict[str, float], expected: list[float]) -> None:
    count = 20_000
    shares, expected = draw(count, **settings), np.array(expected)
    assert np.all(shares[expected == 0] == 0)
    kept = expected > 0
    chi_square = count * ((shares[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    assert chi_square < 16.3, "one in a thousand by chance, at 3 degrees of freedom; the seed is fixed"


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"temperature": 1e-300}, {"temperature": 1e-5}, {"top_k": 1}])
def test_the_most_probable(settings: dict[str, float]) -> None:
    assert draw(50, **settings).tolist() == [0, 1, 0, 0]


def test_a_seed_decides_the_text_and_each_prefix_of_it(make_model: Callable[..., CharLSTM]) -> None:
    engine = TorchEngine(make_model())
    texts = [
        "".join(write_text(engine, LETTERS, SampleConfig(prime="a", length=length), seed))
        for length, seed in ((60, 1), (60, 1), (20, 1), (60, 2))
    ]
    assert [len(text) for text in texts] == [60, 60, 20, 60]
    assert texts[0] == texts[1]
    assert texts[0].startswith(texts[2])
    assert texts[0] != texts[3]


def test_each_id_is_fed_back(make_model: Callable[..., CharLSTM]) -> None:
    engine = TorchEngine(make_model())
    greedy = SampleConfig(prime="ab", temperature=0)
    written = list(islice(write_ids(engine, np.array([0, 1]), greedy, 0), 10))
    for n in range(10):
        logits, _ = engine.prefill(np.array([0, 1, *written[:n]])[:, None])
        assert logits[0].argmax() == written[n]


def test_bytes_are_written_as_whole_characters(make_model: Callable[..., CharLSTM]) -> None:
    text = "".join(write_text(TorchEngine(make_model(256)), ByteVocabulary(), SampleConfig(prime="é", length=40), 3))
    assert len(text) == 40


def test_unknown_characters_of_the_prime(make_model: Callable[..., CharLSTM]) -> None:
    config = SampleConfig(prime="aéb★", length=3)
    with pytest.raises(CharlstmError, match=r"'é' \(U\+00E9\), '★' \(U\+2605\)"):
        write_text(TorchEngine(make_model()), LETTERS, config, 0)
    assert without_unknown(config, LETTERS).prime == "ab"
    with pytest.raises(CharlstmError, match="no character"):
        without_unknown(SampleConfig(prime="★"), LETTERS)
    with pytest.raises(CharlstmError, match="empty"):
        write_text(TorchEngine(make_model()), LETTERS, SampleConfig(), 0)
