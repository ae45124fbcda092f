"""The types that a model's numbers are handed on in, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = list[Array]
Floats = npt.NDArray[np.float32]
"""What a model computes with."""
Doubles = npt.NDArray[np.float64]
"""What probabilities are added up in."""


@dataclass(frozen=True)
class Loss:
    """What predictions cost: a sum and a count, because means of different counts can't be added up.

    >>> Loss(nats=6.0, count=4).mean
    1.5
    """

    nats: float
    count: float
    """How many characters it is over; one that counts half is half a one."""

    @property
    def mean(self) -> float:
        """Nats per character; 0 where none counts."""
        return self.nats / self.count if self.count else 0.0
