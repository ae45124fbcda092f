"""The graph of one step, run by ONNX Runtime on a CPU.

A call of ONNX Runtime that takes and gives numpy arrays spends a quarter of a step on them. Here a step reads its states from
buffers and writes the next ones into others, both bound once. A state keeps its buffers while it is held; afterwards they are
written to again. Buffers belong to the thread that made them, which alone writes to them: several threads step one engine at
once, each with its own, and a state that comes from another thread is copied.

Knows: buffers, and how a state is a value all the same.
Does not know: torch, how the graph came about, files.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import onnxruntime

from charlstm.model.types import Arrays
from charlstm.sampling.engines.lanes import read_in_lanes
from charlstm.sampling.types import Logits
from charlstm.text.types import Ids
from charlstm.threads import most_threads

_ZERO = {"tensor(float)": 0, "tensor(uint8)": 128}
"""What zero is in each type of state; `graph.QUANTISED_ZERO`, whose module takes long to import."""
_SMALL = 2**20
"""Bytes of a graph. A step through a smaller one is not shared: threads would take longer to meet than it takes."""
_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}

onnxruntime.disable_telemetry_events()  # on Windows, and where others imported it first; the rest is in charlstm.libraries


class OnnxState:
    """Hidden and cell states of B texts."""

    __slots__ = ("__weakref__", "buffers", "texts")

    def __init__(self, texts: _Batch, buffers: _Buffers) -> None:
        self.texts, self.buffers = texts, buffers
        buffers.holder = weakref.ref(self)

    def __copy__(self) -> Self:
        """Itself, as nothing changes it; a second one would hold nothing."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class OnnxEngine:
    """Steps with ONNX Runtime, for several threads at once too."""

    def __init__(self, graph: bytes, threads: int | None = None) -> None:
        """`threads` at most, by default as many as are worth it; logits are the same, bit for bit, whatever their number."""
        options = onnxruntime.SessionOptions()
        # Said in numbers, as ONNX Runtime else ties each thread to a CPU, which not every system allows.
        options.intra_op_num_threads = threads or (most_threads() if len(graph) > _SMALL else 1)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._own = threading.local()

    def prefill(self, ids: Ids, state: OnnxState | None = None) -> tuple[Logits, OnnxState]:
        """See `Engine.prefill`. A long prime of one text is read in lanes."""
        state = self.zero_state(ids.shape[1]) if state is None else state
        if ids.shape[1] == 1:
            ids, state = read_in_lanes(self, ids, state)
        for column in ids:
            logits, state = self.step(column, state)
        return logits, state

    def step(self, ids: Ids, state: OnnxState) -> tuple[Logits, OnnxState]:
        """See `Engine.step`."""
        if state.texts.thread != threading.get_ident():
            state = self.state(state.buffers.arrays)
        texts, before = state.texts, state.buffers
        after = texts.free_buffers()
        binding = before.bindings.get(after) or texts.bind(self._session, before, after)
        texts.ids[:] = ids
        self._session.run_with_iobinding(binding)
        return texts.logits.copy(), OnnxState(texts, after)

    def select(self, state: OnnxState, rows: Sequence[int]) -> OnnxState:
        """See `Engine.select`."""
        return self.state([array[rows] for array in state.buffers.arrays])

    def join(self, states: Sequence[OnnxState]) -> OnnxState:
        """See `Engine.join`."""
        return self.state([np.concatenate(parts) for parts in zip(*(state.buffers.arrays for state in states), strict=True)])

    def zero_state(self, B: int) -> OnnxState:
        """The state before the first character."""
        inputs = self._session.get_inputs()[1:]
        return self.state([np.full((B, i.shape[1]), _ZERO[i.type], _DTYPES[i.type]) for i in inputs])

    def arrays(self, state: OnnxState) -> Arrays:
        """h0, c0, h1, c1, ... (B, H), copied."""
        return [array.copy() for array in state.buffers.arrays]

    def state(self, arrays: Arrays) -> OnnxState:
        """The state with these values, which are copied."""
        texts = self._batch(len(arrays[0]))
        buffers = texts.free_buffers()
        for buffer, array in zip(buffers.arrays, arrays, strict=True):
            buffer[:] = array
        return OnnxState(texts, buffers)

    def _batch(self, B: int) -> _Batch:
        """This thread's memory for so many texts."""
        batches: dict[int, _Batch] = getattr(self._own, "batches", {})
        if B not in batches:
            # A batch shrinks as texts end: memory for sizes that are over goes.
            batches = {size: batch for size, batch in batches.items() if batch.is_held}
            batches[B] = _Batch(self._session, B)
            self._own.batches = batches
        return batches[B]


class _Buffers:
    """Memory for the states of B texts, and the bindings that read it."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.holder: weakref.ref[OnnxState] | None = None
        self.bindings: dict[_Buffers, Any] = {}
        """By where they write to."""

    @property
    def is_held(self) -> bool:
        """Whether they are those of a state that somebody has."""
        return self.holder is not None and self.holder() is not None


class _Batch:
    """What a thread needs to step B texts side by side."""

    def __init__(self, session: Any, B: int) -> None:
        self.thread = threading.get_ident()
        """A thread's number goes to another one only once it has ended, so that one at most has this number."""
        self.ids = np.zeros(B, dtype=np.int64)
        self.logits = np.zeros((B, session.get_outputs()[0].shape[1]), dtype=np.float32)
        self._buffers: list[_Buffers] = []
        self._kinds = [((B, i.shape[1]), _DTYPES[i.type]) for i in session.get_inputs()[1:]]

    @property
    def is_held(self) -> bool:
        """Whether anyone has a state of so many texts."""
        return any(buffers.is_held for buffers in self._buffers)

    def free_buffers(self) -> _Buffers:
        """Some that nobody holds. Asked for, and not given back: Ctrl-C in a `__del__` would be lost."""
        every = self._buffers
        for place, buffers in enumerate(every):  # noqa: B007 (used below)
            if not buffers.is_held:
                break
        else:
            place, buffers = len(every), _Buffers([np.empty(shape, dtype) for shape, dtype in self._kinds])
            every.append(buffers)
        every[0], every[place] = buffers, every[0]  # those that are held for long gather at the end
        return buffers

    def bind(self, session: Any, before: _Buffers, after: _Buffers) -> Any:
        """A binding that reads ids and states from one place and writes logits and states to another."""
        binding = session.io_binding()
        for i, array in zip(session.get_inputs(), [self.ids, *before.arrays], strict=True):
            binding.bind_input(i.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for o, array in zip(session.get_outputs(), [self.logits, *after.arrays], strict=True):
            binding.bind_output(o.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        before.bindings[after] = binding
        return binding
