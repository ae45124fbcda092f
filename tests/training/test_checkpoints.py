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
from charlstm.runs.records import Record, StepRecord
from charlstm.runs.saved_model import load_model, save_model
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


def kept(folder: RunFolder) -> list[str]:
    return [file.name for file in folder.kept()]


def test_the_newest_models_are_kept_with_step_and_loss_in_the_name(make_config: Callable[..., Config], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    trainer = trainer_with(make_config, "train.keep=3", "train.eval_every=10", "train.max_steps=55")
    records = [record for record in trainer.fit(folder) if isinstance(record, Record)]
    assert kept(folder) == [f"step-{r.step:06d}-loss-{r.validation_loss:.4f}.safetensors" for r in records[-3:]]
    for file, record in zip(folder.kept(), records[-3:], strict=True):
        facts = load_model(file).facts
        assert (facts.step, facts.validation_loss) == (record.step, record.validation_loss)
    assert folder.kept()[-1].read_bytes() == folder.last.read_bytes()
    assert set(folder.kept()) <= set(folder.held())
    folder.start(overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_without_validation_the_name_says_that_the_loss_is_trainings(
    make_config: Callable[..., Config], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    trainer = trainer_with(make_config, "train.keep=1", "data.validation=0", "train.max_steps=4")
    record = [record for record in trainer.fit(folder) if isinstance(record, Record)][-1]
    assert kept(folder) == [f"step-000004-train-{record.train_loss:.4f}.safetensors"]


def test_what_is_kept_is_not_of_a_future_that_has_not_happened(make_config: Callable[..., Config], tmp_path: Path) -> None:
    """A run that goes back to an earlier save and on from there has the files of one that never did."""
    settings = ("train.keep=99", "train.eval_every=10")
    straight, back = RunFolder(tmp_path / "straight"), RunFolder(tmp_path / "back")
    for folder in (straight, back):
        folder.path.mkdir()
    list(trainer_with(make_config, *settings).fit(straight))
    for record in trainer_with(make_config, *settings, "train.save_every=1 steps").fit(back):
        if record.step == 25:  # type: ignore[union-attr]
            early = back.resume.read_bytes()
    assert kept(back) == kept(straight)
    back.resume.write_bytes(early)
    (back.path / "step-000030-loss-9.5000.safetensors").touch()
    saved, _ = load_training(back)
    back.go_back_to(saved.marks)
    back.forget_kept_after(saved.position.step)
    assert [name[:11] for name in kept(back)] == ["step-000001", "step-000010", "step-000020"]
    list(make_trainer(prepare_text(VERSE, make_config(*settings)), saved).fit(back))
    assert kept(back) == kept(straight)


def test_an_older_model_goes_only_after_all_of_the_new_save_is_whole(
    make_config: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, folder = trainer_with(make_config, "train.keep=1", "train.eval_every=10"), RunFolder(tmp_path)

    def broken(*_: object) -> None:
        raise SaveError("no more")

    def train() -> None:
        for record in trainer.fit(folder):
            if isinstance(record, StepRecord) and record.step == 15:
                trainer._checkpoints.wait()
                assert [name[:11] for name in kept(folder)] == ["step-000010"]
                monkeypatch.setattr("charlstm.training.resume.Saved.write", broken)

    with pytest.raises(SaveError, match="no more"):
        train()
    assert [name[:11] for name in kept(folder)] == ["step-000010", "step-000020"]


def test_a_half_written_model_goes_at_the_next_start_and_a_file_of_the_users_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    half = tmp_path / ".step-000010-loss-1.2345.safetensors.77.tmp"
    mine = tmp_path / "step-10-best.safetensors"
    half.touch()
    mine.touch()
    with folder.locked():
        assert not half.exists()
        folder.forget_kept_after(0)
    assert folder.kept() == []
    assert mine.exists()


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (999_999, 1_000_000, 20):
        (tmp_path / f"step-{step:06d}-loss-1.5000.safetensors").touch()
    assert [name.split("-")[1] for name in kept(folder)] == ["000020", "999999", "1000000"]
    folder.forget_kept(but=1)
    assert kept(folder) == ["step-1000000-loss-1.5000.safetensors"]
