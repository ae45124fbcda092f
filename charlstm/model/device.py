"""The device that work runs on.

Knows: which devices this machine has.
Does not know: what will run there.
"""

from __future__ import annotations

import warnings

import torch

from charlstm.errors import DeviceError


def find_device(name: str) -> torch.device:
    """`auto` takes CUDA, then MPS, then the CPU. DeviceError where the named one is not here."""
    _forgive_compacting()
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, here in available.items() if here))
    if name not in available:
        raise DeviceError(f"--device {name}: expected auto, {', '.join(sorted(available))}")
    if not available[name]:
        here = ", ".join(device for device, is_here in available.items() if is_here)
        raise DeviceError(f"--device {name}: no such device on this machine, or torch was built without it; there is {here}")
    return torch.device(name)


def _forgive_compacting() -> None:
    """CUDA's kernel copies the weights of a single layer together at each call, and says so; megabytes take it microseconds."""
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


def describe_device(device: torch.device) -> str:
    """`cpu, 2 threads`; for a GPU its name."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    return f"cpu, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type
