"""What went on inside a model while it read a text: every gate and state at every character, as arrays.

Row t of an array belongs to character t and holds what the model computed as it read it; the logits of row t are those of
the character after it. Layers and neurons are counted from 0.

Shapes: T time, L layers, H hidden, V vocabulary.

Knows: the names of what is kept, and figures that follow from it.
Does not know: torch, how any of it was computed, how it is shown.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import RawIOBase
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from charlstm.model.softmax import log_softmax
from charlstm.model.types import Doubles, Floats

Kind = Literal["input", "forget", "output", "candidate", "cell", "hidden"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GATES: tuple[Kind, ...] = ("input", "forget", "output")
FOR_GRADIENTS: tuple[Kind, ...] = (*GATES, "candidate", "cell")
"""What gradients follow from."""
StateArrays = tuple[Floats, Floats]
"""Hidden and cell state, each (L, H)."""


@dataclass(frozen=True, eq=False)
class Saturation:
    """How often each neuron's gate was all but shut or all but open, each (L, H): shares of the text's characters.

    Source: Karpathy, Johnson and Fei-Fei, Visualizing and Understanding Recurrent Networks (2015), section 4.2, who call a
    gate left-saturated below 0.1 and right-saturated above 0.9.
    """

    shut: Floats
    """Below 0.1."""
    open: Floats
    """Above 0.9."""


@dataclass(frozen=True, eq=False)
class Trace:
    """All that a model computed for T characters."""

    ids: npt.NDArray[np.int64]
    """The characters, (T,)."""
    values: Mapping[Kind, Floats]
    """Those kinds that were asked for, each (T, L, H); 4 bytes a number. The cell state is as it is, not its tanh."""
    logits: Floats
    """Of the character after each, (T, V)."""
    start: StateArrays
    """The state before the first character."""

    @property
    def layers(self) -> int:
        """L."""
        return len(self.start[0])

    def shown(self, kind: Kind) -> Floats:
        """What is looked at, (T, L, H): of the cell state its tanh, which is what the output gate lets through.

        So gates lie between 0 and 1, all else between -1 and 1.
        """
        return np.tanh(self.values[kind]) if kind == "cell" else self.values[kind]

    def neuron(self, kind: Kind, layer: int, neuron: int) -> Floats:
        """One neuron of `shown` over the text, (T,)."""
        values = self.values[kind][:, layer, neuron]
        return np.tanh(values) if kind == "cell" else values

    def next_characters(self, count: int) -> tuple[npt.NDArray[np.int64], Doubles]:
        """The most probable successors of each character, best first -> their ids and probabilities, each (T, count)."""
        ids = np.argsort(-self.logits, axis=1, kind="stable")[:, :count]
        return ids, np.exp(np.take_along_axis(log_softmax(self.logits), ids, axis=1))

    def probabilities(self) -> Doubles:
        """What each character but the first had before it was read, (T - 1,)."""
        return np.exp(np.take_along_axis(log_softmax(self.logits[:-1]), self.ids[1:, None], axis=1)[:, 0])

    def saturation(self, gate: Kind) -> Saturation:
        """Of one kind of gate."""
        values = self.values[gate]
        return Saturation((values < 0.1).mean(0, np.float32), (values > 0.9).mean(0, np.float32))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """All of it by name, as --npz keeps it."""
        hidden, cell = self.start
        values: dict[str, npt.NDArray[np.generic]] = dict(self.values.items())
        return {"ids": self.ids, **values, "logits": self.logits, "start_hidden": hidden, "start_cell": cell}


def npz(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Iterator[bytes]:
    """The bytes of an .npz file, as `numpy.load` reads it, an array at a time: no more of them than one is held twice."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
            yield sink.take()
    yield sink.take()


class _Sink(RawIOBase):
    """A stream that can't seek, and gives away what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._held.append(bytes(memoryview(data)))  # type: ignore[arg-type]
        return len(self._held[-1])

    def take(self) -> bytes:
        """All since the last time."""
        taken, self._held = b"".join(self._held), []
        return taken
