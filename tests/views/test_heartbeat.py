"""Signs of life where there is no terminal."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Look, StepRecord
from charlstm.training.estimate import Estimate
from charlstm.training.prepared import Prepared
from charlstm.views import heartbeat
from charlstm.views.summary import print_plan
from charlstm.views.training import make_view
from tests.conftest import make_trainer

STEP = StepRecord(step=7, epoch=1, batch=7, loss=3.25, characters=32)
LOOK = Look(
    step=7, epoch=1, characters=224, seconds=61.0, train_loss=3.5, part_loss=3.125, learning_rate=0.01, grad_norm=1.0,
    chars_per_second=99.0, sample="one\ntwo",
)  # fmt: skip


def lines_after(seconds: float, prepared: Prepared, capsys: pytest.CaptureFixture[str]) -> list[str]:
    view = make_view(make_trainer(prepared))
    view.show(STEP)
    time.sleep(seconds)
    view.close()
    first = capsys.readouterr().err.splitlines()
    time.sleep(0.1)
    assert capsys.readouterr().err == "", "closed, and still alive"
    return first


def test_a_line_comes_also_while_nothing_happens(
    prepared: Prepared, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SILENCE", 0.05)
    lines = lines_after(0.4, prepared, capsys)
    assert 2 <= len(lines) <= 8
    total = make_trainer(prepared).total_steps
    assert all(line.startswith(f"step 7 of {total:,}  loss 3.250  ") for line in lines)
    assert all("characters/s  about " in line and line.endswith(" left") for line in lines)


def test_a_terminal_has_its_bar(
    prepared: Prepared, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SILENCE", 0.05)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert "characters/s" not in "".join(lines_after(0.2, prepared, capsys))


def test_what_was_written_counts(prepared: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_after(0.1, prepared, capsys) == [], "two minutes are not over"


def test_a_look_is_a_line_and_a_sample(prepared: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    view = make_view(make_trainer(prepared))
    view.show(LOOK)
    view.show(dataclasses.replace(LOOK, part_loss=None))
    view.close()
    assert capsys.readouterr().err.splitlines() == [
        "step 7  train 3.500  part of validation 3.125  1 min 01 s", "  │ one", "  │ two",
        "step 7  train 3.500  1 min 01 s", "  │ one", "  │ two",
    ]  # fmt: skip


def test_the_plan_says_that_there_will_be_looks(
    prepared: Prepared, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(prepared)
    print_plan(trainer, RunFolder(Path("r")), Estimate(60.0))
    assert "looks" not in capsys.readouterr().err
    monkeypatch.setattr("charlstm.training.trainer.LONG_TEXT", 0)
    print_plan(trainer, RunFolder(Path("r")), Estimate(60.0))
    part = prepared.end - prepared.split
    assert f"looks     every 3 minutes or so within an epoch, on {part:,} of what" in capsys.readouterr().err
