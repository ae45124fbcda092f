from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from charlstm.engines import Engine, OnnxEngine, TorchEngine, open_engine
from charlstm.engines.onnx_engine import quantize
from charlstm.model import CharLSTM

TOLERANCE = {TorchEngine: 1e-5, OnnxEngine: 0.02}  # what 8-bit weights may differ by
PRIME = np.random.default_rng(1).integers(0, 11, (30, 3))


@pytest.fixture(params=[TorchEngine, OnnxEngine])
def make_engine(request: pytest.FixtureRequest) -> Callable[[CharLSTM], Engine]:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("settings", [{}, {"embedding_size": 0}, {"num_layers": 1}, {"num_layers": 3, "hidden_size": 200}])
def test_stepping_through_a_text_is_what_the_model_computes(
    make_model: Callable[..., CharLSTM], make_engine: Callable[[CharLSTM], Engine], settings: dict[str, int]
) -> None:
    model = make_model(**settings)
    engine = make_engine(model)
    with torch.no_grad():
        expected = model(torch.from_numpy(PRIME))[0].numpy()
    logits, state = engine.prefill(PRIME[:5])
    for t in range(5, len(PRIME)):
        assert logits == pytest.approx(expected[t - 1], abs=TOLERANCE[type(engine)])
        logits, state = engine.step(PRIME[t], state)
    assert logits.shape == (3, 11)


def test_prefill_in_parts_and_from_a_stepped_state(
    make_model: Callable[..., CharLSTM], make_engine: Callable[[CharLSTM], Engine]
) -> None:
    engine = make_engine(make_model())
    whole, _ = engine.prefill(PRIME)
    _, state = engine.prefill(PRIME[:10])
    _, state = engine.step(PRIME[10], state)
    parts, _ = engine.prefill(PRIME[11:], state)
    assert parts == pytest.approx(whole, abs=TOLERANCE[type(engine)])


def test_a_state_is_a_value(make_model: Callable[..., CharLSTM], make_engine: Callable[[CharLSTM], Engine]) -> None:
    engine = make_engine(make_model())
    _, state = engine.prefill(PRIME)
    first, _ = engine.step(PRIME[0], state)
    engine.step(PRIME[1], state)
    again, _ = engine.step(PRIME[0], state)
    assert np.array_equal(first, again)


def test_a_long_prime_is_read_in_chunks(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(), np.random.default_rng(2).integers(0, 11, (2500, 1))
    with torch.no_grad():
        expected = model(torch.from_numpy(ids))[0][-1].numpy()
    assert TorchEngine(model).prefill(ids)[0] == pytest.approx(expected, abs=1e-5)


def test_the_cpu_gets_the_engine_without_the_penalty(make_model: Callable[..., CharLSTM]) -> None:
    assert isinstance(open_engine(make_model()), OnnxEngine)


@pytest.mark.parametrize("shape", [(4, 128), (3, 130), (5, 7), (2, 512)])
def test_quantised_weights_are_within_half_a_step(shape: tuple[int, int]) -> None:
    weight = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    weight[0] = 0
    scales, values = quantize(weight)
    back = ((values.astype(np.float32) - 128) * scales[..., None]).reshape(shape[0], -1)[:, : shape[1]]
    assert np.abs(back - weight).max() <= scales.max() / 2 * 1.001
    assert not back[0].any()


def test_selected_rows_go_on_as_they_would_have(
    make_model: Callable[..., CharLSTM], make_engine: Callable[[CharLSTM], Engine]
) -> None:
    engine = make_engine(make_model())
    _, state = engine.prefill(PRIME[:5])
    all_rows, _ = engine.step(PRIME[5], state)
    some, _ = engine.step(PRIME[5][[2, 0, 0]], engine.select(state, [2, 0, 0]))
    assert some == pytest.approx(all_rows[[2, 0, 0]], abs=1e-5)
    again, _ = engine.step(PRIME[5], state)
    assert (again == all_rows).all()
