from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from charlstm.config import SampleConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.softmax import log_softmax
from charlstm.sampling.beam import beam_search
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines import Engine
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.types import EngineState, Logits
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary
from tests.sampling.engines.test_engines import onnx

ABC = CharVocabulary("abc")
PRIME = ABC.encode("ab")


@pytest.fixture(params=[TorchEngine, onnx])
def engine(request: pytest.FixtureRequest, make_model: Callable[..., CharLSTM]) -> Engine:
    """Of a model whose random weights are large enough that it prefers some characters to others."""
    model = make_model(3, hidden_size=12)
    for parameter in model.parameters():
        parameter.data *= 8
    return request.param(model)  # type: ignore[no-any-return]


def scorer(engine: Engine, config: SampleConfig) -> Callable[[str], float]:
    """What finds the log-probability of a text after the prime, one character at a time; a beginning is read once for all."""
    controls = Controls(config.model_copy(update={"temperature": 1.0, "top_k": 0}), ABC)

    @cache
    def read(text: str) -> tuple[Logits, EngineState]:
        if not text:
            return engine.prefill(PRIME.astype(np.int64)[:, None])
        return engine.step(ABC.encode(text[-1]).astype(np.int64), read(text[:-1])[1])

    @cache
    def score(text: str) -> float:
        if not text:
            return 0.0
        before = text[:-1]
        filtered = controls.filtered(read(before)[0], [ABC.encode("ab" + before).tolist()])
        return score(before) + float(log_softmax(filtered)[0, ABC.encode(text[-1])[0]])

    return score


def ends(text: str, config: SampleConfig) -> bool:
    return any(text.endswith(stop) and len(text) - len(stop) >= config.min_length for stop in config.stop)


def exhaustive(engine: Engine, config: SampleConfig) -> tuple[str, float]:
    """The best of all texts that there are."""
    all_of_them = {
        next((text[:n] for n in range(1, len(text)) if ends(text[:n], config)), text)
        for text in map("".join, itertools.product("abc", repeat=config.length))
    }
    score = scorer(engine, config)
    scored = {text: score(text) for text in sorted(all_of_them)}
    best = max(scored, key=lambda text: scored[text] / len(text))
    return best, scored[best]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ban": "b", "top_k": 1, "temperature": 0.1},
        {"bias": ("a=2", "c=-1")},
        {"repetition_penalty": 3.0, "penalty_window": 2},
        {"no_repeat_ngram": 2},
        {"stop": ("bb", "ca")},
        {"stop": ("b",), "min_length": 2},
        {"stop": ("a", "b", "c")},
    ],
)
def test_a_beam_that_holds_everything_finds_the_best_of_all_texts(engine: Engine, settings: dict[str, Any]) -> None:
    config = SampleConfig(length=5, **settings)
    text, score = exhaustive(engine, config)
    found = beam_search(engine, Controls(config, ABC), 3**5, PRIME)
    assert found.log_probability == pytest.approx(score, abs=1e-4)
    assert found.text + (found.stop or "") == text
    assert (found.stop is not None) == ends(text, config)


def test_width_1_takes_the_most_probable_each_time(engine: Engine) -> None:
    config, written = SampleConfig(length=12), ""
    score = scorer(engine, config)
    while len(written) < 12:
        written += max("abc", key=lambda c: score(written + c))
    assert beam_search(engine, Controls(config, ABC), 1, PRIME).text == written


def test_a_wider_beam_finds_what_the_most_probable_character_each_time_misses(engine: Engine) -> None:
    config = SampleConfig(length=6)
    greedy, found = (beam_search(engine, Controls(config, ABC), width, PRIME) for width in (1, 9))
    assert greedy.text != found.text
    assert greedy.log_probability < found.log_probability < 0
    assert found == beam_search(engine, Controls(config, ABC), 9, PRIME)
    assert found.log_probability == pytest.approx(scorer(engine, config)(found.text), abs=1e-4)


def test_a_stop_text_that_the_model_cannot_write_stops_nothing(engine: Engine) -> None:
    found = beam_search(engine, Controls(SampleConfig(length=4, stop=("x",)), ABC), 2, PRIME)
    assert (len(found.text), found.stop) == (4, None)


def test_bytes(make_model: Callable[..., CharLSTM]) -> None:
    config = SampleConfig(length=4, allow="ab")
    controls = Controls(config, ByteVocabulary())
    found = beam_search(TorchEngine(make_model(256)), controls, 2, ByteVocabulary().encode("é"))
    assert len(found.text) == 4
    assert set(found.text) <= {"a", "b"}
