"""Narrow terminals and pipes: what every command that shows rows does with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from charlstm.cli import main
from tests.conftest import TINY, VERSE

LONG = "run-" + "x" * 180 + "-end"
ODD = ["日本語の名前がとても長い名前です一二三四五六七八九十", "😀 emoji", "two\nlines\x1b[31m", "plain"]
SETTINGS = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]
COMMANDS = {
    "runs": ["runs", "runs"],
    "compare": ["compare", "runs/plain", f"runs/{LONG}", "--length", "5"],
    "info": ["info", f"runs/{LONG}"],
    "eval": ["eval", "runs/plain", "verse.txt"],
    "score": ["score", "runs/plain", "verse.txt"],
    "score documents": ["score", "runs/plain", "verse.txt", "日本語日本語日本語.txt", "--by", "document"],
    "classify": ["classify", "verse.txt", "--model", f"{'label' * 40}=runs/plain", "--model", "日本=runs/plain"],
    "memory": ["memory", "runs/plain", "verse.txt", "--places", "2"],
    "explain": ["explain", "runs/plain", "green"],
    "features": ["inspect", "runs/plain", "verse.txt", "--find"],
    "data": ["data", "list"],
    "plot": ["plot", "runs/plain", "--terminal"],
    "dry run": ["train", "verse.txt", "--dry-run", "--run", LONG],
    "train": ["train", "verse.txt", "--run", "again", "--overwrite", *SETTINGS],
    "lesson": ["train", "verse.txt", "--run", "again", "--overwrite", *SETTINGS, "--set", "train.style=lesson"],
}
FITS = {"runs", "compare", "eval", "score documents", "memory", "features", "data"}
"""Whose lines are all rows; others also have lines that are there to be copied, or are left to the terminal to wrap."""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run under many names: what is shown of it does not depend on how it was trained."""
    folder = tmp_path_factory.mktemp("narrow")
    for name in ("verse.txt", "日本語日本語日本語.txt"):
        (folder / name).write_text(VERSE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "verse.txt", "--run", "runs/plain", *SETTINGS]) == 0
        for name in (LONG, *ODD[:-1]):
            shutil.copytree("runs/plain", Path("runs") / name)
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str, str, bool], str]:
    """What a command shows, on a terminal with so many columns or in a pipe."""

    def run(command: str, columns: str, is_terminal: bool) -> str:
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setenv("TERM", "dumb")
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(f"sys.{name}.isatty", lambda: is_terminal, raising=False)
        capsys.readouterr()
        assert main(COMMANDS[command]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_goes_with_every_width(command: str, at: Callable[[str, str, bool], str]) -> None:
    for columns in ("1", "50") if command in ("train", "lesson", "dry run") else ("1", "30", "50", "abc"):
        shown = at(command, columns, True)
        if command in FITS and columns != "1":
            assert max(map(cell_len, shown.splitlines())) <= (80 if columns == "abc" else int(columns)), columns


@pytest.mark.parametrize("command", sorted(FITS - {"eval"}))
def test_in_a_pipe_a_narrow_terminal_changes_nothing(command: str, at: Callable[[str, str, bool], str]) -> None:
    assert at(command, "10", False) == at(command, "200", False)


def test_a_table_with_times_is_whole_in_a_pipe(at: Callable[[str, str, bool], str]) -> None:
    shown = at("eval", "10", False)
    assert [line.split()[0] for line in shown.splitlines()] == ["protocol", "stateful", "cold-256"]
    assert shown.splitlines()[0].endswith("a second")


def test_the_runs_in_a_pipe_are_a_line_each_with_their_whole_names(at: Callable[[str, str, bool], str]) -> None:
    shown = at("runs", "50", False).splitlines()
    assert len(shown) == 1 + len(ODD) + 1
    for name in (LONG, *ODD):
        assert any(line.startswith(name.replace("\n", "\\n").replace("\x1b", "\\x1b")) for line in shown), name
    assert all("verse.txt" in line and "finished" in line for line in shown[1:])


@pytest.mark.parametrize(("columns", "kept"), [("30", "loss"), ("50", "state"), ("80", "text")])
def test_narrow_tables_of_runs_keep_what_matters(columns: str, kept: str, at: Callable[[str, str, bool], str]) -> None:
    head, *rows = at("runs", columns, True).splitlines()
    assert kept in head.split()
    assert len(rows) == len(ODD) + 1
    assert any(row.startswith("plain ") for row in rows)
    assert any(row.startswith("run-x") and "-end" in row for row in rows)
