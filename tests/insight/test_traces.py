from __future__ import annotations

import io
import math

import numpy as np
import pytest

from charlstm.insight.traces import Trace, npz


@pytest.fixture
def trace() -> Trace:
    """Two characters, one layer of two neurons, a vocabulary of three."""
    gate = np.array([[[0.05, 0.95]], [[0.5, 0.91]]], np.float32)
    cell = np.array([[[3.0, -1.0]], [[0.0, 0.5]]], np.float32)
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], np.float32)) + 7
    start = (np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32))
    return Trace(np.array([2, 1]), {"forget": gate, "cell": cell}, logits, start)


def test_successors_and_what_came(trace: Trace) -> None:
    ids, probabilities = trace.next_characters(2)
    assert ids.tolist() == [[1, 2], [2, 0]]  # equals in the order of their ids
    np.testing.assert_allclose(probabilities, [[0.5, 0.3], [0.8, 0.1]], rtol=1e-5)
    np.testing.assert_allclose(trace.probabilities(), [0.5], rtol=1e-5)
    assert trace.next_characters(9)[0].shape == (2, 3)


def test_a_cell_is_looked_at_through_tanh(trace: Trace) -> None:
    assert trace.neuron("cell", 0, 1) == pytest.approx([math.tanh(-1), math.tanh(0.5)])
    assert trace.shown("cell")[:, 0, 1] == pytest.approx([math.tanh(-1), math.tanh(0.5)])
    assert trace.neuron("forget", 0, 1) == pytest.approx([0.95, 0.91])


def test_saturation_is_shares_of_characters(trace: Trace) -> None:
    found = trace.saturation("forget")
    assert found.shut.tolist() == [[0.5, 0.0]]
    assert found.open.tolist() == [[0.0, 1.0]]


def test_npz_is_what_numpy_reads(trace: Trace) -> None:
    written = b"".join(npz(trace.arrays()))
    with np.load(io.BytesIO(written), allow_pickle=False) as kept:
        assert set(kept) == {"ids", "forget", "cell", "logits", "start_hidden", "start_cell"}
        for name, array in trace.arrays().items():
            np.testing.assert_array_equal(kept[name], array)
            assert kept[name].dtype == array.dtype
