"""What other libraries are told by the environment before they are loaded.

Importing `charlstm`, or any part of it, comes here first, so that no import of a library can go round it.

Knows: which libraries ask the environment, and what for.
Does not know: the libraries. It imports none.
"""

from __future__ import annotations

import os


def forbid_reports() -> None:
    """ONNX Runtime 1.31 writes down who runs it and looks up a host of its maker, as it is imported, unless this is set.

    Whatever stood there before: an empty value and 0 would let it.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def wait_asleep() -> None:
    """Let the threads of torch sleep while they wait for each other, unless the user has said how they are to wait.

    By itself OpenMP lets them spin for milliseconds. Where another process wants one of their CPUs, the one that is waited for
    then gets none, and work takes many times as long. Only for a process that is all ours, and before torch is loaded.
    """
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
