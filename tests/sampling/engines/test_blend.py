from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from charlstm.errors import CharlstmError
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.softmax import log_softmax
from charlstm.sampling.engines import Engine
from charlstm.sampling.engines.blend import BlendEngine, require_same_vocabulary
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary
from tests.sampling.engines.test_engines import onnx

IDS = np.random.default_rng(1).integers(0, 11, (6, 2))


@pytest.fixture
def engines(make_model: Callable[..., CharLSTM]) -> list[Engine]:
    return [TorchEngine(make_model(11)), onnx(make_model(11, hidden_size=24, num_layers=1))]


def after(engine: Engine, ids: np.ndarray) -> np.ndarray:
    """Log-probabilities after ids that were read in all ways there are."""
    _, state = engine.prefill(ids[:2])
    _, state = engine.prefill(ids[2:4], state)
    _, state = engine.step(ids[4], engine.select(engine.select(state, [1, 0]), [1, 0]))
    return log_softmax(engine.step(ids[5], state)[0])


def test_a_blend_is_the_product_of_probabilities(engines: list[Engine]) -> None:
    first, second = (np.exp(after(engine, IDS)) for engine in engines)
    product = first**0.25 * second**0.75
    expected = np.log(product / product.sum(axis=1, keepdims=True))
    assert after(BlendEngine(engines, [1, 3]), IDS) == pytest.approx(expected, abs=1e-5)
    assert after(BlendEngine(engines, [0.5, 1.5]), IDS) == pytest.approx(expected, abs=1e-5), "only the proportion counts"


def test_a_blend_of_a_model_with_itself_is_that_model(engines: list[Engine]) -> None:
    blended, _ = BlendEngine([engines[0]] * 2, [1, 1]).prefill(IDS)
    assert blended == pytest.approx(engines[0].prefill(IDS)[0], abs=1e-6), "its logits too, which a penalty looks at"


def test_the_state_of_a_blend_is_a_value(engines: list[Engine]) -> None:
    engine = BlendEngine(engines, [1, 1])
    _, state = engine.prefill(IDS)
    first, _ = engine.step(IDS[0], state)
    engine.step(IDS[1], state)
    assert (engine.step(IDS[0], state)[0] == first).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "part"),
    [
        (CharVocabulary("abc"), CharVocabulary("abé"), "only here is 'c' (U+0063); only there is 'é' (U+00E9)"),
        (CharVocabulary("abc"), CharVocabulary("ab"), "the vocabularies differ: only here is 'c' (U+0063)"),
        (CharVocabulary("a"), CharVocabulary("abcdefghijk"), "'i' (U+0069) and 2 more"),
        (CharVocabulary("abc"), ByteVocabulary(), "one model writes characters, that one bytes"),
        (CharVocabulary("abc"), CharVocabulary("abc", "nfc"), "data.normalize = 'none', that one 'nfc'"),
        (ByteVocabulary(), ByteVocabulary("nfc"), "data.normalize = 'none', that one 'nfc'"),
        (CharVocabulary("a\ufffd"), CharVocabulary("a\ufffd", has_rare=True), "U+FFFD stands for all rare characters"),
    ],
)
def test_a_vocabulary_that_differs_is_an_error_that_shows_how(ours: Vocabulary, theirs: Vocabulary, part: str) -> None:
    with pytest.raises(CharlstmError) as error:
        require_same_vocabulary(ours, theirs, "runs/other")
    assert str(error.value).startswith("can't blend with runs/other: ")
    assert part in str(error.value)
    assert str(error.value).isprintable()


def test_equal_vocabularies_may_be_blended() -> None:
    require_same_vocabulary(CharVocabulary("abc"), CharVocabulary("cba"))
    require_same_vocabulary(ByteVocabulary(), ByteVocabulary())
