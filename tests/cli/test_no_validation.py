"""A run that learns from all of its text, and what every command makes of one without a validation loss."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import charlstm
from charlstm.cli import main
from tests.conftest import TINY, VERSE

SETTINGS = [part for setting in (*TINY, "data.validation=0", "train.eval_every=5") for part in ("--set", setting)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "verse.txt", "--run", "r", *SETTINGS]) == 0
    return folder


@pytest.fixture(autouse=True)
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, for a test to do with as it likes."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert "nan" not in (out + err).split()
    assert "None" not in out + err
    return out + err


def test_there_is_a_newest_model_and_no_best_one(folder: Path) -> None:
    assert (folder / "r" / "last.safetensors").is_file()
    assert not (folder / "r" / "best.safetensors").exists()
    records = [json.loads(line) for line in (folder / "r" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert {(record["validation_loss"], record["bpc"]) for record in records} == {(None, None)}
    assert all(record["train_loss"] > 0 for record in records)
    titles = [line for line in (folder / "r" / "samples.txt").read_text("utf-8").splitlines() if line.startswith("===")]
    assert len(titles) == len(records)
    assert all("training" in title and "validation" not in title for title in titles)


def test_what_is_said_while_it_trains(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "train", "verse.txt", "--run", "again", *SETTINGS)
    assert f"{len(VERSE):,} to learn from, all of it; none to validate on" in shown
    assert "validation " not in shown.split("run       again")[1].split("curves")[0]
    assert "again/last.safetensors" in shown
    assert "best" not in shown
    assert "no part of the text is kept for validation" in shown
    lesson = said(capsys, "train", "verse.txt", "--run", "lesson", *SETTINGS, "--set", "train.style=lesson")
    assert "Train Loss: " in lesson
    assert "Validation Loss" not in lesson


def test_every_command_copes(capsys: pytest.CaptureFixture[str]) -> None:
    row = said(capsys, "runs", "r")
    assert "finished" in row
    assert "no part of the text is kept for it" in said(capsys, "info", "r")
    assert json.loads(said(capsys, "info", "r", "--json"))["validation_loss"] is None
    assert "validation loss  none" in " ".join(said(capsys, "compare", "r", "r", "--length", "5").split("\n")[6:7]).strip()
    picture = said(capsys, "plot", "r", "--terminal")
    assert "training loss, nats per character" in picture
    assert "not recorded" not in picture
    said(capsys, "plot", "r", "r", "--output", "two.svg")
    said(capsys, "plot", "r")
    assert len(said(capsys, "sample", "r", "--length", "20")) >= 20
    assert "kept no part of its own for validation" in said(capsys, "memory", "r", "--places", "2")
    wrong = said(capsys, "eval", "r", "verse.txt", "--validation", code=2)
    assert wrong == "charlstm: r was trained with data.validation = 0: no part of the text was kept for validation\n"
    assert "stateful" in said(capsys, "eval", "r", "verse.txt")


def test_it_goes_on_and_begins_others(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    shown = said(capsys, "train", "--resume", "--run", "r", "--set", "train.epochs=3")
    assert "resumed at step" in shown
    said(capsys, "train", "verse.txt", "--run", "from", "--from", "r", *SETTINGS[-4:])
    assert (folder / "from" / "last.safetensors").is_file()
    wrong = said(capsys, "train", "--resume", "--run", "r", "--set", "train.epochs=4", "--set", "data.validation=0.1", code=2)
    assert "data.validation" in wrong


@pytest.mark.parametrize("command", [["train", "verse.txt", "--run", "p"], ["train", "--resume", "--run", "r"]])
def test_patience_needs_something_to_wait_for(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    settings = SETTINGS if "verse.txt" in command else []
    wrong = said(capsys, *command, *settings, "--set", "train.patience=2", code=2)
    for part in ("train.patience = 2", "data.validation = 0", "leave it at 0"):
        assert part in wrong


def test_python_sees_the_same(folder: Path) -> None:
    run = charlstm.Run("r")
    assert run.best is None
    assert [point.validation_loss for point in run.curve()] == [None] * len(run.curve())
    assert run.curve()
    assert run.diagnosis().kind == "not validated"
    assert run.model().facts.validation_loss is None
    assert "<" in run._repr_html_()
    with pytest.raises(charlstm.CharlstmError, match=r"data\.validation = 0"):
        run.model().evaluate("verse.txt", part="validation")
    with pytest.raises(charlstm.ConfigError, match="patience"):
        charlstm.start("verse.txt", run=folder / "x", validation=0, patience=1)
