"""cell.py is the slow truth: held against nn.LSTM, against hand-worked numbers, and against numeric gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from charlstm.model.cell import LayerWeights, layer_weights, lstm_step
from charlstm.model.char_lstm import CharLSTM


@pytest.mark.parametrize("embedding_size", [0, 8])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_the_model_computes_the_equations(make_model: Callable[..., CharLSTM], embedding_size: int, num_layers: int) -> None:
    model = make_model(11, embedding_size=embedding_size, num_layers=num_layers)
    for p in model.lstm.parameters():  # zero biases would hide a bias that is read wrongly
        nn.init.uniform_(p, -0.5, 0.5)
    ids = torch.randint(11, (40, 3))
    state = (torch.randn(num_layers, 3, 16), torch.randn(num_layers, 3, 16))
    logits, (h_end, c_end) = model(ids, state)

    h, c = list(state[0]), list(state[1])
    weights = [layer_weights(model.lstm, layer) for layer in range(num_layers)]
    for t in range(len(ids)):
        x = model.embedding(ids[t]) if model.embedding else nn.functional.one_hot(ids[t], 11).float()
        for layer in range(num_layers):
            step = lstm_step(x, h[layer], c[layer], weights[layer])
            h[layer], c[layer], x = step.hidden, step.cell, step.hidden
        assert torch.allclose(model.head(x), logits[t], atol=1e-5)
    assert torch.allclose(torch.stack(h), h_end, atol=1e-5)
    assert torch.allclose(torch.stack(c), c_end, atol=1e-5)


def test_gradient_numerically_in_float64() -> None:
    torch.manual_seed(0)
    sizes = [(2, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,)]  # x, h, c, W_ih, W_hh, b
    values = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    assert torch.autograd.gradcheck(lambda x, h, c, *w: tuple(lstm_step(x, h, c, LayerWeights(*w))), values)


def test_a_step_worked_by_hand() -> None:
    one = torch.ones(1, 1)
    weights = LayerWeights(torch.tensor([[1.0], [2.0], [0.5], [-1.0]]), torch.zeros(4, 1), torch.tensor([0.0, 1.0, 0.0, 0.0]))
    step = lstm_step(one, 0 * one, 2 * one, weights)

    def sigmoid(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    cell = sigmoid(3) * 2 + sigmoid(1) * math.tanh(0.5)
    expected = [sigmoid(1), sigmoid(3), math.tanh(0.5), sigmoid(-1), cell, sigmoid(-1) * math.tanh(cell)]
    assert [value.item() for value in step] == pytest.approx(expected)
