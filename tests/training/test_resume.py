from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from charlstm.config import Config, load_config
from charlstm.errors import ModelError, RunError
from charlstm.runs import save_header
from charlstm.runs.claiming import newest_run
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_tensors, write_tensors
from charlstm.runs.records import StepRecord
from charlstm.training.prepared import Prepared
from charlstm.training.resume import Saved, load_training, refuse_another, restore, resume_training, snapshot
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer
from tests.conftest import VERSE, make_trainer, prepare_text

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture(scope="module")
def with_dropout(make_config: Callable[..., Config]) -> Prepared:
    settings = ("model.dropout=0.3", "train.reset=0.1", "train.average=0.9", "train.eval_every=25")
    return prepare_text(VERSE[:2400], make_config(*settings))


@pytest.fixture(scope="module")
def never_stopped(with_dropout: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, float]]]:
    """What a training leaves that went on to its end: the digest of its save, and its records."""
    return uninterrupted(with_dropout, RunFolder(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def stopped(with_dropout: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that was stopped after 40 steps; to be copied."""
    folder = RunFolder(tmp_path_factory.mktemp("parts"))
    train_until(make_trainer(with_dropout), folder, 40)
    return folder.path


def digest(file: Path) -> str:
    """SHA-256 of weights, optimizer moments, random states and hidden state."""
    _, tensors = read_tensors(file)
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode() + tensors[name].tobytes())
    return whole.hexdigest()


def train_until(trainer: Trainer, folder: RunFolder, step: int) -> None:
    for record in trainer.fit(folder):
        if isinstance(record, StepRecord) and record.step == step:
            trainer.stop()


def uninterrupted(prepared: Prepared, folder: RunFolder) -> tuple[str, list[dict[str, float]]]:
    list(make_trainer(prepared).fit(folder))
    return digest(folder.resume), records(folder)


def resume(prepared: Prepared, folder: RunFolder, at: int) -> None:
    """Go on to the end from the save, which must have been made at the given step."""
    saved, warning = load_training(folder)
    assert not warning
    assert saved.position.step == at
    assert folder.go_back_to(saved.marks) == []
    list(make_trainer(prepared, saved).fit(folder))


def records(folder: RunFolder) -> list[dict[str, float]]:
    """What was measured, without what a clock says."""
    lines = [json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "chars_per_second")} for line in lines]


@pytest.mark.parametrize("step", [1, 2, 24, 25, 26, 60, -30, -1, "epoch", "end"])
def test_stopped_and_resumed_is_never_stopped(
    with_dropout: Prepared, never_stopped: tuple[str, list[dict[str, float]]], folder: RunFolder, step: int | str
) -> None:
    total = make_trainer(with_dropout).total_steps
    ends = {"epoch": with_dropout.layout.steps, "end": total}
    at = ends[step] if isinstance(step, str) else step % total
    train_until(make_trainer(with_dropout), folder, at)
    resume(with_dropout, folder, at)
    assert (digest(folder.resume), records(folder)) == never_stopped


def test_patience_counts_on_after_a_resume_and_its_end_is_an_end(make_config: Callable[..., Config], tmp_path: Path) -> None:
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    for folder in (whole, parts):
        folder.path.mkdir()
    # A rate this high soon finds nothing better; the first evaluation is after step 1.
    settings = ("train.learning_rate=0.5", "train.epochs=50", "train.eval_every=5", "train.average=0")
    impatient = prepare_text(VERSE, make_config(*settings, "train.patience=4"))
    _, expected = uninterrupted(impatient, whole)
    losses = [record["validation_loss"] for record in expected]
    assert len(losses) < 100, "patience has run out long before the last epoch"
    assert min(losses) == losses[-5]
    train_until(make_trainer(impatient), parts, int(expected[-3]["step"]) + 1)
    saved, _ = load_training(parts)
    assert saved.position.without_best == 2
    list(make_trainer(impatient, saved).fit(parts))
    assert records(parts) == expected
    with pytest.raises(RunError, match=r"nothing better, 4 in a row: train.patience=0 goes on"):
        make_trainer(impatient, load_training(parts)[0])
    patient = prepare_text(VERSE, make_config(*settings))
    assert not make_trainer(patient, load_training(parts)[0]).is_finished


def without(saved: Saved, name: str) -> Saved:
    """The same save, one part of it lost."""
    tensors, position = dict(saved.tensors), saved.position
    if name == "random state":
        tensors["random.cpu"] = torch.Generator().manual_seed(99).get_state()
    elif name == "hidden state":
        tensors = {key: value for key, value in tensors.items() if not key.startswith("state.")}
    elif name == "position":
        position = replace(position, batch=position.batch - 1)
    elif name == "average":
        average = {key.replace("model.", "average."): value for key, value in tensors.items() if key.startswith("model.")}
        tensors |= average
    elif name == "moments":
        tensors = {key: value * 0 if "exp_avg" in key else value for key, value in tensors.items()}
    return replace(saved, tensors=tensors, position=position)


@pytest.mark.parametrize("part", ["nothing", "random state", "hidden state", "position", "moments", "average"])
def test_each_part_is_needed(
    with_dropout: Prepared, never_stopped: tuple[str, object], stopped: Path, tmp_path: Path, part: str
) -> None:
    parts = RunFolder(shutil.copytree(stopped, tmp_path / "parts"))
    list(make_trainer(with_dropout, without(load_training(parts)[0], part)).fit(parts))
    assert (digest(parts.resume) == never_stopped[0]) == (part == "nothing")


def test_a_longer_training_goes_on_and_a_finished_one_says_so(make_config: Callable[..., Config], folder: RunFolder) -> None:
    prepared = prepare_text(VERSE, make_config())
    list(make_trainer(prepared).fit(folder))
    with pytest.raises(RunError, match=r"steps of this run are done: train.epochs=3 asks for more"):
        make_trainer(prepared, load_training(folder)[0])
    longer = prepare_text(VERSE, make_config("train.epochs=3"))
    list(make_trainer(longer, load_training(folder)[0]).fit(folder))
    assert [r["epoch"] for r in records(folder)] == [1, 2, 3]


def test_another_text_is_refused(make_config: Callable[..., Config], prepared: Prepared, folder: RunFolder) -> None:
    train_until(make_trainer(prepared), folder, 3)
    other = prepare_text(VERSE.replace("wall", "ball"), make_config())
    with pytest.raises(RunError, match=r"not the one that this run began with \(data.text = "):
        make_trainer(other, load_training(folder)[0])


@pytest.mark.parametrize(
    "setting", ["model.hidden_size=17", "data.validation=0.2", "data.test=20", "train.batch_size=3", "train.seed=9"]
)
def test_another_model_or_order_is_refused_by_name(make_config: Callable[..., Config], setting: str) -> None:
    with pytest.raises(RunError, match=setting.partition("=")[0]):
        refuse_another(make_config(), make_config(setting))
    refuse_another(make_config(), make_config("train.epochs=9", "train.learning_rate=1e-4"))


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume in"):
        RunFolder(tmp_path).require_resume()
    with pytest.raises(RunError, match="no run to resume in"):
        newest_run(tmp_path)


def test_a_model_file_is_not_a_save(prepared: Prepared, folder: RunFolder) -> None:
    train_until(make_trainer(prepared), folder, 3)
    folder.last.replace(folder.resume)
    folder.previous.unlink()
    with pytest.raises(ModelError, match="not what a run is resumed from"):
        load_training(folder)


def test_settings_read_back_from_the_folder_are_the_same(prepared: Prepared, folder: RunFolder) -> None:
    train_until(make_trainer(prepared), folder, 3)
    refuse_another(load_training(folder)[0].config, load_config(folder.config))


def test_every_flipped_bit_and_truncation_falls_back_to_the_save_before(prepared: Prepared, folder: RunFolder) -> None:
    trainer = make_trainer(prepared)
    train_until(trainer, folder, 3)
    list(make_trainer(prepared, load_training(folder)[0]).fit(folder))
    newest, previous = folder.resume.read_bytes(), folder.previous.read_bytes()
    step = load_training(folder)[0].position.step
    for place in torch.randint(len(newest), (60,), generator=torch.Generator().manual_seed(0)).tolist():
        for damaged in (newest[:place], newest[:place] + bytes([newest[place] ^ 1 << place % 8]) + newest[place + 1 :]):
            folder.resume.write_bytes(damaged)
            folder.previous.write_bytes(previous)
            saved, warning = load_training(folder)
            assert saved.position.step < step
            assert "going on from the save before it" in warning
            assert "\n" not in warning
            folder.promote_previous()
            assert folder.resume.read_bytes() == previous, "the next save must not push the whole one out"


def test_a_missing_newest_save_falls_back_too_and_two_damaged_ones_are_an_error(prepared: Prepared, folder: RunFolder) -> None:
    train_until(make_trainer(prepared), folder, 3)
    folder.resume.unlink()
    folder.require_resume()
    assert "is missing; going on" in load_training(folder)[1]
    folder.resume.write_bytes(b"damaged")
    folder.previous.write_bytes(b"damaged too")
    with pytest.raises(ModelError, match="is not a model file"):
        load_training(folder)


def test_a_run_can_be_resumed_from_its_first_moment(prepared: Prepared, folder: RunFolder) -> None:
    trainer = make_trainer(prepared)
    records_so_far = trainer.fit(folder)
    next(records_so_far)
    assert load_training(folder)[0].position.step == 0
    assert folder.holds_config(prepared.config)
    records_so_far.close()


def test_a_save_that_is_whole_is_never_given_up(prepared: Prepared, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by a later version, or unreadable for the moment: that is an error, and no reason to take an older one."""
    train_until(make_trainer(prepared), folder, 3)
    version = save_header.SAVE_VERSION
    monkeypatch.setattr(save_header, "SAVE_VERSION", 99)
    list(make_trainer(prepared, load_training_of(folder, version, monkeypatch)).fit(folder))
    monkeypatch.setattr(save_header, "SAVE_VERSION", 1)
    before = folder.resume.read_bytes()
    with pytest.raises(ModelError, match="another version"):
        load_training(folder)
    assert folder.resume.read_bytes() == before


def load_training_of(folder: RunFolder, version: int, monkeypatch: pytest.MonkeyPatch) -> Saved:
    with monkeypatch.context() as patch:
        patch.setattr(save_header, "SAVE_VERSION", version)
        return load_training(folder)[0]


@pytest.mark.parametrize("value", [None, 3, "x", {"step": "x"}])
@pytest.mark.parametrize("part", ["position", "marks", "offsets", "config", "vocabulary"])
def test_a_save_that_says_nonsense_is_refused(prepared: Prepared, folder: RunFolder, part: str, value: object) -> None:
    train_until(make_trainer(prepared), folder, 3)
    about, tensors = read_tensors(folder.resume)
    write_tensors(folder.resume, {**about, part: value}, tensors)
    with pytest.raises(ModelError) as error:
        make_trainer(prepared, load_training(folder)[0])
    assert "\n" not in str(error.value)


def test_a_save_with_the_state_of_torchs_own_generator_goes_on_with_its_numbers(prepared: Prepared, folder: RunFolder) -> None:
    """As saves were made while resets and dropout drew from that."""
    train_until(make_trainer(prepared), folder, 3)
    saved, _ = load_training(folder)
    torch.manual_seed(77)
    torch.rand(5)
    saved = replace(saved, tensors={**saved.tensors, "random.cpu": torch.random.get_rng_state()})
    expected = torch.rand(9)
    training = resume_training(saved, prepared, CPU)
    assert training.dropout is training.resets
    assert torch.equal(torch.rand(9, generator=training.resets), expected)


def test_dropout_on_a_device_of_its_own_goes_on_too(prepared: Prepared) -> None:
    """Another generator stands for a GPU's. A save from a CPU has none: then it begins from the seed."""
    training, other = new_training(prepared, CPU), torch.Generator().manual_seed(5)
    training.dropout = other
    assert "random.device" not in snapshot(new_training(prepared, CPU), prepared, {}).tensors
    saved = snapshot(training, prepared, {})
    expected = torch.rand(9, generator=other)
    again = new_training(prepared, CPU)
    again.dropout = torch.Generator().manual_seed(6)
    restore(again, saved)
    assert torch.equal(torch.rand(9, generator=again.dropout), expected)
    seeded = new_training(prepared, CPU)
    seeded.dropout = torch.Generator().manual_seed(7)
    restore(seeded, snapshot(new_training(prepared, CPU), prepared, {}))
    assert torch.equal(seeded.dropout.get_state(), torch.Generator().manual_seed(7).get_state())
