from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from charlstm.model.softmax import log_softmax
from charlstm.model.types import Floats


@given(arrays(np.float32, array_shapes(max_dims=3), elements=st.floats(-1e4, 1e4, width=32)))
def test_it_is_torchs_own_in_float64(logits: Floats) -> None:
    found = log_softmax(logits)
    assert found.shape == logits.shape
    assert found.dtype == np.float64
    truth = torch.log_softmax(torch.from_numpy(logits.copy()).double(), -1).numpy()
    np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-12)


def test_what_is_out_of_reach_stays_so_and_nothing_overflows() -> None:
    found = log_softmax(np.array([[-np.inf, 3e38, 3e38], [0, -np.inf, -np.inf]], np.float32))
    assert found[0].tolist() == [-np.inf, pytest.approx(np.log(0.5)), pytest.approx(np.log(0.5))]
    assert found[1].tolist() == [0, -np.inf, -np.inf]
