"""`charlstm runs`: the state of every kind of run, told from its files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from charlstm.cli import main
from charlstm.config import load_config
from charlstm.errors import DivergedError, RunError
from charlstm.runs.folder import RunFolder
from charlstm.runs.overview import overviews
from charlstm.runs.records import Record
from charlstm.runs.save_header import read_saved_step
from tests.conftest import TINY, VERSE, make_trainer, prepare_text


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run and one that was stopped after its first evaluation, and what is no run."""
    folder = tmp_path_factory.mktemp("runs")
    config = load_config(None, [*TINY, "train.save_every=1 steps", "train.eval_every=3"])
    for name, stops in (("whole", False), ("half", True)):
        trainer = make_trainer(prepare_text(VERSE, config))
        (folder / name).mkdir()
        for record in trainer.fit(RunFolder(folder / name)):
            if stops and isinstance(record, Record) and record.step == 3:
                trainer.stop()
    (folder / "notes").mkdir()
    (folder / "notes" / "todo.txt").write_text("x", encoding="utf-8")
    (folder / "file.txt").write_text("x", encoding="utf-8")
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "runs"))


def states(folder: Path) -> dict[str, str]:
    return {run.name: run.state for run in overviews(folder)}


def test_what_a_run_is_and_how_far_it_came(runs: Path) -> None:
    half, whole = overviews(runs)
    assert (half.name, half.state, whole.name, whole.state) == ("half", "stopped", "whole", "finished")
    log = [json.loads(line) for line in (runs / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert whole.loss == min(record["validation_loss"] for record in log)
    assert whole.bpc == pytest.approx(min(record["bpc"] for record in log))
    assert whole.minutes == pytest.approx(log[-1]["seconds"] / 60)
    assert (whole.step, whole.num_layers, whole.hidden_size, whole.per) == (log[-1]["step"], 2, 16, "character")
    V, E, H = len(set(VERSE)), 8, 16
    assert whole.parameters == V * E + 4 * H * (E + H + 2) + 4 * H * (H + H + 2) + V * (H + 1)
    assert half.step is not None
    assert 3 <= half.step <= 5


def test_every_other_state(runs: Path) -> None:
    with (runs / "half" / "metrics.jsonl").open("a") as log:
        log.write('{"step": 9, "diverged": "a loss"}\n')
    for name in ("no config", "bad model", "no log", "odd log"):
        shutil.copytree(runs / "whole", runs / name)
    (runs / "no config" / "config.toml").unlink()
    (runs / "bad model" / "best.safetensors").write_bytes(b"x" * 100)
    (runs / "no log" / "metrics.jsonl").unlink()
    (runs / "odd log" / "metrics.jsonl").write_bytes(b'\xff\x00\n[1]\n{"step": -1}\n')
    assert states(runs) == {
        "whole": "finished", "half": "diverged", "no config": "damaged", "bad model": "damaged", "no log": "no evaluation yet",
        "odd log": "no evaluation yet",
    }  # fmt: skip
    problems = {run.name: run.problem for run in overviews(runs) if run.problem}
    assert problems.keys() == {"no config", "bad model"}
    assert "best.safetensors" in str(problems["bad model"])
    with RunFolder(runs / "whole").locked():
        assert states(runs)["whole"] == "running"
    assert states(runs)["whole"] == "finished"


def test_a_folder_that_may_not_be_opened_is_passed_over(runs: Path) -> None:
    (runs / "loop").symlink_to("loop")
    assert states(runs).keys() == {"half", "whole"}


def test_a_training_that_diverges_for_good_says_so_in_its_log(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(None, [*TINY, "train.learning_rate=10.0", "train.grad_clip=0.0", "train.warmup_steps=0"])
    trainer = make_trainer(prepare_text(VERSE, config))
    monkeypatch.setattr(trainer, "_step", Mock(side_effect=DivergedError("no number")))
    (runs / "wild").mkdir()
    with pytest.raises(DivergedError):
        list(trainer.fit(RunFolder(runs / "wild")))
    assert states(runs)["wild"] == "diverged"
    assert RunFolder(runs / "wild").curve() == []


def test_orders_and_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.utime(runs / "half" / "metrics.jsonl", (4e9, 4e9))

    def order(by: str) -> list[str]:
        assert main(["runs", str(runs), "--sort", by, "--json"]) == 0
        return [run["name"] for run in json.loads(capsys.readouterr().out)["runs"]]

    assert order("name") == ["half", "whole"]
    assert order("loss") == ["whole", "half"]
    assert order("minutes") == ["half", "whole"]
    assert order("date") == ["half", "whole"]
    os.utime(runs / "whole" / "metrics.jsonl", (5e9, 5e9))
    assert order("date") == ["whole", "half"]
    for file in (runs / "half").glob("*st.safetensors"):
        file.unlink()
    assert order("size") == ["whole", "half"], "what has no model comes last"


def test_the_table(runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (runs / "half" / "config.toml").write_text("[", encoding="utf-8")
    assert main(["runs", str(runs)]) == 0
    out, err = capsys.readouterr()
    header, half, whole = out.splitlines()
    assert header.split() == ["run", "text", "model", "loss", "bpc", "minutes", "state"]
    assert whole.split()[-1] == "finished"
    assert half.split()[-1] == "damaged"
    assert err.startswith("half: ")
    monkeypatch.chdir(runs)
    assert main(["runs", "whole"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("whole ")
    assert main(["runs", "notes"]) == 0
    assert capsys.readouterr() == ("", "no runs in notes: charlstm train makes one\n")


@pytest.mark.parametrize(("folder", "part"), [("none", "does not exist"), ("file.txt", "is a file")])
def test_no_folder_is_one_line(runs: Path, folder: str, part: str) -> None:
    with pytest.raises(RunError, match=part):
        overviews(runs / folder)


def test_a_hundred_runs_are_soon_told_and_without_torch(runs: Path) -> None:
    for number in range(100):
        shutil.copytree(runs / "whole", runs / f"r{number}", ignore=shutil.ignore_patterns("resume.prev*"))
    seconds = []
    for _ in range(3):  # another process can only slow it down
        begin = time.process_time()
        assert len(overviews(runs)) == 102
        seconds.append(time.process_time() - begin)
    assert min(seconds) < 1.5  # 0.8 on a core of 2.5 GHz, more where another process shares the core
    code = f"import sys, charlstm.cli; charlstm.cli.main(['runs', {str(runs)!r}]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_a_damaged_save_leaves_the_one_before_it_to_tell(runs: Path) -> None:
    folder = RunFolder(runs / "half")
    newest, previous = (read_saved_step(file) for file in (folder.resume, folder.previous))
    assert (newest, overviews(folder.path)[0].step) == (previous + 1 if previous else None, newest)
    folder.resume.write_bytes(b"damaged")
    assert overviews(folder.path)[0].step == previous


def test_a_folder_of_models_that_were_copied_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "step-000010-loss-1.2345.safetensors").touch()
    assert overviews(tmp_path) == []


def test_folders_that_may_not_be_looked_into_are_named(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They may be runs of someone else's: a table without them, and without a word, would be taken for all that there is."""
    real = os.access

    def access(path: os.PathLike[str], mode: int) -> bool:
        return Path(path).name != "closed" and real(path, mode)

    (trained / "closed").mkdir()
    monkeypatch.setattr(os, "access", access)
    try:
        assert main(["runs", str(trained)]) == 0
        said = capsys.readouterr()
        assert said.err == "skipped   closed: may not be looked into\n"
        assert main(["runs", str(trained), "--json"]) == 0
        assert "closed" not in capsys.readouterr().out
    finally:
        (trained / "closed").rmdir()
