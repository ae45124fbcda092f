"""The types that texts are handed on in.

Shapes have one alphabet, at the top of `charlstm.model.char_lstm`; N is the length of a text in ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer[Any]]
"""What stands for the characters of a text, (N,), or of texts side by side: the smallest of uint8, uint16 and uint32 where
they are kept, int64 where a library computes with them."""
Progress = Callable[[int, int | None], None]
"""Is called now and then with how much was done so far and how much there is to do, where that is known; it may raise."""
