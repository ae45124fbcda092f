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


def wait_briefly() -> None:
    """Let threads of torch that wait for each other spin for some tenths of a millisecond, then sleep; the user may say else.

    By itself OpenMP lets them spin for many milliseconds. Where another process wants one of their CPUs, the thread that is
    waited for then gets none. 0 would be slower on a machine that does nothing else. Only for a process that is all ours, and
    before torch is loaded; OpenMP of GNU alone reads it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
