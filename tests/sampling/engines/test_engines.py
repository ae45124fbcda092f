from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from charlstm.model.char_lstm import CharLSTM
from charlstm.sampling.engines import Engine
from charlstm.sampling.engines.graph import build_graph, quantize_blocks, quantize_rows
from charlstm.sampling.engines.onnx_engine import OnnxEngine
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.types import Precision

PRIME = np.random.default_rng(1).integers(0, 11, (30, 3))
MakeEngine = Callable[[CharLSTM], Engine]


def onnx(model: CharLSTM, precision: Precision = "float32") -> OnnxEngine:
    tensors = {name: p.detach().numpy() for name, p in model.state_dict().items()}
    return OnnxEngine(build_graph(tensors, model.config, precision))


ENGINES = {  # and what each may differ by from the model
    "torch": (TorchEngine, 1e-5),
    "float32": (onnx, 1e-5),
    "int8": (lambda model: onnx(model, "int8"), 0.02),
    "int4": (lambda model: onnx(model, "int4"), 0.3),
}


@pytest.fixture(params=ENGINES)
def kind(request: pytest.FixtureRequest) -> tuple[MakeEngine, float]:
    return ENGINES[request.param]  # type: ignore[return-value]


@pytest.mark.parametrize(
    "settings", [{}, {"embedding_size": 0}, {"num_layers": 1}, {"num_layers": 3, "hidden_size": 200}, {"hidden_size": 13}]
)
def test_stepping_through_a_text_is_what_the_model_computes(
    make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float], settings: dict[str, int]
) -> None:
    make_engine, tolerance = kind
    model = make_model(**settings)
    engine = make_engine(model)
    with torch.no_grad():
        expected = model(torch.from_numpy(PRIME))[0].numpy()
    logits, state = engine.prefill(PRIME[:5])
    for t in range(5, len(PRIME)):
        assert logits == pytest.approx(expected[t - 1], abs=tolerance)
        logits, state = engine.step(PRIME[t], state)
    assert logits.shape == (3, 11)


def test_prefill_in_parts_and_from_a_stepped_state(make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float]) -> None:
    engine = kind[0](make_model())
    whole, _ = engine.prefill(PRIME)
    _, state = engine.prefill(PRIME[:10])
    _, state = engine.step(PRIME[10], state)
    parts, _ = engine.prefill(PRIME[11:], state)
    assert parts == pytest.approx(whole, abs=1e-5)


def test_a_state_is_a_value(make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float]) -> None:
    engine = kind[0](make_model())
    _, state = engine.prefill(PRIME[:5])
    once, one = engine.step(PRIME[5], state)
    for _ in range(3):  # other branches, whose states are forgotten
        engine.step(PRIME[7], engine.step(PRIME[6], state)[1])
    again, two = engine.step(PRIME[5], state)
    assert (once == again).all()
    assert (engine.step(PRIME[6], one)[0] == engine.step(PRIME[6], two)[0]).all()


def test_copies_of_a_state_hold_it(make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float]) -> None:
    engine = kind[0](make_model())
    _, state = engine.prefill(PRIME[:5])
    expected, _ = engine.step(PRIME[5], state)
    copies = [copy.copy(state), copy.deepcopy(state)]
    del state
    for _ in range(2):
        other = copies.pop()
        for t in range(4):
            engine.step(PRIME[t], engine.step(PRIME[t + 1], other)[1])
        assert (engine.step(PRIME[5], other)[0] == expected).all()


@pytest.mark.parametrize("precision", ["float32", "int8", "int4"])
def test_threads_and_texts_beside_it_change_no_bit(make_model: Callable[..., CharLSTM], precision: Precision) -> None:
    """What one seed writes depends on neither."""
    model = make_model(hidden_size=100)
    graph = build_graph({n: p.detach().numpy() for n, p in model.state_dict().items()}, model.config, precision)
    alone = OnnxEngine(graph, threads=1)
    ids = np.random.default_rng(2).integers(11, size=(12, 33))

    def logits(engine: OnnxEngine, rows: slice) -> list[bytes]:
        state, found = engine.zero_state(len(range(33)[rows])), []
        for column in ids[:, rows]:
            step, state = engine.step(column, state)
            found.append(step)
        return [row.tobytes() for row in np.stack(found, axis=1)]

    expected = [logits(alone, slice(row, row + 1))[0] for row in range(33)]
    for engine in (alone, OnnxEngine(graph, threads=2), OnnxEngine(graph, threads=3)):
        for rows in (slice(0, 1), slice(4, 6), slice(3, 10), slice(0, 33)):
            assert logits(engine, rows) == expected[rows]


