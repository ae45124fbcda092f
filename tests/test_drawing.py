"""`curves.png` is drawn beside a training: rarely, by another process, and never in its way."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.commands import drawing
from charlstm.commands.drawing import EVERY, Drawing
from charlstm.errors import Stopped
from charlstm.folder import RunFolder
from tests.conftest import TINY, VERSE
from tests.test_plot import make_run, record


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The processes that are started; each sleeps for a minute instead."""
    started: list[list[str]] = []
    popen = subprocess.Popen

    def start(command: list[str], **options: object) -> object:
        started.append(command)
        return popen([sys.executable, "-c", "import time; time.sleep(60)"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(drawing, "_LONGEST", 0.1)
    return started


def test_it_is_drawn_at_most_once_an_interval_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: list[list[str]]
) -> None:
    now = 0.0
    with Drawing(RunFolder(tmp_path)) as curves:
        begin = curves._began
        monkeypatch.setattr(drawing.time, "monotonic", lambda: begin + now)
        drawn = []
        for now in range(0, 1000, 50):
            before = len(commands)
            curves.evaluated()
            drawn += [now] * (len(commands) - before)
        assert drawn == [EVERY, 2 * EVERY]
        monkeypatch.undo()
    assert commands[0] == [sys.executable, "-m", "charlstm", "plot", str(tmp_path)]


def test_training_waits_for_less_than_a_hundredth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: list[list[str]]
) -> None:
    monkeypatch.setattr(drawing, "EVERY", 0.0)  # drawn at every evaluation, each ending the one before
    with Drawing(RunFolder(tmp_path)) as curves:
        begin = time.perf_counter()
        for _ in range(5):
            curves.evaluated()
        each = (time.perf_counter() - begin) / 5
    assert len(commands) == 5
    assert each < EVERY / 100


def test_none_is_left_behind_and_none_is_begun_where_nobody_waits(tmp_path: Path, commands: list[list[str]]) -> None:
    curves = Drawing(RunFolder(tmp_path))
    curves.evaluated()
    curves.__exit__(Stopped, Stopped(2), None)
    assert commands == []
    with Drawing(RunFolder(tmp_path)) as curves:
        curves._draw()
        process = curves._process
    assert process is not None
    assert process.poll() is not None


@pytest.mark.parametrize("off", ["setting", "package", "no news", "no program"])
def test_nothing_is_drawn_where_it_can_not_be_or_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: list[list[str]], off: str
) -> None:
    if off == "package":
        monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    if off == "no program":
        monkeypatch.undo()
        monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with Drawing(RunFolder(tmp_path), off != "setting") as curves:
        if off != "no news":
            curves.evaluated()
    assert commands == []


def test_the_end_of_a_training_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("verse.txt").write_text(VERSE, encoding="utf-8")
    settings = [part for s in (*TINY, "train.max_steps=2", "track.curves=true") for part in ("--set", s)]
    assert main(["train", "verse.txt", "--run", "run", *settings]) == 0
    assert Path("run/curves.png").read_bytes().startswith(b"\x89PNG")
    assert main(["train", "verse.txt", "--run", "run", "--overwrite", *settings, "--set", "track.curves=false"]) == 0
    assert not Path("run/curves.png").exists()


def test_a_real_process_draws(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", record(1, 2.0))
    with Drawing(RunFolder(run)) as curves:
        curves.evaluated()
    assert (run / "curves.png").is_file()
