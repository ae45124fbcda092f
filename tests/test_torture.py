"""A few of each fault of scripts/torture.py, for real; docs/reliability.md has the counts of all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

THIRDS = [("signals", "memory", "kill"), ("resume", "divergence", "disk", "lock", "damage"), ("places", "together")]
"""Of about equal length. Each has a process of its own, which needs seconds to import what its children need."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, signals and limits are POSIX's, the memory in use is Linux's")
@pytest.mark.parametrize("parts", THIRDS, ids=" ".join)
def test_all_that_must_hold_holds(parts: tuple[str, ...]) -> None:
    if "places" in parts and not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    only = [argument for part in parts for argument in ("--only", part)]
    result = subprocess.run(
        [sys.executable, "scripts/torture.py", "--short", *only], cwd=ROOT, capture_output=True, text=True, check=False
    )
    rows = re.findall(r"^\| (\w+) \| (\d+) of (\d+) \|", result.stdout, re.MULTILINE)
    assert "Traceback" not in result.stderr, result.stderr
    assert tuple(name for name, _, _ in rows) == parts
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(held == of != "0" for _, held, of in rows), result.stdout


def test_no_part_is_left_out() -> None:
    source = (ROOT / "scripts" / "torture.py").read_text(encoding="utf-8")
    parts = re.findall(r'^    "(\w+)": \(\1, \d+, \d+\),$', source, re.MULTILINE)
    assert sorted(parts) == sorted(part for third in THIRDS for part in third)
    assert len(parts) == source.count(") -> Result:")
