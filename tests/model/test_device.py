from __future__ import annotations

import warnings

import pytest
import torch

from charlstm.errors import DeviceError
from charlstm.model.device import describe_device, find_device


def test_auto_prefers_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, expected in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert find_device("auto").type == expected


def test_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="device='cuda': no such device"):
        find_device("cuda")
    with pytest.raises(DeviceError, match="expected auto, cpu, cuda, mps"):
        find_device("gpu")


def test_description() -> None:
    assert describe_device(torch.device("cpu")).startswith("cpu, ")


def test_a_warning_that_layers_are_called_one_by_one_is_not_shown() -> None:
    find_device("cpu")
    warnings.warn(
        "RNN module weights are not part of single contiguous chunk of memory. They need to be compacted", stacklevel=1
    )
