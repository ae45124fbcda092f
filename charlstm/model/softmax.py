"""Logits -> the logarithms of probabilities, without torch.

Knows: one function.
Does not know: where logits come from, what is drawn by them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from charlstm.model.types import Doubles


def log_softmax(logits: npt.NDArray[np.floating]) -> Doubles:
    """The logarithms of the softmax over the last axis, in nats: logits (..., V) -> (..., V).

    In float64 whatever came: distributions that hardly differ are nearer than float32 can tell. What is -inf stays so.

    >>> log_softmax(np.log([[0.5, 0.5, 1.0]]) + 1000).round(3).tolist()  # ln 1/4, ln 1/4, ln 1/2
    [[-1.386, -1.386, -0.693]]
    """
    shifted: Doubles = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)  # so that no exponential overflows
    mass: Doubles = np.exp(shifted).sum(axis=-1, keepdims=True)
    return shifted - np.log(mass)
