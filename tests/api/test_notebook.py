"""In a real notebook: a kernel of its own runs the cells, and a browser shows what they gave."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import charlstm
from tests.conftest import ROOT

pytest.importorskip("nbclient")
pytest.importorskip("playwright")


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), reason="there is no Chromium"
)
def test_training_shows_one_bar_and_values_show_themselves(run: charlstm.Run, poems: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    shutil.copytree(run.path, tmp_path / "runs" / "demo")
    shutil.copy(poems, tmp_path / "poems.txt")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "notebook.py", "shown.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    trained, curves, score, trace = answer["cells"]
    assert answer["errors"] == [], "scripts of the page in the frame run"
    assert trained["stderr"].count("\n") <= 1, "one bar"
    assert "epoch 4" in trained["stderr"]
    assert "100%" in trained["stderr"]
    assert [cell["stderr"] for cell in (curves, score, trace)] == ["", "", ""]
    assert [cell["stdout"] for cell in answer["cells"]] == [""] * 4
    assert curves["text/html"].startswith("<img")
    assert "nats" in score["text/html"]
    assert trace["text/html"].startswith("<iframe")
    assert "Run(" in curves["text/plain"]
    assert (tmp_path / "shown.png").read_bytes().startswith(b"\x89PNG")
