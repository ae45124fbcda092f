from __future__ import annotations

import warnings
from contextlib import suppress

import pytest
import torch

from charlstm.errors import DeviceError
from charlstm.model.device import describe_device, find_device, threads_for
from charlstm.text.batches import batches
from charlstm.training.prepared import Prepared
from charlstm.training.step import take_step
from tests.conftest import make_trainer


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


@pytest.mark.parametrize(
    ("weights", "rows", "threads"),
    [(10_000, 8, 1), (2**17, 32, 1), (2**17, 64, 2), (2**19, 1, 1), (2**20, 1, 2), (2**20, 64, 6), (2**30, 64, 6)],
)
def test_work_gets_as_many_threads_as_it_is_worth(
    monkeypatch: pytest.MonkeyPatch, weights: int, rows: int, threads: int
) -> None:
    """Six CPUs, and a user who told torch to take seven threads: that holds again afterwards, whatever happens."""
    monkeypatch.setattr("charlstm.model.device.most_threads", lambda: 6)
    before = torch.get_num_threads()
    torch.set_num_threads(7)
    try:
        with suppress(KeyError), threads_for(weights, rows):
            assert torch.get_num_threads() == threads
            raise KeyError
        assert torch.get_num_threads() == 7
        torch.set_num_threads(1)
        with threads_for(2**30, 64):
            assert torch.get_num_threads() == 1, "never more than the user has"
    finally:
        torch.set_num_threads(before)


def test_a_training_takes_no_more_threads_than_it_is_worth(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, backward and the optimizer; and torch is as it was."""
    monkeypatch.setattr("charlstm.model.device.most_threads", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen = set()
    try:
        trainer = make_trainer(prepared)
        trainer._training.model.head.weight.register_hook(lambda _: seen.add(torch.get_num_threads()))
        trainer._training.optimizer.register_step_pre_hook(lambda *_: seen.add(torch.get_num_threads()))
        take_step(trainer._training, next(batches(prepared.ids, prepared.layout)), 0.1, prepared.config.train)
        assert (seen, torch.get_num_threads()) == ({1}, 3)
    finally:
        torch.set_num_threads(before)
