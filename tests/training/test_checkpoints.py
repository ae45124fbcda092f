from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from charlstm.config import Config
from charlstm.errors import SaveError
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import StepRecord
from charlstm.runs.saved_model import save_model
from charlstm.training import checkpoints
from charlstm.training.resume import load_training
from charlstm.training.trainer import Trainer
from tests.conftest import VERSE, make_trainer, prepare_text

CPU = torch.device("cpu")


def trainer_with(make_config: Callable[..., Config], *settings: str) -> Trainer:
    return make_trainer(prepare_text(VERSE, make_config(*settings)))


def saved_step(folder: RunFolder) -> int:
    return int(load_training(folder)[0].position.step)


def test_no_more_than_the_interval_in_steps_is_ever_lost(make_config: Callable[..., Config], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for record in trainer_with(make_config, "train.save_every=4 steps", "train.max_steps=30").fit(folder):
        if isinstance(record, StepRecord):
            assert 0 <= record.step - saved_step(folder) <= 4
    assert saved_step(folder) == 30


def test_an_interval_in_minutes_counts_the_time_that_writing_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    saves = checkpoints.Checkpoints("1 min")
    saves._write_seconds = 2.0
    now = 57.9
    assert not saves.is_due(1)
    now = 58.0
    assert saves.is_due(1)


def test_training_goes_on_while_a_save_is_written(
    make_config: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, may_write = trainer_with(make_config, "train.epochs=1"), threading.Event()

    def slow(*arguments: object) -> None:
        assert may_write.wait(30)
        save_model(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "save_model", slow)
    folder = RunFolder(tmp_path)
    for record in trainer.fit(folder):
        if record.step == trainer.total_steps and not isinstance(record, StepRecord):  # type: ignore[union-attr]
            assert not folder.last.exists(), "yielded before it is written"
            may_write.set()
    assert folder.last.exists(), "but written before the training ends"


def test_a_save_that_fails_ends_the_training_and_the_one_before_is_whole(
    make_config: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, folder = trainer_with(make_config, "train.save_every=10 steps"), RunFolder(tmp_path)

    def train() -> None:
        for record in trainer.fit(folder):
            if isinstance(record, StepRecord) and record.step == 15:
                monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    with pytest.raises(SaveError, match=r"can't write .*safetensors: No space left on device"):
        train()
    assert saved_step(folder) == 10
    assert not list(tmp_path.glob(".*.tmp"))
