"""Nothing leaves the machine unasked: what is written lies where the user expects it, and nobody is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("before", [None, "", "0", "1"])
def test_onnx_runtime_reports_to_nobody_whatever_the_environment_says(tmp_path: Path, before: str | None) -> None:
    """However it comes to be imported: it would write an id that lasts into the home, at once."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path)} | ({} if before is None else {"ORT_DISABLE_TELEMETRY": before})
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        del environment[name]
    code = "from charlstm.text import types; import onnxruntime"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not list(tmp_path.rglob("*"))
