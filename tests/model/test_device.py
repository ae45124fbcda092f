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


def test_one_of_several_gpus_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert find_device("cuda:1") == torch.device("cuda", 1)
    assert find_device("auto") == find_device("cuda") == torch.device("cuda")
    assert describe_device(find_device("cuda:1")) == "cuda:1, GPU 1"
    with pytest.raises(DeviceError, match=r"^device='cuda:2': no such device .*; there is cuda, cuda:0, cuda:1, cpu$"):
        find_device("cuda:2")
    for name in ("cuda:", "cuda:01", "cuda:-1", "cuda:x", "cpu:0", "cuda:1 "):
        with pytest.raises(DeviceError, match=r"expected auto, cpu, cuda, mps, or the number of a GPU, such as cuda:1$"):
            find_device(name)


def test_where_there_is_no_gpu_its_number_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"^device='cuda:1': no such device .*; there is cpu$"):
        find_device("cuda:1")


def test_description() -> None:
    assert describe_device(torch.device("cpu")).startswith("cpu, ")


def test_a_warning_that_layers_are_called_one_by_one_is_not_shown() -> None:
    find_device("cpu")
    warnings.warn(
        "RNN module weights are not part of single contiguous chunk of memory. They need to be compacted", stacklevel=1
    )
