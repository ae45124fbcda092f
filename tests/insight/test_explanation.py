"""The numbers of a step are held against `cell.py`, and against cases worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from charlstm.insight.explanation import PARTS, LayerStep, Openness, layer_steps
from charlstm.insight.tracing import trace
from charlstm.model.cell import layer_weights, lstm_step
from charlstm.model.char_lstm import CharLSTM


def by_hand(forget: list[float], before: list[float], cell: list[float]) -> LayerStep:
    f, c, after = (np.array(values, np.float32) for values in (forget, before, cell))
    zeros = np.zeros_like(f)
    values = {"forget": f, "input": f, "output": f, "candidate": zeros, "cell": after, "hidden": zeros}
    return LayerStep(dict.fromkeys(PARTS, zeros), values, c, zeros)  # type: ignore[arg-type]


def test_a_gate_by_hand() -> None:
    step = by_hand([0.95, 0.91, 0.9, 0.5, 0.04], [0] * 5, [0] * 5)
    passage = step.passage("forget")
    assert passage == Openness(open=2, shut=1, mean=passage.mean)
    assert passage.mean == pytest.approx(0.66)


def test_the_neurons_that_changed_most_by_hand() -> None:
    step = by_hand([1] * 4, [0, 2, -1, 1], [0.5, -1, -1.5, 1])
    assert step.changed_most(3) == [1, 0, 2]
    assert step.columns()["kept"].tolist() == [0, 2, -1, 1]


@pytest.mark.parametrize("settings", [{}, {"embedding_size": 0}], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("layer", [0, 1])
@torch.no_grad()
def test_every_column_is_what_the_equations_give(
    make_model: Callable[..., CharLSTM], settings: dict[str, int], layer: int
) -> None:
    model = make_model(11, **settings)
    for p in model.lstm.parameters():
        nn.init.uniform_(p, -0.5, 0.5, generator=torch.Generator().manual_seed(p.numel()))
    ids = np.array([3, 1, 4, 1, 5, 9], np.uint8)
    tensors = {name: p.numpy() for name, p in model.state_dict().items()}
    steps = list(layer_steps(trace(model, ids), layer, tensors))
    assert len(steps) == len(ids)

    h, c = [torch.zeros(1, 16)] * 2, [torch.zeros(1, 16)] * 2
    for i, found in zip(torch.from_numpy(ids.astype(np.int64)), steps, strict=True):
        x = model.embedding(i)[None] if model.embedding else F.one_hot(i, 11).float()[None]
        for number in range(2):
            before = (h[number], c[number])
            step = lstm_step(x, *before, layer_weights(model.lstm, number))
            h[number], c[number], x = step.hidden, step.cell, step.hidden
            if number == layer:
                break
        columns = {name: torch.from_numpy(column) for name, column in found.columns().items()}
        expected = {
            "forget": step.forget_gate,
            "input": step.input_gate,
            "candidate": step.candidate,
            "output": step.output_gate,
            "hidden_before": before[0],
            "cell_before": before[1],
            "cell": step.cell,
            "cell_tanh": step.cell.tanh(),
            "hidden": step.hidden,
            "kept": step.forget_gate * before[1],
            "written": step.input_gate * step.candidate,
        }
        for name, values in expected.items():
            torch.testing.assert_close(columns[name], values[0], atol=1e-5, rtol=1e-4, msg=name)
        for part in PARTS:
            applied = torch.tanh if part == "candidate" else torch.sigmoid
            torch.testing.assert_close(applied(columns[f"{part}_sum"]), columns[part], atol=1e-5, rtol=1e-4, msg=part)
        assert set(columns) == set(expected) | {f"{part}_sum" for part in PARTS}
