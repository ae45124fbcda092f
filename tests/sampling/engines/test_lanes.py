from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from charlstm.model.char_lstm import CharLSTM
from charlstm.sampling.engines import lanes
from charlstm.sampling.engines.onnx_engine import OnnxEngine, OnnxState
from charlstm.sampling.types import Logits, Precision
from charlstm.text.types import Ids
from tests.sampling.engines.test_engines import onnx


@pytest.fixture(autouse=True)
def short_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LEAST", 100)
    monkeypatch.setattr(lanes, "LANE_WARM_UP", 50)


def stepped(engine: OnnxEngine, ids: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The slower truth."""
    state = engine.zero_state(1)
    for column in ids:
        logits, state = engine.step(column, state)
    return logits, engine.arrays(state)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("length", [1, 199, 200, 201, 1000, 5001])
def test_reading_in_lanes_is_reading(make_model: Callable[..., CharLSTM], precision: Precision, length: int) -> None:
    engine = onnx(make_model(), precision)
    ids = np.random.default_rng(length).integers(0, 11, (length, 1))
    logits, state = engine.prefill(ids)
    expected, arrays = stepped(engine, ids)
    assert logits == pytest.approx(expected, abs=1e-5 if precision == "float32" else 0.02)
    for array, truth in zip(engine.arrays(state), arrays, strict=True):
        assert array == pytest.approx(truth, abs=1e-4 if precision == "float32" else 3)


def test_from_a_state_that_is_not_zero(make_model: Callable[..., CharLSTM]) -> None:
    engine = onnx(make_model())
    ids = np.random.default_rng(5).integers(0, 11, (900, 1))
    _, middle = engine.prefill(ids[:150])
    assert engine.prefill(ids[150:], middle)[0] == pytest.approx(stepped(engine, ids)[0], abs=1e-5)


@pytest.mark.parametrize("lasting", [0.0, 2.0, 30.0])
def test_what_is_remembered_for_long_is_not_lost(make_model: Callable[..., CharLSTM], lasting: float) -> None:
    """Symbol 0 fills every cell, the others leave them as they are for as long as the forget gates' bias tells."""
    model = make_model(11, num_layers=1, embedding_size=0)
    H = model.config.hidden_size
    for name, p in model.lstm.named_parameters():
        p.data.zero_()
        if name.startswith("weight_ih"):
            p.data[:H] = -30  # the input gate is shut ...
            p.data[:H, 0] = 30  # ... but for symbol 0
            p.data[2 * H : 3 * H, 0] = 30
        if name.startswith("bias_ih"):
            p.data[H : 2 * H] = lasting
            p.data[3 * H :] = 30
    engine = onnx(model)
    ids = np.random.default_rng(6).integers(1, 11, (4000, 1))
    ids[17] = 0
    assert engine.prefill(ids)[0] == pytest.approx(stepped(engine, ids)[0], abs=1e-5)


def test_lanes_are_what_is_read(make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = onnx(make_model())
    step = engine.step
    steps: list[int] = []

    def step_and_note(ids: Ids, state: OnnxState) -> tuple[Logits, OnnxState]:
        steps.append(len(ids))
        return step(ids, state)

    monkeypatch.setattr(engine, "step", step_and_note)
    engine.prefill(np.zeros((3201, 1), dtype=np.int64))
    assert max(steps) == lanes.MOST_LANES
    assert len(steps) < 400
