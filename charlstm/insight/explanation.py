"""One step of an LSTM as numbers: what each of its equations gives, which gates let what through, what changed most.

    f  = sigmoid(W_f [h, x] + b_f)          c' = f * c + i * g
    i  = sigmoid(W_i [h, x] + b_i)          h' = o * tanh(c')
    g  = tanh(W_c [h, x] + b_c)
    o  = sigmoid(W_o [h, x] + b_o)

Shapes: T time, L layers, H hidden, V vocabulary, E the layer's input.

Knows: which figures of a trace an explanation rests on.
Does not know: torch, words, how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from charlstm.insight.traces import Kind, Trace
from charlstm.model.types import Floats

PARTS: tuple[Kind, ...] = ("forget", "input", "candidate", "output")
"""What is computed from [h, x], in the order of the equations above."""
_ROWS: tuple[Kind, ...] = ("input", "forget", "candidate", "output")
"""The same in the order in which nn.LSTM keeps their rows."""


@dataclass(frozen=True)
class Openness:
    """How much one gate lets through, over the H neurons of a layer."""

    open: int
    """Neurons at which it is above 0.9."""
    shut: int
    """Neurons at which it is below 0.5: less than half passes."""
    mean: float


@dataclass(frozen=True, eq=False)
class LayerStep:
    """All that one layer computes at one character, each (H,)."""

    sums: Mapping[Kind, Floats]
    """W [h, x] + b, before sigmoid or tanh, of each of `PARTS`."""
    values: Mapping[Kind, Floats]
    """Gates, candidate, and the states after the step."""
    cell_before: Floats
    hidden_before: Floats

    def passage(self, gate: Kind) -> Openness:
        """Of one gate."""
        values = self.values[gate]
        return Openness(int((values > 0.9).sum()), int((values < 0.5).sum()), float(values.mean()))

    def changed_most(self, count: int) -> list[int]:
        """The neurons whose cell state moved furthest, furthest first."""
        order = np.argsort(-np.abs(self.values["cell"] - self.cell_before), kind="stable")
        return [int(neuron) for neuron in order[:count]]

    def columns(self) -> dict[str, Floats]:
        """Every number of every neuron, by name, each (H,)."""
        return {
            **{f"{part}_sum": self.sums[part] for part in PARTS},
            **{part: self.values[part] for part in PARTS},
            "kept": self.values["forget"] * self.cell_before,
            "written": self.values["input"] * self.values["candidate"],
            "cell_before": self.cell_before,
            "cell": self.values["cell"],
            "cell_tanh": np.tanh(self.values["cell"]),
            "hidden_before": self.hidden_before,
            "hidden": self.values["hidden"],
        }


def layer_steps(trace: Trace, layer: int, tensors: Mapping[str, Floats]) -> Iterator[LayerStep]:
    """What one layer did at each character of a trace of every kind.

    `tensors` are the model's, by the names of its `state_dict`: the sums are taken from them, as a gate that rounding has made
    0 or 1 does not tell its sum any more.
    """
    kinds: tuple[Kind, Kind] = ("hidden", "cell")
    before = [
        np.concatenate([start[None, layer], trace.values[kind][:-1, layer]])
        for start, kind in zip(trace.start, kinds, strict=True)
    ]
    W_x, W_h, b_x, b_h = (tensors[f"lstm.{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    if layer:
        from_x = trace.values["hidden"][:, layer - 1] @ W_x.T
    elif "embedding.weight" in tensors:
        from_x = tensors["embedding.weight"][trace.ids] @ W_x.T
    else:
        from_x = W_x.T[trace.ids]  # of a one-hot vector a product keeps one column
    rows = np.split(from_x + before[0] @ W_h.T + (b_x + b_h), 4, axis=1)
    sums: dict[Kind, Floats] = dict(zip(_ROWS, rows, strict=True))
    for t in range(len(trace.ids)):
        yield LayerStep(
            {part: values[t] for part, values in sums.items()},
            {kind: values[t, layer] for kind, values in trace.values.items()},
            before[1][t],
            before[0][t],
        )
