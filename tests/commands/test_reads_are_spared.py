"""No output of any command takes the place of what that command reads, whatever it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import charlstm
from charlstm.cli import main
from charlstm.errors import RunError
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import Inputs, refuse_replacing
from tests.conftest import TINY, VERSE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links are POSIX's")
QUICK = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled_once: Callable[..., Path]) -> Path:
    """A folder with a text, two runs, and what else a command may read; `runs/verse` was trained once for all tests."""

    def train(folder: Path) -> None:
        (folder / "a.txt").write_text(VERSE, encoding="utf-8")
        assert main(["train", str(folder / "a.txt"), "--run", str(folder / "run"), *QUICK]) == 0

    import shutil

    shutil.copytree(filled_once("outputs", train), tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    shutil.copytree("run", "other")
    Path("best.svg").symlink_to("run/best.safetensors")
    os.link("a.txt", "hard.svg")
    Path("prime.txt").write_text("green", encoding="utf-8")
    Path("own.toml").write_text("[sample]\nlength = 5\n", encoding="utf-8")
    shutil.copy("a.txt", "text.svg")
    return tmp_path / "work"


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock"}


SAMPLE = ["sample", "run", "--length", "5", "--seed", "1"]
REFUSED = {
    "sample, the model": [*SAMPLE, "--output", "run/best.safetensors"],
    "sample, the run": [*SAMPLE, "--output", "run/config.toml"],
    "sample, the run of a model file": ["sample", "run/best.safetensors", "--length", "5", "--output", "run/metrics.jsonl"],
    "sample, a link": [*SAMPLE, "--output", "best.svg"],
    "sample, another spelling": [*SAMPLE, "--output", "other/../run/./best.safetensors"],
    "sample, what is blended": [*SAMPLE, "--blend", "other:1", "--output", "other/best.safetensors"],
    "sample, the prime": [*SAMPLE, "--prime-file", "prime.txt", "--output", "prime.txt"],
    "sample, the primes": [*SAMPLE, "--primes", "prime.txt", "--output", "prime.txt"],
    "sample, the config": [*SAMPLE, "--config", "own.toml", "--output", "own.toml"],
    "sample, the corpus": [*SAMPLE, "--novelty", "a.txt", "--output", "hard.svg"],
    "sample, a corpus by a glob": [*SAMPLE, "--novelty", "*.txt", "--output", "a.txt"],
    "inspect, a page": ["inspect", "run", "a.txt", "--html", "hard.svg"],
    "inspect, arrays": ["inspect", "run", ".", "--npz", "a.txt"],
    "explain, a page": ["explain", "run", "green", "--html", "run/best.safetensors"],
    "memory, the text": ["memory", "run", "text.svg", "--places", "2", "--output", "text.svg"],
    "memory, the run's own text": ["memory", "run", "--places", "2", "--output", "hard.svg", "--set-own-text"],
    "memory, the model": ["memory", "run", "text.svg", "--places", "2", "--output", "best.svg"],
    "plot, a log": ["plot", "run", "other", "--output", "log.png"],
}


@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED)
def test_what_is_read_is_never_written_over(work: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    os.link("run/metrics.jsonl", "log.png")
    if "--set-own-text" in command:
        command = command[:-1]
        config = Path("run/config.toml")
        config.write_text(config.read_text(encoding="utf-8").replace(_text_of(config), str(work / "a.txt")), encoding="utf-8")
    before = contents(work)
    assert main(command) == 2
    assert "is among what is to be read" in capsys.readouterr().err
    assert contents(work) == before


def _text_of(config: Path) -> str:
    return charlstm.Run(config.parent).config.data.text[0]


def test_a_pattern_for_many_files_spares_each(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.link("a.txt", "07.txt")
    command = [*SAMPLE, "--count", "9", "--novelty", "a.txt", "--output", "{:02}.txt"]
    before = contents(work)
    assert main(command) == 2
    assert "'07.txt' is among what is to be read" in capsys.readouterr().err
    assert contents(work) == before


RUNS = {
    "a text called like a log": ["train", "mine/samples.txt", "--run", "mine"],
    "the same, replaced": ["train", "mine/samples.txt", "--run", "mine", "--overwrite"],
    "a text below": ["train", "mine/tensorboard/b.txt", "--run", "mine", "--overwrite"],
    "the settings": ["train", "a.txt", "--config", "mine/config.toml", "--run", "mine", "--overwrite"],
    "a folder of texts": ["train", "mine", "--run", "mine"],
    "a glob": ["train", "mine/*.md", "--run", "mine"],
    "a folder above": ["train", ".", "--run", "mine"],
    "a hard link": ["train", "linked.txt", "--run", "mine", "--overwrite"],
    "the model": ["train", "a.txt", "--from", "model.safetensors", "--run", "other", "--overwrite"],
}


@pytest.mark.parametrize("command", RUNS.values(), ids=RUNS)
def test_a_run_never_takes_the_place_of_what_it_learns_from(
    work: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine/tensorboard").mkdir(parents=True)
    for name in ("samples.txt", "tensorboard/b.txt", "notes.md"):
        Path("mine", name).write_text(VERSE, encoding="utf-8")
    Path("mine/config.toml").write_text("# by hand\n[train]\nmax_steps = 2\n", encoding="utf-8")
    os.link("mine/samples.txt", "linked.txt")
    os.link("other/best.safetensors", "model.safetensors")
    before = contents(work)
    assert main([*command, *QUICK[-2:]]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "would take its place" in said or "no text is looked for in a folder with a run" in said or "would replace" in said
    assert contents(work) == before
    if "--from" not in command:
        config = Path(command[command.index("--config") + 1]) if "--config" in command else None
        with pytest.raises(RunError):
            refuse_replacing(RunFolder(Path("mine")), [command[1]], config)


def test_a_run_beside_named_texts_and_over_its_own_settings_is_fine(work: Path) -> None:
    Path("beside").mkdir()
    Path("beside/b.txt").write_text(VERSE, encoding="utf-8")
    assert main(["train", "beside/b.txt", "--run", "beside", *QUICK]) == 0
    assert main(["train", "beside/b.txt", "--run", "beside", "--overwrite", "--config", "beside/config.toml"]) == 0
    assert main(["train", "--resume", "--run", "beside", "--set", "train.max_steps=3"]) == 0
    assert Path("beside/b.txt").read_text(encoding="utf-8") == VERSE


def test_a_search_spares_its_settings_and_its_text(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    Path("search/trial").mkdir(parents=True)
    Path("search/trials.jsonl").touch()
    table = '[tune]\n"train.beta2" = [0.9, 0.95]\n'
    Path("search/best.toml").write_text(table, encoding="utf-8")
    Path("search/trial/b.txt").write_text(VERSE, encoding="utf-8")
    Path("own.toml").write_text(table, encoding="utf-8")
    for command in (["search/best.toml", "a.txt"], ["own.toml", "search/trial/b.txt"]):
        before = contents(work)
        assert main(["tune", *command, "--run", "search", "--trials", "1", *QUICK]) == 2
        assert "would take its place" in " ".join(capsys.readouterr().err.split())
        assert contents(work) == before


@pytest.mark.parametrize("name", ["run/best.safetensors", "best.svg", "own.toml"])
def test_play_spares_what_it_was_started_with(
    work: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("lines").write_text(f"green\n/save! {name}\n/save new.txt\n", encoding="utf-8")
    before = contents(work)
    with Path("lines").open(encoding="utf-8") as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        assert main(["play", "run", "--config", "own.toml"]) == 2
    assert f"'{name}' is what was read to play: take another name" in capsys.readouterr().err
    after = contents(work)
    assert after.pop(work / "new.txt").startswith(b"green")
    assert after == before


def test_python_spares_them_too(work: Path) -> None:
    pytest.importorskip("matplotlib")
    os.link("run/metrics.jsonl", "log.png")
    with pytest.raises(charlstm.CharlstmError, match="it is among what is to be read"):
        charlstm.plot("run", output="log.png")
    Path("mine").mkdir()
    Path("mine/samples.txt").write_text(VERSE, encoding="utf-8")
    with pytest.raises(charlstm.RunError, match="would take its place"):
        charlstm.start("mine/samples.txt", run="mine", overwrite=True)


def test_inputs_are_files_and_not_names(work: Path) -> None:
    inputs = Inputs([Path("run")], ["*.txt"], [Path("own.toml"), Path("not there")])
    for name in ("run/best.safetensors", "best.svg", "a.txt", "hard.svg", "./own.toml"):
        assert inputs.hold(Path(name)), name
    for name in ("text.svg", "other/best.safetensors", "not there", "new.txt", "a\0b"):
        assert not inputs.hold(Path(name)), name
