"""The types that a model's numbers are handed on in, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = list[Array]
Floats = npt.NDArray[np.float32]
"""What a model computes with."""
Doubles = npt.NDArray[np.float64]
"""What probabilities are added up in."""
