from __future__ import annotations

import numpy as np
import pytest
import torch

from charlstm.errors import OutOfMemoryError
from charlstm.out_of_memory import out_of_memory


@pytest.mark.parametrize("allocate", [lambda: np.empty(2**60, dtype=np.uint8), lambda: torch.empty(2**50)])
def test_what_does_not_fit_is_one_line(allocate: object) -> None:
    with pytest.raises(OutOfMemoryError, match=r"^out of memory: use less$"), out_of_memory("use less"):
        allocate()  # type: ignore[operator]


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), out_of_memory("use less"):
        raise RuntimeError("shape mismatch")


def test_the_innermost_remedy_is_the_one_that_is_told() -> None:
    with pytest.raises(OutOfMemoryError, match="use less"), out_of_memory("buy more"), out_of_memory("use less"):
        raise MemoryError
