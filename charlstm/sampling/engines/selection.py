"""Which engine steps a model, and in which precision: measured, and remembered.

`auto` steps on a CPU in 8 bits where they are faster and cost next to nothing. Both depend on the model and the machine, so
both are measured the first time that a model is opened, on text of its own: what 8 bits change in the probabilities of its
characters is the divergence of the two, and no other text has to be at hand. What came out is kept, with the graph, under what
the model file says of itself. 4 bits must be asked for: they make one text somewhat faster, and several slower.

Knows: engines, precisions, devices; how long a step takes and what it costs in nats.
Does not know: what the engine is for.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from charlstm.errors import Argument, CharlstmError
from charlstm.model.softmax import log_softmax
from charlstm.runs.model_file import Weights
from charlstm.sampling.engines import graph_cache
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.engines.onnx_engine import OnnxEngine

if TYPE_CHECKING:
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.sampling.types import EngineName, Precision, PrecisionChoice

MOST_NATS = 0.005
"""A precision that costs more nats a character than this is not taken by itself."""
_TEXTS, _STEPS = 32, 40
_MOST_WORK = 3e10
"""Weights times characters for which the divergence is measured: some tenths of a second."""


@dataclass(frozen=True)
class Measured:
    """What 8 bits were worth when the model was first opened here."""

    nats: float
    """Worse a character."""
    characters: int
    int8_seconds: float
    """Of one step of one text."""
    float32_seconds: float

    @property
    def precision(self) -> Precision:
        """The one to take."""
        is_good = self.nats <= MOST_NATS and self.int8_seconds < self.float32_seconds
        return "int8" if is_good else "float32"

    def __str__(self) -> str:
        speeds = f"{1 / self.int8_seconds:,.0f} steps a second in int8, {1 / self.float32_seconds:,.0f} in float32"
        return f"{speeds}; int8 costs {self.nats:.5f} nats a character, on {self.characters:,} of its own"


@dataclass(frozen=True)
class Opened:
    """An engine, and what is to be said of it."""

    engine: Engine
    name: str
    """Such as `onnx, int8`."""
    reason: str


def open_engine(
    weights: Weights,
    engine: EngineName = "auto",
    precision: PrecisionChoice = "auto",
    device: str = "cpu",
) -> Opened:
    """The engine that was asked for. CharlstmError where no engine is all of it; DeviceError where there is no such device."""
    if device == "auto" and engine != "onnx":
        from charlstm.model.device import find_device

        device = find_device("auto").type
    if engine == "torch" or (engine == "auto" and device != "cpu"):
        return _open_torch(weights, precision, device, "as asked" if engine == "torch" else "as the device asks")
    if device not in ("cpu", "auto"):
        both = (Argument("engine", "onnx"), " ", Argument("device", device))
        raise CharlstmError((*both, ": ONNX Runtime steps on the CPU here"), remedy="leave out one of the two")
    if precision != "auto":
        return Opened(OnnxEngine(_graph(weights, precision)), f"onnx, {precision}", "as asked")
    if remembered := _remembered(weights):
        measured, graph = remembered
        return Opened(OnnxEngine(graph), f"onnx, {measured.precision}", f"measured before: {measured}")
    graphs = {"int8": _graph(weights, "int8"), "float32": _graph(weights, "float32")}
    engines = {name: OnnxEngine(graph) for name, graph in graphs.items()}
    measured = measure(engines["int8"], engines["float32"], weights)
    graph_cache.keep(weights.key, asdict(measured), graphs[measured.precision])
    return Opened(engines[measured.precision], f"onnx, {measured.precision}", f"measured now: {measured}")


def engine_of(model: CharLSTM) -> Engine:
    """What generates with a model that is in memory: exactly, and without measuring."""
    if model.head.weight.device.type == "cpu":
        from charlstm.sampling.engines.graph import build_graph

        tensors = {name: p.detach().numpy() for name, p in model.state_dict().items()}
        return OnnxEngine(build_graph(tensors, model.config, "float32"))
    from charlstm.sampling.engines.torch_engine import TorchEngine

    return TorchEngine(model)


def measure(int8: OnnxEngine, float32: OnnxEngine, weights: Weights) -> Measured:
    """Let a model generate in float32, and read it again in 8 bits: the mean Kullback-Leibler divergence, and times."""
    work = sum(tensor.size for tensor in weights.tensors.values()) * _TEXTS
    steps = max(8, min(_STEPS, int(_MOST_WORK / work)))
    V = weights.vocabulary.size
    generator = np.random.default_rng(0)
    ids = generator.integers(V, size=_TEXTS)
    exact, rough = float32.zero_state(_TEXTS), int8.zero_state(_TEXTS)
    nats = 0.0
    for _ in range(steps):
        logits, exact = float32.step(ids, exact)
        others, rough = int8.step(ids, rough)
        ids = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)  # a draw from the softmax
        here, there = log_softmax(logits), log_softmax(others)
        nats += float((np.exp(here) * (here - there)).sum())
    return Measured(nats / (steps * _TEXTS), steps * _TEXTS, _step_seconds(int8), _step_seconds(float32))


def _step_seconds(engine: OnnxEngine) -> float:
    """The shortest of some rounds: another process can only slow a round down."""
    state, ids = engine.zero_state(1), np.zeros(1, dtype=np.int64)

    def steps(count: int) -> float:
        nonlocal state
        begin = time.perf_counter()
        for _ in range(count):
            _, state = engine.step(ids, state)
        return (time.perf_counter() - begin) / count

    return min(steps(count) for count in (2, 10, 10, 10))


def _graph(weights: Weights, precision: Precision) -> bytes:
    from charlstm.sampling.engines.graph import build_graph

    return build_graph(weights.tensors, weights.config.model, precision)


def _open_torch(weights: Weights, precision: str, device: str, reason: str) -> Opened:
    if precision not in ("auto", "float32"):
        problem = ("only ", Argument("engine", "onnx"), " has it, on the CPU; torch steps in float32")
        raise CharlstmError(problem, key="precision", value=precision)
    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import model_of
    from charlstm.sampling.engines.torch_engine import TorchEngine

    found = find_device(device)
    return Opened(TorchEngine(model_of(weights, found)), f"torch on {found}, float32", reason)


def _remembered(weights: Weights) -> tuple[Measured, bytes] | None:
    found = graph_cache.find_kept(weights.key)
    return found and (Measured(**found[0]), found[1])
