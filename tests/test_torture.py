"""A few of each fault of scripts/torture.py, for real; docs/reliability.md has the counts of all of them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="forks, signals and limits are POSIX's, the memory in use is Linux's")
def test_all_that_must_hold_holds() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/torture.py", "--short"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    rows = re.findall(r"^\| (\w+) \| (\d+) of (\d+) \|", result.stdout, re.MULTILINE)
    assert "Traceback" not in result.stderr, result.stderr
    assert {name for name, _, _ in rows} == {
        "resume", "kill", "signals", "disk", "damage", "divergence", "memory", "lock",
    }  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(held == of != "0" for _, held, of in rows), result.stdout
