"""Looking into a model while it reads: every gate at every character, and how far back a prediction rests on what was read.

The gates are those of `cell.py`, by its equations. `nn.LSTM` gives the hidden states of a whole text at once, without its
gates; from these the equations give the gates of all characters at once too, and only the cell state is left to be added up
from one character to the next.

Shapes: T time, L layers, H hidden, V vocabulary, E the layer's input; P positions, W the window before each.

Knows: how a trace and its gradients are computed.
Does not know: text, files, which neuron is worth a look, how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm.cell import Step, layer_weights, lstm_step
from charlstm.model import CharLSTM, State
from charlstm.traces import KINDS, Floats, Kind, Trace
from charlstm.vocabulary import Ids

_PIECE = 512
"""Characters that are traced at once."""
_LANES = 2**13
"""Characters of all windows whose gradients are computed at once: 170 MiB for a model of 2x512."""
WINDOW = 200
"""Characters before a position that its gradient is taken to."""


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
    column = torch.from_numpy(np.asarray(ids).astype(np.int64)).to(model.head.weight.device)[:, None]
    L, H, T = model.config.num_layers, model.config.hidden_size, len(ids) - first
    state = (model.head.weight.new_zeros(L, 1, H), model.head.weight.new_zeros(L, 1, H))
    for begin in range(0, first, _PIECE):
        _, state = _read(model, _inputs(model, column[begin : min(begin + _PIECE, first)]), state)
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
                array[here, layer] = _numpy(_of(step, kind))
        state = (hidden, cell)
        logits[here] = _numpy(model.head(x[:, 0]))
        progress(here.stop)
    return Trace(_numpy_ids(column[first:]), values, logits, start)


def sensitivity(
    model: CharLSTM,
    trace: Trace,
    positions: Sequence[int],
    window: int = WINDOW,
    targets: Sequence[int] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Floats:
    """How much each of the characters before some positions of a trace sways what is predicted there -> (P, W).

    Column W - k is of the character k before: the L2 norm of the gradient, with respect to the vector by which the first layer
    reads that character, of the log-probability of the character at the position, or of `targets` in its place (ids (P,)).
    A position is from 1 to T, and T, after the last character, needs a target. W is `window`, or less where no position has so
    many before it; rows of those with fewer begin with zeros. `trace` holds `hidden` and `cell`: each window begins with the
    state there, so the gradients are those over the whole text, cut off at the window's begin.

    Source: first-derivative saliency, Li, Chen, Hovy and Jurafsky, Visualizing and Understanding Neural Models in NLP (2016),
    section 5, there by its absolute values. The norm over the vector gives a character one number of no sign; the product
    of gradient and input would answer another question, how much more of the same character would help, and for a one-hot
    vector look at one of its V entries alone. Where models read vectors of different scale (one-hot or embedding), only the
    shares along a window compare, not the norms themselves.
    """
    at = np.asarray(positions, np.int64)
    aims = trace.ids[at] if targets is None else np.asarray(targets, np.int64)
    window = min(window, int(at.max(initial=1)))
    found = np.zeros((len(at), window), np.float32)
    done = 0
    for length in np.unique(np.minimum(at, window)):  # each once, but for positions near the beginning
        rows = np.flatnonzero(np.minimum(at, window) == length)
        for begin in range(0, len(rows), lanes := max(1, _LANES // window)):
            some = rows[begin : begin + lanes]
            found[some, window - length :] = _gradients(model, trace, at[some] - length, int(length), aims[some])
            done += len(some)
            progress(done)
    return found


@torch.enable_grad()
def _gradients(
    model: CharLSTM, trace: Trace, begins: npt.NDArray[np.int64], length: int, aims: npt.NDArray[np.int64]
) -> Floats:
    """Norms (B, length) for the windows that begin at `begins` (B,) and predict `aims` (B,) after their last character."""
    device = model.head.weight.device
    ids = torch.from_numpy(trace.ids[begins + np.arange(length)[:, None]]).to(device)  # (length, B)
    x = _inputs(model, ids).detach().requires_grad_()
    hidden, _ = _read(model, x, _states(trace, begins, device))
    log_probabilities = F.log_softmax(F.linear(hidden[-1], model.head.weight.detach(), model.head.bias.detach()), 1)
    aimed = log_probabilities.gather(1, torch.from_numpy(aims).to(device)[:, None])
    (gradient,) = torch.autograd.grad(aimed.sum(), x)  # the windows know nothing of each other
    return _numpy(gradient.norm(dim=2).T)


def _states(trace: Trace, begins: npt.NDArray[np.int64], device: torch.device) -> State:
    """The states before the characters at `begins` (B,), each (L, B, H)."""
    both = []
    for kept, first in zip((trace.values["hidden"], trace.values["cell"]), trace.start, strict=True):
        states = kept[begins - 1]  # (B, L, H); of the beginning anything, until the next line
        states[begins == 0] = first
        both.append(torch.from_numpy(states.swapaxes(0, 1).copy()).to(device))
    return both[0], both[1]


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


def _of(step: Step, kind: Kind) -> Tensor:
    """The part of a step that goes by this name."""
    gate: Tensor = getattr(step, f"{kind}_gate" if kind in ("input", "forget", "output") else kind)
    return gate


def _inputs(model: CharLSTM, ids: Tensor) -> Tensor:
    """Ids (T, B) -> the vectors that the first layer reads, (T, B, E)."""
    if model.embedding is not None:
        return F.embedding(ids, model.embedding.weight)
    return F.one_hot(ids, model.vocabulary_size).to(model.head.weight.dtype)


def _read(model: CharLSTM, x: Tensor, state: State) -> tuple[Tensor, State]:
    """The vectors of characters (T, B, E) -> the last layer's hidden states (T, B, H), and the state after them."""
    return _lstm(x, state, list(model.lstm.parameters()))


def _lstm(x: Tensor, state: State, weights: Sequence[Tensor]) -> tuple[Tensor, State]:
    """`nn.LSTM` with these weights, four a layer, without gradients to them and without dropout."""
    # In training mode, though nothing trains: in any other one cuDNN gives no gradient to the input either.
    frozen = [w.detach() for w in weights]
    hidden, h, c = torch.lstm(x, [part.contiguous() for part in state], frozen, True, len(frozen) // 4, 0.0, True, False, False)
    return hidden, (h, c)


def _numpy(tensor: Tensor) -> Floats:
    return tensor.float().cpu().numpy()


def _numpy_ids(column: Tensor) -> npt.NDArray[np.int64]:
    return column[:, 0].cpu().numpy()
