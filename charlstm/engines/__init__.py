"""What steps a model for sampling: one character in, the logits of the next one out.

`nn.LSTM` on a CPU repacks its weights at every call, which a long sequence pays once and a single character pays in full.
So prefill (the prime) goes through the model itself, and stepping on a CPU through a graph of one step with 8-bit weights.

Knows: how to step a model fast on its device.
Does not know: characters, how an id is drawn from logits.
"""

from charlstm.engines.base import Engine
from charlstm.engines.onnx_engine import OnnxEngine
from charlstm.engines.torch_engine import TorchEngine
from charlstm.model import CharLSTM

__all__ = ["Engine", "OnnxEngine", "TorchEngine", "open_engine"]


def open_engine(model: CharLSTM) -> Engine:
    """The fastest engine for the device that the model is on."""
    return OnnxEngine(model) if model.head.weight.device.type == "cpu" else TorchEngine(model)
