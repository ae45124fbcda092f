"""One step of the LSTM as an ONNX graph, in three precisions.

A step reads every weight once, so its time is that of reading them: 8 bits are read four times as fast as 32.

- int8: each row of a matrix has a scale, and its products are added up as whole numbers. Hidden states lie between -1 and 1, so
  theirs is fixed: 127 steps to either side of 128, which is zero. Whole numbers add up to the same in any order, so a text is
  the same bit for bit alone and among others.
- int4: each block of 32 weights has a scale (`MatMulNBits` of ONNX Runtime).
- float32: as trained.

The product of each symbol with the first layer's input weights is a table made once, in float32. The head stays in float32: it
is small, and an error in a logit is an error in a probability.

Knows: the operators, and how weights are rounded.
Does not know: torch, sessions, files. The six equations are those of charlstm.model.cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from charlstm.config import ModelConfig
from charlstm.model.types import Floats
from charlstm.sampling.types import Precision

_IR_VERSION, _OPSET = 10, 18  # what onnxruntime 1.22 reads
_INT4_BLOCK = 32  # with blocks of 64 and more, several texts at once came out otherwise than one
_PAIR = 127
"""What two weights that stand side by side may add up to. Without AVX-512 VNNI, two products are added in 16 bits, which hold
255 x 128 and no more."""
QUANTISED_ZERO = 128


def build_graph(weights: Mapping[str, Floats], config: ModelConfig, precision: Precision) -> bytes:
    """A serialized graph: ids (B,), h0, c0, h1, c1, ... (B, H) -> logits (B, V), next h0, c0, h1, ...

    `weights` by the names of `shapes.tensor_shapes`. Hidden states are uint8 in int8, and float32 otherwise.
    """
    graph = _Graph(precision)
    H, L, V = config.hidden_size, config.num_layers, len(weights["head.bias"])
    below = ""
    for layer in range(L):
        hidden_hidden, input_hidden = weights[f"lstm.weight_hh_l{layer}"], weights[f"lstm.weight_ih_l{layer}"]
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        if layer == 0:
            symbols = weights.get("embedding.weight")
            table = input_hidden.T if symbols is None else symbols @ input_hidden.T  # one-hot: a row a symbol as it is
            read = graph.node("Gather", [graph.constant(table + bias), "ids"], "l0_read")
            gates = graph.node("Add", [graph.product("h0", hidden_hidden, "l0_product"), read], "l0_gates")
        else:
            both = graph.node("Concat", [below, f"h{layer}"], f"l{layer}_both", axis=1)
            weight = np.concatenate([input_hidden, hidden_hidden], axis=1)
            gates = graph.product(both, weight, f"l{layer}_gates", bias)
        hidden = graph.cell(gates, layer)
        below = graph.carry(hidden, layer)
    head = [graph.constant(weights["head.weight"]), graph.constant(weights["head.bias"])]
    graph.node("Gemm", [hidden, *head], "logits", transB=1)
    return graph.finish(H, L, V)


class _Graph:
    """An ONNX graph while it is being written. Methods return the name of what they add."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        if precision == "int8":
            self._hidden_scale = self.constant(np.float32(1 / 127))
            self._hidden_zero = self.constant(np.uint8(QUANTISED_ZERO))

    def constant(self, value: npt.ArrayLike) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), f"constant{len(self.constants)}"))
        return str(self.constants[-1].name)

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def product(self, x: str, weight: Floats, output: str, bias: Floats | None = None) -> str:
        """The product of x (B, K) and a weight (N, K), plus a bias (N,) -> (B, N)."""
        more = [] if bias is None else [self.constant(bias)]
        if self.precision == "int8":
            scales, values = quantize_rows(weight)
            inputs = [x, self.constant(values.T), self._hidden_scale, self.constant(scales), self._hidden_zero]
            inputs += [self.constant(np.int8(0)), *more]
            return self.node("MatMulIntegerToFloat", inputs, output, domain="com.microsoft")
        if self.precision == "int4":
            scales, packed = quantize_blocks(weight)
            inputs = [x, self.constant(packed), self.constant(scales), *(["", "", *more] if more else [])]
            N, K = weight.shape
            sizes = {"K": K, "N": N, "bits": 4, "block_size": _INT4_BLOCK, "accuracy_level": 4}
            return self.node("MatMulNBits", inputs, output, domain="com.microsoft", **sizes)
        if not more:
            return self.node("MatMul", [x, self.constant(weight.T)], output)
        return self.node("Add", [self.node("MatMul", [x, self.constant(weight.T)], f"{output}_product"), *more], output)

    def cell(self, gates: str, layer: int) -> str:
        """Gates (B, 4H) in nn.LSTM's order i, f, g, o -> the layer's hidden state (B, H), and its cell as next_c."""
        at = f"l{layer}_"
        self.nodes.append(helper.make_node("Split", [gates], [at + gate for gate in "ifgo"], axis=1, num_outputs=4))
        i, f, o = (self.node("Sigmoid", [at + gate], f"{at}sigmoid_{gate}") for gate in "ifo")
        g = self.node("Tanh", [at + "g"], at + "tanh_g")
        kept = self.node("Mul", [f, f"c{layer}"], at + "kept")
        written = self.node("Mul", [i, g], at + "written")
        cell = self.node("Add", [kept, written], f"next_c{layer}")
        output = at + "hidden" if self.precision == "int8" else f"next_h{layer}"
        return self.node("Mul", [o, self.node("Tanh", [cell], at + "tanh_c")], output)

    def carry(self, hidden: str, layer: int) -> str:
        """A hidden state as it is carried to the next character, and to the layer above."""
        if self.precision != "int8":
            return hidden
        return self.node("QuantizeLinear", [hidden, self._hidden_scale, self._hidden_zero], f"next_h{layer}")

    def finish(self, H: int, L: int, V: int) -> bytes:
        kinds = {"h": TensorProto.UINT8 if self.precision == "int8" else TensorProto.FLOAT, "c": TensorProto.FLOAT}

        def states(prefix: str) -> list[ValueInfoProto]:
            return [
                helper.make_tensor_value_info(f"{prefix}{kind}{layer}", kinds[kind], ("B", H))
                for layer in range(L)
                for kind in "hc"
            ]

        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ("B",))
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ("B", V))
        graph = helper.make_graph(self.nodes, "lstm_step", [ids, *states("")], [logits, *states("next_")], self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION).SerializeToString())


