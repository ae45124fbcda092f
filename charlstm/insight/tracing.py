"""Looking into a model while it reads: every gate at every character.

The gates are those of `cell.py`, by its equations. `nn.LSTM` gives the hidden states of a whole text at once, without its
gates; from these the equations give the gates of all characters at once too, and only the cell state is left to be added up
from one character to the next.

Shapes: T time, L layers, H hidden, V vocabulary, E the layer's input.

Knows: how a trace is computed.
Does not know: text, files, which neuron is worth a look, how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm.insight.traces import KINDS, Kind, Trace
from charlstm.model.cell import Step, layer_weights, lstm_step
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.model.device import threads_for
from charlstm.model.types import Floats
from charlstm.text.types import Ids

_PIECE = 512
"""Characters that are traced at once."""


@torch.no_grad()
def trace(
    model: CharLSTM,
    ids: Ids,
    first: int = 0,
    kinds: Collection[Kind] = KINDS,
    progress: Callable[[int], None] = lambda done: None,
) -> Trace:
    """Read ids (N,) from a zero state and trace those from `first` on; of the others only the state after them matters.

    Memory: the result, 4 * L * H bytes a character for each of `kinds`, and next to nothing beside it. `progress` is called
    with the characters traced so far, and may raise.
    """
    with threads_for(model.multiplied, 1):
        column = torch.from_numpy(np.asarray(ids).astype(np.int64)).to(model.head.weight.device)[:, None]
        L, H, T = model.config.num_layers, model.config.hidden_size, len(ids) - first
        state = (model.head.weight.new_zeros(L, 1, H), model.head.weight.new_zeros(L, 1, H))
        for begin in range(0, first, _PIECE):
            _, state = _lstm(_inputs(model, column[begin : min(begin + _PIECE, first)]), state, model.lstm.parameters())
        start = (_numpy(state[0][:, 0]), _numpy(state[1][:, 0]))
        values: dict[Kind, Floats] = {kind: np.empty((T, L, H), np.float32) for kind in KINDS if kind in kinds}
        logits = np.empty((T, model.vocabulary_size), np.float32)
        for begin in range(0, T, _PIECE):
            here = slice(begin, min(begin + _PIECE, T))
            x = _inputs(model, column[first:][here])
            hidden, cell = torch.empty_like(state[0]), torch.empty_like(state[1])
            for layer in range(L):
                step, x, (hidden[layer], cell[layer]) = _layer(model, layer, x, (state[0][layer, None], state[1][layer, None]))
                for kind, array in values.items():
                    array[here, layer] = _numpy(_part_of(step, kind))
            state = (hidden, cell)
            logits[here] = _numpy(model.head(x[:, 0]))
            progress(here.stop)
        return Trace(_numpy_ids(column[first:]), values, logits, start)


def _layer(model: CharLSTM, layer: int, x: Tensor, state: State) -> tuple[Step, Tensor, State]:
    """One layer's input (T, 1, E) and its state before, each (1, 1, H) -> all that it computes, each (T, H).

    Then, as `nn.LSTM` has them, its output (T, 1, H) and the state after: going on from these, rounding does not add up.
    """
    read, (h, c) = _lstm(x, state, list(model.lstm.parameters())[4 * layer : 4 * layer + 4])
    before = torch.cat([state[0], read[:-1]])[:, 0]  # the hidden state before each character (T, H)
    gates = lstm_step(x[:, 0], before, torch.zeros_like(before), layer_weights(model.lstm, layer))
    cells, cell = torch.empty_like(before), state[1][0, 0]
    written = gates.input_gate * gates.candidate
    for t, (keep, add) in enumerate(zip(gates.forget_gate, written, strict=True)):
        torch.addcmul(add, keep, cell, out=cells[t])
        cell = cells[t]
    step = gates._replace(cell=cells, hidden=gates.output_gate * torch.tanh(cells))
    return step, read, (h[0], c[0])


def _part_of(step: Step, kind: Kind) -> Tensor:
    """The part of a step that goes by this name."""
    gate: Tensor = getattr(step, f"{kind}_gate" if kind in ("input", "forget", "output") else kind)
    return gate


def _inputs(model: CharLSTM, ids: Tensor) -> Tensor:
    """Ids (T, 1) -> the vectors that the first layer reads, (T, 1, E)."""
    if model.embedding is not None:
        return F.embedding(ids, model.embedding.weight)
    return F.one_hot(ids, model.vocabulary_size).to(model.head.weight.dtype)


def _lstm(x: Tensor, state: State, weights: Iterable[Tensor]) -> tuple[Tensor, State]:
    """`nn.LSTM` with these weights, four a layer: an input (T, 1, E), a state -> the output (T, 1, H), the state after."""
    all_weights = list(weights)
    layers = len(all_weights) // 4
    hidden, h, c = torch.lstm(x, [part.contiguous() for part in state], all_weights, True, layers, 0.0, False, False, False)
    return hidden, (h, c)


def _numpy(tensor: Tensor) -> Floats:
    return tensor.float().cpu().numpy()


def _numpy_ids(column: Tensor) -> npt.NDArray[np.int64]:
    return column[:, 0].cpu().numpy()
