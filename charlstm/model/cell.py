"""One step of an LSTM layer, as its equations (Hochreiter and Schmidhuber 1997, the forget gate of Gers et al. 2000).

`nn.LSTM` computes the same, fused and without showing its gates. `charlstm.model.char_lstm` uses that; this is the slow truth
it is tested against, and the place to read what happens.

Knows: the equations.
Does not know: layers above and below, characters, training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class LayerWeights(NamedTuple):
    """One layer's weights as `nn.LSTM` keeps them: the rows of input gate, forget gate, candidate, output gate, H each."""

    input_hidden: Tensor  # (4H, I): from the layer's input x
    hidden_hidden: Tensor  # (4H, H): from its own previous hidden state h
    bias: Tensor  # (4H,): the sum of nn.LSTM's two


class Step(NamedTuple):
    """All that one step computes, each (B, H). The other names of each: the update gate, the memory cell, the activation."""

    input_gate: Tensor
    forget_gate: Tensor
    candidate: Tensor
    output_gate: Tensor
    cell: Tensor
    hidden: Tensor


def lstm_step(x: Tensor, hidden: Tensor, cell: Tensor, weights: LayerWeights) -> Step:
    """Input x (B, I), previous hidden and cell state (B, H) -> every gate and the next states.

    With W [h, x] the product of a gate's weights with both inputs, * element by element:

        i  = sigmoid(W_i [h, x] + b_i)      input gate: how much of the candidate is written
        f  = sigmoid(W_f [h, x] + b_f)      forget gate: how much of the old cell is kept
        g  = tanh(W_g [h, x] + b_g)         candidate: what could be written
        o  = sigmoid(W_o [h, x] + b_o)      output gate: how much of the cell is shown
        c' = f * c + i * g                  cell state
        h' = o * tanh(c')                   hidden state
    """
    W_i, W_f, W_g, W_o = torch.cat([weights.hidden_hidden, weights.input_hidden], dim=1).chunk(4)
    b_i, b_f, b_g, b_o = weights.bias.chunk(4)
    hx = torch.cat([hidden, x], dim=1)
    i = torch.sigmoid(hx @ W_i.T + b_i)
    f = torch.sigmoid(hx @ W_f.T + b_f)
    g = torch.tanh(hx @ W_g.T + b_g)
    o = torch.sigmoid(hx @ W_o.T + b_o)
    next_cell = f * cell + i * g
    next_hidden = o * torch.tanh(next_cell)
    return Step(i, f, g, o, next_cell, next_hidden)


def layer_weights(lstm: nn.LSTM, layer: int) -> LayerWeights:
    """The weights of layer `layer` (0 is the lowest)."""
    return LayerWeights(
        getattr(lstm, f"weight_ih_l{layer}"),
        getattr(lstm, f"weight_hh_l{layer}"),
        getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}"),
    )
