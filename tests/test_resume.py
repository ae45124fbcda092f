from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from charlstm.config import Config, load_config
from charlstm.errors import ModelError, RunError
from charlstm.folder import RunFolder, newest_run
from charlstm.material import Material
from charlstm.resume import Saved, load_training, refuse_another
from charlstm.store import read_tensors
from charlstm.train import Trainer
from tests.conftest import VERSE, prepare_text

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture
def with_dropout(make_config: Callable[..., Config]) -> Material:
    return prepare_text(VERSE, make_config("model.dropout=0.3", "train.eval_every=25"))


def digest(file: Path) -> str:
    """SHA-256 of weights, optimizer moments, random states and hidden state."""
    _, tensors = read_tensors(file)
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode() + tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def train_until(trainer: Trainer, folder: RunFolder, step: int) -> None:
    for record in trainer.fit(folder):
        if record.step == step:
            trainer.stop()


def uninterrupted(material: Material, folder: RunFolder) -> tuple[str, list[dict[str, float]]]:
    list(Trainer(material, CPU).fit(folder))
    return digest(folder.resume), records(folder)


def records(folder: RunFolder) -> list[dict[str, float]]:
    """What was measured, without what a clock says."""
    lines = [json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "chars_per_second")} for line in lines]


@pytest.mark.parametrize("step", [1, 2, 24, 25, 26, 60, -30, -1, "epoch", "end"])
def test_stopped_and_resumed_is_never_stopped(with_dropout: Material, tmp_path: Path, step: int | str) -> None:
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    for folder in (whole, parts):
        folder.path.mkdir()
    expected, expected_records = uninterrupted(with_dropout, whole)
    total = Trainer(with_dropout, CPU).total_steps
    at = {"epoch": with_dropout.layout.steps, "end": total}.get(step) or int(step) % total  # type: ignore[call-overload]
    train_until(Trainer(with_dropout, CPU), parts, at)
    saved = load_training(parts.resume)
    assert saved.about["position"]["step"] == at
    again = Trainer(with_dropout, CPU, saved)
    parts.forget_after(again.position.recorded_step)
    list(again.fit(parts))
    assert digest(parts.resume) == expected
    assert records(parts) == expected_records


def without(saved: Saved, name: str) -> Saved:
    """The same save, one part of it lost."""
    tensors, about = dict(saved.tensors), json.loads(json.dumps(saved.about))
    if name == "random state":
        tensors["random.cpu"] = torch.Generator().manual_seed(99).get_state()
    elif name == "hidden state":
        tensors = {key: value for key, value in tensors.items() if not key.startswith("state.")}
    elif name == "position":
        about["position"]["batch"] -= 1
    elif name == "moments":
        tensors = {key: value * 0 if "exp_avg" in key else value for key, value in tensors.items()}
    return replace(saved, tensors=tensors, about=about)


@pytest.mark.parametrize("part", ["nothing", "random state", "hidden state", "position", "moments"])
def test_each_part_is_needed(with_dropout: Material, tmp_path: Path, part: str) -> None:
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    for folder in (whole, parts):
        folder.path.mkdir()
    expected, _ = uninterrupted(with_dropout, whole)
    train_until(Trainer(with_dropout, CPU), parts, 40)
    list(Trainer(with_dropout, CPU, without(load_training(parts.resume), part)).fit(parts))
    assert (digest(parts.resume) == expected) == (part == "nothing")


def test_a_longer_training_goes_on_and_a_finished_one_says_so(make_config: Callable[..., Config], folder: RunFolder) -> None:
    material = prepare_text(VERSE, make_config())
    list(Trainer(material, CPU).fit(folder))
    with pytest.raises(RunError, match=r"steps of this run are done: --set train.epochs="):
        Trainer(material, CPU, load_training(folder.resume))
    longer = prepare_text(VERSE, make_config("train.epochs=3"))
    list(Trainer(longer, CPU, load_training(folder.resume)).fit(folder))
    assert [r["epoch"] for r in records(folder)] == [1, 2, 3]


def test_another_text_is_refused(make_config: Callable[..., Config], material: Material, folder: RunFolder) -> None:
    train_until(Trainer(material, CPU), folder, 3)
    other = prepare_text(VERSE.replace("wall", "ball"), make_config())
    with pytest.raises(RunError, match="not the one that this run began with"):
        Trainer(other, CPU, load_training(folder.resume))


@pytest.mark.parametrize("setting", ["model.hidden_size=17", "data.validation=0.2", "train.batch_size=3", "train.seed=9"])
def test_another_model_or_order_is_refused_by_name(make_config: Callable[..., Config], setting: str) -> None:
    with pytest.raises(RunError, match=setting.partition("=")[0]):
        refuse_another(make_config(), make_config(setting))
    refuse_another(make_config(), make_config("train.epochs=9", "train.learning_rate=1e-4"))


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume in"):
        RunFolder(tmp_path).require_resume()
    with pytest.raises(RunError, match="no run to resume in"):
        newest_run(tmp_path)


def test_a_model_file_is_not_a_save(material: Material, folder: RunFolder) -> None:
    train_until(Trainer(material, CPU), folder, 3)
    with pytest.raises(ModelError, match="not what a run is resumed from"):
        load_training(folder.last)


def test_settings_read_back_from_the_folder_are_the_same(material: Material, folder: RunFolder) -> None:
    folder.start(material.config)
    train_until(Trainer(material, CPU), folder, 3)
    refuse_another(load_training(folder.resume).config, load_config(folder.config))
