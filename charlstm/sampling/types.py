"""The types of what stands between a model and the text that is drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from charlstm.text.types import Ids

Logits = npt.NDArray[np.float32]
"""What a model says of the next id of each text, (B, V)."""
EngineName = Literal["auto", "torch", "onnx"]
"""What steps a model; `auto` goes by the device."""
Precision = Literal["float32", "int8", "int4"]
PrecisionChoice = Literal["auto"] | Precision
"""The numbers that it steps in; `auto` takes what was measured."""
EngineState = Any
"""A value that belongs to one engine: it may be kept and stepped from again, and no step changes it."""
History = Sequence[int] | Ids
"""The ids that a text holds so far, its prime too. `array.array("q")` is the fastest that can grow: numpy reads it as it is."""
