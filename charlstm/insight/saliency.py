"""How far back a prediction rests on what was read: gradients through time, from gates that a trace has kept.

A prediction after s rests on the characters s, s - 1, s - 2 ... The gradient walks that way, for many predictions side by
side, by the chain rule through the equations of `cell.py`. These need no reading again: what each step let through is in the
trace, so that a character further back costs a product with each weight matrix and nothing else.

    dc' += dh' * o (1 - tanh(c')^2)
    da   = dc' * i (1 - i) g,  dc' * f (1 - f) c,  dc' * (1 - g^2) i,  dh' * o (1 - o) tanh(c')      the sums of the gates
    dh   = da W_h,   dc = dc' * f                to the states before
    dx   = da W_x                                to the layer below, or to what was read

Shapes: T time, L layers, H hidden, V vocabulary, E the layer's input; P positions, W the window before each.

Knows: how a trace's gradients are computed.
Does not know: text, files, how a trace came about, how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from charlstm.insight.traces import Trace
from charlstm.model.cell import LayerWeights, layer_weights
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.device import threads_for
from charlstm.model.types import Floats

LONGEST_GRADIENT = 1000
"""Characters before a position that its gradient is taken to."""
_Ids = npt.NDArray[np.int64]
_LANES = 1024
"""Positions whose gradients are computed at once: 60 MiB for a model of 2x512."""


def sensitivity(
    model: CharLSTM,
    trace: Trace,
    positions: Sequence[int],
    window: int = LONGEST_GRADIENT,
    targets: Sequence[int] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Floats:
    """How much each of the characters before some positions of a trace sways what is predicted there -> (P, W).

    Column W - k is of the character k before: the L2 norm of the gradient, with respect to the vector by which the first layer
    reads that character, of the log-probability of the character at the position, or of `targets` in its place (ids (P,)).
    A position is from 1 to T, and T, after the last character, needs a target. W is `window`, or less where no position has so
    many before it; rows of those with fewer begin with zeros. `trace` holds the kinds of `FOR_GRADIENTS`. `progress` is called
    with the positions that are done so far, and may raise.

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
    with threads_for(model.multiplied, min(_LANES, len(at))):
        for begin in range(0, len(at), _LANES):
            here = slice(begin, min(begin + _LANES, len(at)))
            walk = _Walk(model, trace, max(0, int(at[here].min()) - window), int(at[here].max()))
            for back, norms in zip(range(1, window + 1), walk.norms(at[here], aims[here]), strict=False):
                found[here, -back] = norms.cpu()
            progress(here.stop)
    return found


class _Layer(NamedTuple):
    """What one layer let through at every character, as the chain rule needs it."""

    weights: LayerWeights
    to_sums: Tensor
    """i (1 - i) g, f (1 - f) c, (1 - g^2) i, o (1 - o) tanh(c'), in the order of the weights' rows, (T, 4H)."""
    to_cell: Tensor
    """o (1 - tanh(c')^2), (T, H)."""
    forget_gate: Tensor


class _Walk:
    """Back through a part of a trace, from `begin` to before `end`."""

    @torch.no_grad()
    def __init__(self, model: CharLSTM, trace: Trace, begin: int, end: int) -> None:
        self._model, self._device, self._begin = model, model.head.weight.device, begin
        self._logits = torch.from_numpy(trace.logits[begin:end]).to(self._device)
        self._layers = [self._layer(trace, layer, slice(begin, end)) for layer in range(trace.layers)]

    def _layer(self, trace: Trace, layer: int, part: slice) -> _Layer:
        i, f, g, o, cell = (
            torch.from_numpy(np.ascontiguousarray(trace.values[kind][part, layer])).to(self._device)
            for kind in ("input", "forget", "candidate", "output", "cell")
        )
        first = trace.values["cell"][part.start - 1, layer] if part.start else trace.start[1][layer]
        before = torch.cat([torch.from_numpy(first[None]).to(self._device), cell[:-1]])
        shown = cell.tanh()
        to_sums = torch.cat([i * (1 - i) * g, f * (1 - f) * before, (1 - g**2) * i, o * (1 - o) * shown], dim=1)
        return _Layer(layer_weights(self._model.lstm, layer), to_sums, o * (1 - shown**2), f)

    @torch.no_grad()
    def norms(self, positions: _Ids, aims: _Ids) -> Iterator[Tensor]:
        """The norms (P,) of the characters 1, 2, 3 ... before each of the positions (P,), without an end.

        Before the part's first character they are 0.
        """
        steps = torch.from_numpy(positions - 1 - self._begin).to(self._device)
        to_logits = -self._logits[steps].softmax(1)
        to_logits[torch.arange(len(steps)), torch.from_numpy(aims).to(self._device)] += 1
        to_read = to_logits @ self._model.head.weight
        nothing = torch.zeros_like(to_read)
        states = [(nothing, nothing)] * len(self._layers)
        while True:
            for number, layer in reversed(list(enumerate(self._layers))):
                hidden, cell = states[number]
                to_read, states[number] = _step_back(layer, steps.clamp(min=0), hidden + to_read, cell)
            yield torch.where(steps >= 0, to_read.norm(dim=1), 0)
            steps, to_read = steps - 1, nothing


def _step_back(layer: _Layer, t: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Gradients to the states (P, H) after the characters t (P,) -> to what is read there (P, E), and to those before."""
    cell = cell + hidden * layer.to_cell[t]
    sums = torch.cat([cell, cell, cell, hidden], dim=1) * layer.to_sums[t]  # (P, 4H)
    return sums @ layer.weights.input_hidden, (sums @ layer.weights.hidden_hidden, cell * layer.forget_gate[t])
