"""What stands between a process and its system in a test: libraries in C, compiled where there is a compiler."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def compiled(name: str, folder: Path) -> Path:
    """The library of `name`.c, for LD_PRELOAD, in `folder`; the test is skipped where there can be none."""
    if sys.platform != "linux":
        pytest.skip("LD_PRELOAD is for Linux")
    if not (compiler := shutil.which("cc")):
        pytest.skip("there is no C compiler")
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library
