"""Has the system refuse things to this process: `scripts/refusing.c`, which is built and loaded into it from its start.

Knows: how that is built, how a script starts anew with it, where it can't be had.
Does not know: what is refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_LOADED = "REFUSING"


def can_refuse() -> bool:
    """Whether this process has it."""
    return _LOADED in os.environ


def start_with_it() -> None:
    """Start this script anew with it, where there is a C compiler. Before torch: an import lost costs seconds."""
    compiler = shutil.which("cc")
    if can_refuse() or compiler is None or sys.platform != "linux":
        return
    source = Path(__file__).with_name("refusing.c")
    library = Path(tempfile.gettempdir()) / f"charlstm-refusing-{os.getpid()}.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    os.environ[_LOADED] = os.environ["LD_PRELOAD"] = str(library)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def end_it() -> None:
    """Remove what was built: it stays loaded where it is, and is not in what is started from now on."""
    if can_refuse():
        Path(os.environ[_LOADED]).unlink(missing_ok=True)
