from __future__ import annotations

import pytest
import torch

from charlstm.training.step import some_reset


def test_streams_begin_anew_as_often_as_asked() -> None:
    torch.manual_seed(1)
    state = (torch.ones(2, 4000, 3), torch.ones(2, 4000, 3))
    hidden, cell = some_reset(state, 0.25) or state
    assert torch.equal(hidden, cell), "hidden and cell state together"
    assert torch.equal(hidden, hidden[:1, :, :1].expand_as(hidden)), "all layers and units together"
    assert (hidden[0, :, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_without_resets_the_state_is_the_one_carried() -> None:
    state = (torch.ones(2, 4, 3), torch.ones(2, 4, 3))
    assert some_reset(state, 0) is state
    assert some_reset(None, 0.5) is None
