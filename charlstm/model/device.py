"""The device that work runs on.

Knows: which devices this machine has.
Does not know: what will run there.
"""

from __future__ import annotations

import re
import warnings

import torch

from charlstm.errors import DeviceError
from charlstm.words import counted

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


def describe_device(device: torch.device) -> str:
    """`cpu, 2 threads`; for a GPU its name."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"cpu, {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else device.type
