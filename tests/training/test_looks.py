"""Looks within a long epoch: what they see, what they leave, and that they change nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import charlstm
from charlstm.config import Config
from charlstm.runs.folder import RunFolder
from charlstm.runs.overview import overviews
from charlstm.runs.records import Look, Record, StepRecord, read_columns
from charlstm.runs.saved_model import load_model
from charlstm.scoring import evaluation
from charlstm.training import trainer as module
from charlstm.training.resume import Saved, load_training
from charlstm.training.trainer import Trainer
from tests.conftest import TINY, VERSE, make_trainer, prepare_text

LENGTH = 50


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text is a long one, and a clock that goes on a second whenever it is asked brings a look every few steps."""
    now = iter(range(10**9))
    monkeypatch.setattr(module, "LONG_TEXT", 0)
    monkeypatch.setattr(module, "LOOK_LENGTH", LENGTH)
    monkeypatch.setattr(module, "LOOK_EVERY", 9.0)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))


def one(make_config: Callable[..., Config], *settings: str, saved: Saved | None = None) -> Trainer:
    return make_trainer(prepare_text(VERSE, make_config("train.max_steps=60", *settings)), saved)


def state_of(folder: RunFolder) -> tuple[dict[str, bytes], dict[str, object]]:
    """All that a training consists of at its end, but for the times."""
    saved, _ = load_training(folder)
    position = {name: value for name, value in vars(saved.position).items() if name not in ("seconds", "meter")}
    return {name: tensor.numpy().tobytes() for name, tensor in saved.tensors.items()}, {**position, "offsets": saved.offsets}


def test_they_change_nothing_of_the_training(make_config: Callable[..., Config], tmp_path: Path, looks: None) -> None:
    seen, blind = RunFolder(tmp_path / "seen"), RunFolder(tmp_path / "blind")
    for folder in (seen, blind):
        folder.path.mkdir()
    records = list(one(make_config).fit(seen))
    module.LONG_TEXT = 10**9
    others = list(one(make_config).fit(blind))
    assert sum(isinstance(record, Look) for record in records) > 3
    assert not any(isinstance(record, Look) for record in others)
    assert state_of(seen) == state_of(blind)
    times = ("seconds", "chars_per_second")
    ends = [
        [{name: value for name, value in r.metrics().items() if name not in times} for r in each if isinstance(r, Record)]
        for each in (records, others)
    ]
    assert ends[0] == ends[1]
    assert [load_model(seen.best).facts, load_model(seen.last).facts] == [
        load_model(blind.best).facts,
        load_model(blind.last).facts,
    ]


def test_a_run_that_is_stopped_after_one_goes_on_exactly(
    make_config: Callable[..., Config], tmp_path: Path, looks: None
) -> None:
    straight, stopped = RunFolder(tmp_path / "straight"), RunFolder(tmp_path / "stopped")
    for folder in (straight, stopped):
        folder.path.mkdir()
    list(one(make_config).fit(straight))
    first = one(make_config)
    for record in first.fit(stopped):
        if isinstance(record, Look):
            first.stop()
    saved, _ = load_training(stopped)
    assert 0 < saved.position.step < 60
    assert stopped.go_back_to(saved.marks) == []
    list(one(make_config, saved=saved).fit(stopped))
    assert state_of(straight) == state_of(stopped)


def test_what_is_seen_and_left(make_config: Callable[..., Config], tmp_path: Path, looks: None) -> None:
    folder, trainer = RunFolder(tmp_path), one(make_config, "train.keep=50")
    for record in trainer.fit(folder):
        if not isinstance(record, Look):
            continue
        trainer._checkpoints.wait()
        model = load_model(folder.model())
        prepared = trainer.prepared
        ids = prepared.ids[: prepared.split + LENGTH]
        assert record.part_loss == evaluation.stateful(trainer.model, ids, prepared.split).loss
        assert (model.facts.step, model.facts.train_loss) == (record.step, record.train_loss), "there is a model to sample from"
        last = json.loads(folder.metrics.read_text("utf-8").splitlines()[-1])
        assert (last["step"], last["part_loss"]) == (record.step, record.part_loss)
        assert (
            f"=== step {record.step}, epoch {record.epoch}, part of validation {record.part_loss:.4f}"
            in folder.samples.read_text("utf-8")
        )
    assert any("-part-" in file.name for file in folder.kept())
    columns = read_columns(folder.logged())
    assert columns["step"] == sorted(set(columns["step"]))
    whole = [point.validation_loss for point in folder.curve()]
    (overview,) = overviews(tmp_path)
    assert (overview.loss, overview.state) == (min(loss for loss in whole if loss), "finished")


def test_the_training_loss_of_one_is_that_of_the_steps_since_the_one_before(
    make_config: Callable[..., Config], tmp_path: Path, looks: None
) -> None:
    losses: list[float] = []
    for record in one(make_config).fit(RunFolder(tmp_path)):
        if isinstance(record, StepRecord):
            losses.append(record.loss)
        else:
            if isinstance(record, Look):
                assert record.train_loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)
            losses = []


@pytest.mark.parametrize("settings", [["train.eval_every=1000"], []])
def test_there_are_none_where_evaluations_were_asked_for_or_the_text_is_short(
    make_config: Callable[..., Config], tmp_path: Path, looks: None, settings: list[str]
) -> None:
    if not settings:
        module.LONG_TEXT = 20_000_000
    assert not any(isinstance(record, Look) for record in one(make_config, *settings).fit(RunFolder(tmp_path)))


def test_without_validation_there_is_still_something_to_see(
    make_config: Callable[..., Config], tmp_path: Path, looks: None
) -> None:
    found = [record for record in one(make_config, "data.validation=0").fit(RunFolder(tmp_path)) if isinstance(record, Look)]
    assert found
    assert {look.part_loss for look in found} == {None}


def test_python_is_given_what_it_was_given_before(tmp_path: Path, looks: None) -> None:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    settings = {name.rpartition(".")[2]: json.loads(value) for name, value in (setting.split("=") for setting in TINY)}
    training = charlstm.start(tmp_path / "verse.txt", run=tmp_path / "r", max_steps=60, **settings)
    assert {type(record) for record in training} == {StepRecord, Record}
    assert "part_loss" in (tmp_path / "r" / "metrics.jsonl").read_text("utf-8")
