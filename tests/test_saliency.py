"""A gradient is held against differences of what nn.LSTM gives, and against autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from charlstm.model import CharLSTM
from charlstm.probe import trace
from charlstm.saliency import sensitivity
from charlstm.traces import FOR_GRADIENTS


@pytest.fixture(params=[{}, {"embedding_size": 0}, {"num_layers": 3}], ids=["embedding", "one-hot", "three layers"])
def model(request: pytest.FixtureRequest, make_model: Callable[..., CharLSTM]) -> CharLSTM:
    model = make_model(11, **request.param)
    for p in model.lstm.parameters():
        nn.init.uniform_(p, -0.5, 0.5, generator=torch.Generator().manual_seed(p.numel()))
    return model


def ids_of(count: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.random.default_rng(5).integers(11, size=count).astype(np.uint8)


def test_looking_leaves_the_model_as_it_was(model: CharLSTM) -> None:
    model.train()
    sensitivity(model, trace(model, ids_of(9)), [5])
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def numeric_norms(model: CharLSTM, ids: np.ndarray[tuple[int], np.dtype[np.uint8]], at: int, aim: int) -> list[float]:
    """Of the gradient to the vector of each character before `at`, from central differences, in float64."""
    model = model.double()
    column = torch.from_numpy(ids[:at].astype(np.int64))[:, None]
    x = model.embedding(column) if model.embedding else F.one_hot(column, 11).double()

    @torch.no_grad()
    def log_probability(x: torch.Tensor) -> float:
        return float(model.head(model.lstm(x)[0][-1, 0]).log_softmax(0)[aim])

    norms = []
    for t in range(at):
        gradient = []
        for e in range(x.shape[2]):
            nudge = torch.zeros_like(x)
            nudge[t, 0, e] = 1e-5
            gradient.append((log_probability(x + nudge) - log_probability(x - nudge)) / 2e-5)
        norms.append(float(np.linalg.norm(gradient)))
    model.float()
    return norms


def test_sensitivity_is_the_norm_of_the_numeric_gradient(model: CharLSTM) -> None:
    ids = ids_of(12)
    found = sensitivity(model, trace(model, ids), [9, 2, 12], targets=[int(ids[9]), int(ids[2]), 4])
    assert found.shape == (3, 12)
    np.testing.assert_allclose(found[0], [0.0] * 3 + numeric_norms(model, ids, 9, int(ids[9])), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found[1], [0.0] * 10 + numeric_norms(model, ids, 2, int(ids[2])), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found[2], numeric_norms(model, ids, 12, 4), rtol=1e-3, atol=1e-7)


def test_a_window_is_the_end_of_a_longer_one_wherever_the_trace_begins(
    model: CharLSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ids_of(40)
    whole = sensitivity(model, trace(model, ids), range(20, 40))
    monkeypatch.setattr("charlstm.saliency._LANES", 2)
    done: list[int] = []
    part = sensitivity(model, trace(model, ids, first=12, kinds=FOR_GRADIENTS), range(8, 28), window=8, progress=done.append)
    np.testing.assert_allclose(part, whole[:, -8:], rtol=1e-4, atol=1e-8)
    assert done == list(range(2, 21, 2))