def test_memory_for_batches_that_are_over_goes(make_model: Callable[..., CharLSTM]) -> None:
    engine = onnx(make_model())
    state = engine.zero_state(40)
    for B in range(39, 0, -1):
        state = engine.select(state, range(B))
        _, state = engine.step(np.zeros(B, dtype=np.int64), state)
    assert len(engine._own.batches) <= 2


def test_many_states_that_are_held_take_no_more_than_their_buffers(make_model: Callable[..., CharLSTM]) -> None:
    engine = onnx(make_model())
    _, state = engine.prefill(PRIME[:1])
    held = [state]
    for t in range(20):
        _, state = engine.step(PRIME[t], state)
        held.append(state)
    assert len(engine._own.batches[3]._buffers) <= 22
    again = engine.prefill(PRIME[:1])[1]
    for t in range(20):
        assert all((a == b).all() for a, b in zip(engine.arrays(held[t]), engine.arrays(again), strict=True))
        _, again = engine.step(PRIME[t], again)
    assert len(engine._own.batches[3]._buffers) <= 24
    held.clear()
    for t in range(20):
        _, again = engine.step(PRIME[t], again)
    assert len(engine._own.batches[3]._buffers) <= 24


def test_logits_are_a_value(make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float]) -> None:
    engine = kind[0](make_model())
    logits, state = engine.prefill(PRIME)
    kept = logits.copy()
    engine.step(PRIME[0], state)
    assert (logits == kept).all()


def test_selected_rows_go_on_as_they_would_have(make_model: Callable[..., CharLSTM], kind: tuple[MakeEngine, float]) -> None:
    engine = kind[0](make_model())
    _, state = engine.prefill(PRIME[:5])
    all_rows, _ = engine.step(PRIME[5], state)
    some, _ = engine.step(PRIME[5][[2, 0, 0]], engine.select(state, [2, 0, 0]))
    assert some == pytest.approx(all_rows[[2, 0, 0]], abs=1e-5)
    again, _ = engine.step(PRIME[5], state)
    assert (again == all_rows).all()


@pytest.mark.parametrize("precision", ["float32", "int8", "int4"])
@pytest.mark.parametrize(("hidden_size", "vocabulary_size"), [(13, 11), (64, 11), (512, 65), (100, 300)])
def test_a_text_is_the_same_alone_and_among_others(
    make_model: Callable[..., CharLSTM], precision: Precision, hidden_size: int, vocabulary_size: int
) -> None:
    engine = onnx(make_model(vocabulary_size, hidden_size=hidden_size), precision)
    ids = np.random.default_rng(2).integers(0, vocabulary_size, (12, 33))
    logits, _ = engine.prefill(ids)
    for B in (1, 2, 7, 16):
        assert (engine.prefill(ids[:, :B])[0] == logits[:B]).all()
        assert (engine.prefill(ids[:, 33 - B :])[0] == logits[33 - B :]).all()


def test_a_prime_is_read_in_chunks_that_fit_into_memory(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(), np.random.default_rng(0).integers(0, 11, (3000, 1))
    with torch.no_grad():
        expected = model(torch.from_numpy(ids))[0][-1].numpy()
    assert TorchEngine(model).prefill(ids)[0] == pytest.approx(expected, abs=1e-5)


def test_rows_in_eight_bits_never_overflow_sixteen() -> None:
    weight = np.random.default_rng(0).standard_t(2, (100, 7)).astype(np.float32)
    weight[3] = 0
    scales, values = quantize_rows(weight)
    assert np.abs(scales[:, None] * values - weight).max() <= scales.max() / 2 * 1.001
    size = np.abs(np.pad(values, ((0, 0), (0, 1))).astype(int))
    assert (size[:, 0::2] + size[:, 1::2]).max() * 255 <= 2**15 - 1


def test_blocks_in_four_bits() -> None:
    weight = np.random.default_rng(0).normal(size=(5, 70)).astype(np.float32)
    weight[2, :32] = 0
    scales, packed = quantize_blocks(weight)
    assert (scales.shape, packed.shape) == ((5, 3), (5, 3, 16))
    values = np.stack([packed & 15, packed >> 4], axis=-1).reshape(5, 3, 32).astype(np.float32) - 8
    error = np.abs((values * scales[..., None]).reshape(5, 96)[:, :70] - weight)
    assert (error <= np.abs(np.repeat(scales, 32, axis=1))[:, :70] * 1.001).all()
    assert error.mean() < 0.1 * np.abs(weight).mean()
