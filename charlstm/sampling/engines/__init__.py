"""What steps a model for sampling: one character in, the logits of the next one out.

`nn.LSTM` on a CPU repacks its weights at every call, which a long sequence pays once and a single character pays in full.
So a CPU steps through a graph of one step, made for ONNX Runtime, and torch steps on the other devices.

Knows: how to step a model fast on its device, and how to read a long prime.
Does not know: characters, how an id is drawn from logits.

The engines themselves are not imported here: generating text on a CPU must not wait for torch.
"""

from charlstm.sampling.engines.base import Engine

__all__ = ["Engine"]
