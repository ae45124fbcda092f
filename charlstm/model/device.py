"""The device that work runs on, and with how many threads.

Knows: which devices this machine has; from which size on work is worth another thread.
Does not know: what will run there.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from charlstm.errors import DeviceError
from charlstm.threads import most_threads
from charlstm.words import counted

_WORTH_A_THREAD = 2**22
"""Products of a step from one character to the next. With 2x128 at 32 rows, three quarters of that for each of two threads, the
second one took 5% off a step of training; with 2x256 it took a third."""
_FEWEST_ROWS = 8
"""Fewer rows take as long as these: the weights have to be read all the same."""
_DEVICES = re.compile(r"cpu|mps|cuda(:(0|[1-9]\d{0,2}))?")


def find_device(name: str) -> torch.device:
    """`auto` takes CUDA, then MPS, then the CPU; `cuda:1` is the second GPU. DeviceError where the named one is not here."""
    _forgive_compacting()
    here = _devices_here()
    if name == "auto":
        return torch.device(here[0])
    if not _DEVICES.fullmatch(name):
        raise DeviceError("expected auto, cpu, cuda, mps, or the number of a GPU, such as cuda:1", key="device", value=name)
    if name not in here:
        missing = "no such device on this machine, or torch was built without it"
        raise DeviceError(missing, key="device", value=name, remedy=f"there is {', '.join(here)}")
    return torch.device(name)


def _devices_here() -> list[str]:
    """By name, the best first."""
    cuda = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def _forgive_compacting() -> None:
    """CUDA's kernel copies the weights of a single layer together at each call, and says so; megabytes take it microseconds."""
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


@contextmanager
def threads_for(weights: int, rows: int) -> Iterator[None]:
    """While open, torch computes with no more threads than pay for steps that multiply so many weights with so many rows.

    Threads that share a small step mostly wait for each other, which takes 10 to 50 times as long as soon as another process
    wants a CPU. How many there are goes by sizes and the machine, and never by a clock, since sums may depend on it: the same
    training gives the same weights. What the user has told torch is the most there are, and holds again afterwards.
    """
    before, wanted = torch.get_num_threads(), worth_threads(weights, rows)
    if wanted == before:
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def worth_threads(weights: int, rows: int) -> int:
    """How many threads these are."""
    return max(1, min(torch.get_num_threads(), most_threads(), weights * max(rows, _FEWEST_ROWS) // _WORTH_A_THREAD))


def describe_device(device: torch.device, threads: int | None = None) -> str:
    """`cpu, 2 threads`, by default as many as there are; for a GPU its name."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    if device.type != "cpu":
        return device.type
    threads = threads or min(torch.get_num_threads(), most_threads())
    return f"cpu, {counted(threads, 'thread')}"
