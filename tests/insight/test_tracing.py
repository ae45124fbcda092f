"""A trace is held against the equations, step by step, and against nn.LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from charlstm.insight.traces import KINDS
from charlstm.insight.tracing import trace
from charlstm.model.cell import layer_weights, lstm_step
from charlstm.model.char_lstm import CharLSTM
from tests.conftest import ids_of


@torch.no_grad()
def slow_trace(model: CharLSTM, ids: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> dict[str, list[list[np.ndarray]]]:
    """By kind, for each character, for each layer, (H,): one `lstm_step` after the other."""
    L, H = model.config.num_layers, model.config.hidden_size
    h, c = [torch.zeros(1, H)] * L, [torch.zeros(1, H)] * L
    found: dict[str, list[list[np.ndarray]]] = {kind: [] for kind in KINDS}
    for i in torch.from_numpy(ids.astype(np.int64)):
        x = model.embedding(i)[None] if model.embedding else F.one_hot(i, 11).float()[None]
        steps = []
        for layer in range(L):
            steps.append(step := lstm_step(x, h[layer], c[layer], layer_weights(model.lstm, layer)))
            h[layer], c[layer], x = step.hidden, step.cell, step.hidden
        for kind, name in zip(KINDS, ("input_gate", "forget_gate", "output_gate", *KINDS[3:]), strict=True):
            found[kind].append([getattr(step, name)[0].numpy() for step in steps])
    return found


def test_a_trace_is_what_the_equations_give_and_nn_lstm_ends_in(lively: CharLSTM) -> None:
    ids = ids_of(40)
    found, slow = trace(lively, ids), slow_trace(lively, ids)
    for kind in KINDS:
        np.testing.assert_allclose(found.values[kind], np.array(slow[kind]), atol=1e-5, err_msg=kind)
    with torch.no_grad():
        logits, (h, c) = lively(torch.from_numpy(ids.astype(np.int64))[:, None])
    np.testing.assert_allclose(found.logits, logits[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.values["hidden"][-1], h[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.values["cell"][-1], c[:, 0], atol=1e-5)


def test_pieces_and_context_change_nothing(lively: CharLSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ids_of(40)
    whole = trace(lively, ids)
    monkeypatch.setattr("charlstm.insight.tracing._PIECE", 7)
    done: list[int] = []
    part = trace(lively, ids, first=16, kinds=("cell", "forget"), progress=done.append)
    assert done == [7, 14, 21, 24]
    assert list(part.values) == ["forget", "cell"]
    assert part.ids.tolist() == ids[16:].tolist()
    np.testing.assert_allclose(part.values["cell"], whole.values["cell"][16:], atol=1e-6)
    np.testing.assert_allclose(part.logits, whole.logits[16:], atol=1e-6)
    np.testing.assert_allclose(part.start[0], whole.values["hidden"][15], atol=1e-6)
    np.testing.assert_allclose(part.start[1], whole.values["cell"][15], atol=1e-6)
