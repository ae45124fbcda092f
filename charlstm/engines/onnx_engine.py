"""One step of the LSTM as an ONNX graph with 8-bit weights, for CPUs.

A step reads every weight once, so its time is that of reading them: 8 bits are read four times as fast as 32. Each block of
128 weights has its own scale (`MatMulNBits` of ONNX Runtime), which keeps the loss within 0.001 nats per character
(docs/benchmarks.md). The product of each symbol with the first layer's input weights is a table made once, in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from charlstm.engines.base import Ids, Logits
from charlstm.engines.torch_engine import TorchEngine
from charlstm.model import CharLSTM

Array = npt.NDArray[np.float32]
States = list[Array]
"""Hidden and cell state of each layer in turn, each (B, H)."""

_BLOCK = 128
_IR_VERSION, _OPSET = 10, 18  # what onnxruntime 1.22, the first with 8 bits in MatMulNBits, reads


class OnnxEngine:
    """Steps with ONNX Runtime; reads primes with the model itself, which is faster for many characters at once."""

    def __init__(self, model: CharLSTM) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        graph = build_graph(model).SerializeToString()
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._inputs = [i.name for i in self._session.get_inputs()]
        self._reader = TorchEngine(model)

    def prefill(self, ids: Ids, state: States | None = None) -> tuple[Logits, States]:
        """See `Engine.prefill`."""
        packed = None if state is None else (_stack(state[0::2]), _stack(state[1::2]))
        logits, (h, c) = self._reader.prefill(ids, packed)
        return logits, [part.numpy() for pair in zip(h, c, strict=True) for part in pair]

    def step(self, ids: Ids, state: States) -> tuple[Logits, States]:
        """See `Engine.step`."""
        logits, *next_state = self._session.run(None, dict(zip(self._inputs, [ids, *state], strict=True)))
        return logits, next_state

    def select(self, state: States, rows: Sequence[int]) -> States:
        """See `Engine.select`."""
        return [part[rows] for part in state]


def _stack(parts: States) -> torch.Tensor:
    return torch.from_numpy(np.stack(parts))


def build_graph(model: CharLSTM) -> ModelProto:
    """The graph of one step: ids (B,), h0 (B, H), c0, h1, ... -> logits (B, V), next h0, c0, h1, ..."""
    weights = {name: p.detach().cpu().float().numpy() for name, p in model.state_dict().items()}
    H, L, V = model.config.hidden_size, model.config.num_layers, model.vocabulary_size
    graph = _Graph()
    for layer in range(L):
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        hidden_hidden, input_hidden = weights[f"lstm.weight_hh_l{layer}"], weights[f"lstm.weight_ih_l{layer}"]
        if layer == 0:
            symbols = weights.get("embedding.weight")
            table = input_hidden.T if symbols is None else symbols @ input_hidden.T  # one-hot: a row a symbol as it is
            read = graph.node("Gather", [graph.constant("table", table + bias), "ids"], "l0_read")
            product = graph.linear("h0", hidden_hidden, "l0_product")
        else:
            read = graph.constant(f"l{layer}_bias", bias)
            both = graph.node("Concat", [f"next_h{layer - 1}", f"h{layer}"], f"l{layer}_both", axis=1)
            product = graph.linear(both, np.concatenate([input_hidden, hidden_hidden], axis=1), f"l{layer}_product")
        graph.cell(graph.node("Add", [product, read], f"l{layer}_gates"), layer)
    # The head stays in float32: it is small, and an error in a logit is an error in a probability.
    head = [graph.constant("head", weights["head.weight"]), graph.constant("head_bias", weights["head.bias"])]
    graph.node("Gemm", [f"next_h{L - 1}", *head], "logits", transB=1)
    state = [f"{kind}{layer}" for layer in range(L) for kind in "hc"]
    return graph.finish(dict.fromkeys(state, H), {"logits": V, **{f"next_{name}": H for name in state}})


class _Graph:
    """An ONNX graph while it is being written. Methods return the name of what they add."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def linear(self, x: str, weight: Array, output: str) -> str:
        """The product of x (B, K) and an 8-bit weight (N, K) -> (B, N)."""
        scales, packed = quantize(weight)
        inputs = [x, self.constant(f"{output}_packed", packed), self.constant(f"{output}_scales", scales)]
        N, K = weight.shape
        sizes = {"K": K, "N": N, "bits": 8, "block_size": _BLOCK, "accuracy_level": 4}
        return self.node("MatMulNBits", inputs, output, domain="com.microsoft", **sizes)

    def cell(self, gates: str, layer: int) -> None:
        """Gates (B, 4H) in nn.LSTM's order i, f, g, o -> the layer's next h and c; the equations of charlstm.cell."""
        at = f"l{layer}_"
        self.nodes.append(helper.make_node("Split", [gates], [at + gate for gate in "ifgo"], axis=1, num_outputs=4))
        i, f, o = (self.node("Sigmoid", [at + gate], f"{at}sigmoid_{gate}") for gate in "ifo")
        g = self.node("Tanh", [at + "g"], at + "tanh_g")
        kept = self.node("Mul", [f, f"c{layer}"], at + "kept")
        written = self.node("Mul", [i, g], at + "written")
        cell = self.node("Add", [kept, written], f"next_c{layer}")
        self.node("Mul", [o, self.node("Tanh", [cell], at + "tanh_c")], f"next_h{layer}")

    def finish(self, inputs: dict[str, int], outputs: dict[str, int]) -> ModelProto:
        """The model, with `ids` (B,) and float inputs and outputs (B, size)."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ("B",))
        values = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("B", size)) for name, size in sizes.items()]
            for sizes in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, "lstm_step", [ids, *values[0]], values[1], self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def quantize(weight: Array) -> tuple[Array, npt.NDArray[np.uint8]]:
    """Weight (N, K) -> a scale for each block of a row, (N, blocks), and its values, (N, blocks, block), where 128 is zero."""
    N, K = weight.shape
    blocks = np.pad(weight, ((0, 0), (0, -K % _BLOCK))).reshape(N, -1, _BLOCK)
    scales = np.abs(blocks).max(axis=2) / 127
    scales[scales == 0] = 1  # a block of zeros
    values = np.rint(blocks / scales[..., None]) + 128
    return scales, values.astype(np.uint8)
