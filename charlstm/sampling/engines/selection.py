"""Which engine steps a model, and in which precision: the same each time for one model on one kind of CPU.

`auto` steps on a CPU in 8 bits where they are faster and cost next to nothing. The same seed must write the same text, so
neither is told by a clock. Whether they are faster goes by the size of the model. What they cost is measured the first time
that it is opened, on text of its own: what 8 bits change in the probabilities of its characters is the divergence of the two,
and no other text has to be at hand. It is computed in one order, by one thread, from fixed draws, so that it comes out the
same wherever the CPU is of one kind, and whether or not it can be kept. 4 bits must be asked for: they make one text somewhat
faster, and several slower.

Knows: engines, precisions, devices; what 8 bits cost in nats.
Does not know: what the engine is for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from charlstm.config import ModelConfig
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
FEWEST_WEIGHTS = 2**18
"""Weights that a step multiplies, from which on 8 bits are faster: in float32 a megabyte, about what a core's own cache holds.

With fewer, a step waits for no memory, and rounding its states takes longer than fewer bytes save. Measured with AVX512-VNNI,
one text, in times of float32: 1.00 at 200,704 weights in one layer, 0.96 at 248,832 in two, 1.06 at 250,880 in three; at the
next sizes above, 1x256, 2x160 and 3x128, it was 0.92, 0.96 and 0.87. Several texts at once gain from fewer weights on.
"""
_TEXTS, _STEPS = 32, 32
_MOST_WORK = 1.5e10
"""Weights times characters for which the divergence is measured: some tenths of a second."""


@dataclass(frozen=True)
class Measured:
    """What 8 bits cost when the model was first opened."""

    nats: float
    """Worse a character."""
    characters: int

    @property
    def precision(self) -> Precision:
        """The one to take."""
        return "int8" if self.nats <= MOST_NATS else "float32"

    def __str__(self) -> str:
        return f"int8 costs {self.nats:.5f} nats a character, on {self.characters:,} of its own"


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
    return _open_by_itself(weights)


def _open_by_itself(weights: Weights) -> Opened:
    """As `auto` has it: by the size of the model, and where 8 bits may be faster by what they cost."""
    when = "before"
    if not (kept := graph_cache.find_kept(weights.key)):
        when, kept = "now", _made(weights)
        graph_cache.keep(weights.key, *kept)
    facts, graph = kept
    if not facts:
        return Opened(OnnxEngine(graph), "onnx, float32", "for a model as small as this, 8 bits are no faster")
    measured = Measured(**facts)
    return Opened(OnnxEngine(graph), f"onnx, {measured.precision}", f"measured {when}: {measured}")


def _made(weights: Weights) -> tuple[dict[str, Any], bytes]:
    """What was measured of a model, nothing if it is small, and the graph to take."""
    float32 = _graph(weights, "float32")
    if multiplied_weights(weights.config.model) < FEWEST_WEIGHTS:
        return {}, float32
    int8 = _graph(weights, "int8")
    measured = measure(OnnxEngine(int8, threads=1), OnnxEngine(float32, threads=1), weights)
    return asdict(measured), int8 if measured.precision == "int8" else float32


def multiplied_weights(config: ModelConfig) -> int:
    """How many a step multiplies within the layers: the first one's inputs are looked up.

    >>> multiplied_weights(ModelConfig(num_layers=2, hidden_size=512))  # 2048 x 512, and 2048 x (512 + 512)
    3145728
    """
    return 4 * config.hidden_size**2 * (2 * config.num_layers - 1)


def engine_of(model: CharLSTM) -> Engine:
    """What generates with a model that is in memory: exactly, and without measuring."""
    if model.head.weight.device.type == "cpu":
        from charlstm.sampling.engines.graph import build_graph

        tensors = {name: p.detach().numpy() for name, p in model.state_dict().items()}
        return OnnxEngine(build_graph(tensors, model.config, "float32"))
    from charlstm.sampling.engines.torch_engine import TorchEngine

    return TorchEngine(model)


def measure(int8: OnnxEngine, float32: OnnxEngine, weights: Weights) -> Measured:
    """Let a model generate in float32, and read it again in 8 bits: the mean Kullback-Leibler divergence."""
    steps = max(8, min(_STEPS, int(_MOST_WORK / (sum(tensor.size for tensor in weights.tensors.values()) * _TEXTS))))
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
    return Measured(nats / (steps * _TEXTS), steps * _TEXTS)


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