def quantize_rows(weight: Floats) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Weight (N, K) -> a scale for each row, (N,), and its values (N, K); two side by side add up to 128 at most.

    >>> scales, values = quantize_rows(np.array([[0.5, -0.5, 1.0]], dtype=np.float32))
    >>> values.tolist(), (scales[:, None] * values).round(2).tolist()
    ([[64, -64, 127]], [[0.5, -0.5, 1.0]])
    """
    size = np.abs(np.pad(weight, ((0, 0), (0, weight.shape[1] % 2))))
    scales = (size[:, 0::2] + size[:, 1::2]).max(axis=1) / _PAIR
    scales[scales == 0] = 1  # a row of zeros
    return scales, np.rint(weight / scales[:, None]).astype(np.int8)


def quantize_blocks(weight: Floats) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Weight (N, K) -> a scale for each block of 32 in a row, (N, blocks), and two values a byte, (N, blocks, 16); 8 is zero.

    The value with the largest size becomes -8 of the -8 to 7 that four bits hold, so that none is out of reach by much.
    """
    N, K = weight.shape
    blocks = np.pad(weight, ((0, 0), (0, -K % _INT4_BLOCK))).reshape(N, -1, _INT4_BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
    scales = largest / -8
    scales[scales == 0] = 1  # a block of zeros
    values: npt.NDArray[np.uint8] = (np.rint(blocks / scales) + 8).clip(0, 15).astype(np.uint8)
    packed = (values[..., 0::2] | (values[..., 1::2] << 4)).astype(np.uint8)
    return np.ascontiguousarray(scales[..., 0], dtype=np.float32), packed
