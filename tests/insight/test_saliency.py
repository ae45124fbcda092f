"""A gradient is held against differences of what nn.LSTM gives, and against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from charlstm.insight.saliency import sensitivity
from charlstm.insight.traces import FOR_GRADIENTS
from charlstm.insight.tracing import trace
from charlstm.model.char_lstm import CharLSTM
from tests.conftest import ids_of


def test_looking_leaves_the_model_as_it_was(lively: CharLSTM) -> None:
    lively.train()
    sensitivity(lively, trace(lively, ids_of(9)), [5])
    assert lively.training
    assert all(p.requires_grad and p.grad is None for p in lively.parameters())


def numeric_norms(lively: CharLSTM, ids: np.ndarray[tuple[int], np.dtype[np.uint8]], at: int, aim: int) -> list[float]:
    """Of the gradient to the vector of each character before `at`, from central differences, in float64."""
    lively = lively.double()
    column = torch.from_numpy(ids[:at].astype(np.int64))[:, None]
    x = lively.embedding(column) if lively.embedding else F.one_hot(column, 11).double()

    @torch.no_grad()
    def log_probability(x: torch.Tensor) -> float:
        return float(lively.head(lively.lstm(x)[0][-1, 0]).log_softmax(0)[aim])

    norms = []
    for t in range(at):
        gradient = []
        for e in range(x.shape[2]):
            nudge = torch.zeros_like(x)
            nudge[t, 0, e] = 1e-5
            gradient.append((log_probability(x + nudge) - log_probability(x - nudge)) / 2e-5)
        norms.append(float(np.linalg.norm(gradient)))
    lively.float()
    return norms


def test_sensitivity_is_the_norm_of_the_numeric_gradient(lively: CharLSTM) -> None:
    ids = ids_of(12)
    found = sensitivity(lively, trace(lively, ids), [9, 2, 12], targets=[int(ids[9]), int(ids[2]), 4])
    assert found.shape == (3, 12)
    np.testing.assert_allclose(found[0], [0.0] * 3 + numeric_norms(lively, ids, 9, int(ids[9])), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found[1], [0.0] * 10 + numeric_norms(lively, ids, 2, int(ids[2])), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found[2], numeric_norms(lively, ids, 12, 4), rtol=1e-3, atol=1e-7)


def test_a_window_is_the_end_of_a_longer_one_wherever_the_trace_begins(
    lively: CharLSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ids_of(40)
    whole = sensitivity(lively, trace(lively, ids), range(20, 40))
    monkeypatch.setattr("charlstm.insight.saliency._LANES", 2)
    done: list[int] = []
    part = sensitivity(lively, trace(lively, ids, first=12, kinds=FOR_GRADIENTS), range(8, 28), window=8, progress=done.append)
    np.testing.assert_allclose(part, whole[:, -8:], rtol=1e-4, atol=1e-8)
    assert done == list(range(2, 21, 2))


def test_sensitivity_is_what_autograd_gives_over_a_longer_text(lively: CharLSTM) -> None:
    ids = ids_of(60)
    column = torch.from_numpy(ids[:59].astype(np.int64))[:, None]
    x = (lively.embedding(column) if lively.embedding else F.one_hot(column, 11).float()).detach().requires_grad_()
    lively.head(lively.lstm(x)[0][-1, 0]).log_softmax(0)[int(ids[59])].backward()
    assert x.grad is not None
    expected = x.grad[:, 0].norm(dim=1).numpy()
    np.testing.assert_allclose(sensitivity(lively, trace(lively, ids), [59])[0], expected, rtol=1e-3, atol=1e-8)
