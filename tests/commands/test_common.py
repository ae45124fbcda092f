from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from charlstm.commands.common import command_to_try, program
from charlstm.commands.signals import stopping
from charlstm.config import load_config
from charlstm.errors import Stopped
from charlstm.runs.diagnosis import Diagnosis
from charlstm.runs.folder import RunFolder
from charlstm.runs.naming import run_name


@pytest.mark.parametrize(
    ("text", "file", "name"),
    [
        ([], None, "python-docs"),
        (["poems.txt", "songs.txt"], None, "poems"),
        (["-"], None, "stdin"),
        (["poems.txt.gz"], None, "poems"),
        (["poems.gz"], None, "poems"),
        (["poems.txt.zst"], None, "poems"),
        (["poems.tar.gz"], None, "poems"),
        (["poems.tgz"], None, "poems"),
        (["texts/*.txt"], None, "run"),
        (["../weird name (1).txt"], None, "weird-name--1"),
        (["..."], None, "run"),
        (["日本.txt"], None, "日本"),
        (["x" * 300], None, "x" * 60),
        ([], Path("configs/tutorial.toml"), "tutorial"),
        (["poems.txt"], Path("configs/tutorial.toml"), "poems"),
        ([], Path("runs/poems/config.toml"), "poems"),
        ([], Path("config.toml"), "config"),
    ],
)
def test_a_run_is_called_after_its_text_or_config(text: list[str], file: Path | None, name: str) -> None:
    config = load_config(None, **({"data": {"text": text}} if text else {}))
    assert run_name(text, file, config) == name


@pytest.mark.parametrize(
    ("installed", "called", "expected"),
    [
        ("/usr/bin/charlstm", "/usr/bin/charlstm", "charlstm"),
        (None, "/my env/bin/charlstm", "'/my env/bin/charlstm'"),
        (None, "/site/charlstm/__main__.py", "'/my env/bin/python' -m charlstm"),
    ],
)
def test_the_program_is_named_as_a_shell_can_call_it(
    monkeypatch: pytest.MonkeyPatch, installed: str | None, called: str, expected: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: installed)
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(sys, "executable", "/my env/bin/python")
    assert program() == expected


@pytest.mark.parametrize(
    ("text", "diagnosis", "expected"),
    [
        ("verse.txt", Diagnosis("too early", "", goes_on=True), "--resume --run '{run}'"),
        (
            "verse.txt",
            Diagnosis("still learning", "", {"train.epochs": 4}, goes_on=True),
            "--resume --run '{run}' --set train.epochs=4",
        ),
        (
            "verse.txt",
            Diagnosis("overfitting", "", {"model.dropout": 0.4}),
            "--config '{run}/config.toml' --set model.dropout=0.4",
        ),
        ("verse.txt", Diagnosis("well trained", ""), None),
        ("-", Diagnosis("overfitting", "", {"model.dropout": 0.4}), None),
        (None, Diagnosis("overfitting", "", {"model.dropout": 0.4}), None),
    ],
)
def test_a_diagnosis_becomes_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, diagnosis: Diagnosis, expected: str | None
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/charlstm")
    folder = RunFolder(tmp_path / "my run")
    folder.path.mkdir()
    if text:
        folder.write_config(load_config(None, data={"text": text}))
    command = command_to_try(diagnosis, folder)
    assert command == (expected and f"charlstm train {expected.format(run=folder.path)}")


class FakeTrainer:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def stop(self) -> None:
        self.asked.append("stop")

    def stop_at_once(self) -> None:
        self.asked.append("at once")


def test_a_first_signal_asks_and_a_second_ctrl_c_insists() -> None:
    trainer = FakeTrainer()
    before = signal.getsignal(signal.SIGINT)

    def interrupt_twice() -> None:
        with stopping(trainer) as received:
            signal.raise_signal(signal.SIGINT)
            assert (trainer.asked, received) == (["stop"], [signal.SIGINT])
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped):
        interrupt_twice()
    assert trainer.asked == ["stop", "at once"]
    assert signal.getsignal(signal.SIGINT) is before
