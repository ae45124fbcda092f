"""What TensorBoard and services are sent, read back; and that none of them can stop a training."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from charlstm.cli import main
from charlstm.config import load_config
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Record
from charlstm.training.trackers import Trackers, open_trackers
from tests.conftest import TINY, VERSE

SETTINGS = [part for setting in (*TINY, "train.max_steps=4", "train.eval_every=2") for part in ("--set", setting)]


@pytest.fixture
def record() -> Record:
    return Record(
        step=7, epoch=1, characters=70, seconds=1.5, train_loss=2.5, validation_loss=2.25, bpc=3.25, learning_rate=0.003,
        grad_norm=0.5, chars_per_second=100.0, ends_epoch=False, batch=7, is_best=True, sample="one\n  two",
    )  # fmt: skip


@pytest.fixture
def model(make_model: Callable[..., CharLSTM]) -> CharLSTM:
    return make_model()


def read_events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def test_what_tensorboard_shows_is_what_was_measured(tmp_path: Path, record: Record, model: CharLSTM) -> None:
    folder = RunFolder(tmp_path)
    warnings: list[str] = []
    with open_trackers(load_config(None, ["track.tensorboard=true"]), folder, 0, warnings.append) as trackers:
        trackers.show(record, model)
    assert not warnings
    events = read_events(folder.tensorboard)
    scalars = {name: (events.Scalars(name)[0].step, events.Scalars(name)[0].value) for name in events.Tags()["scalars"]}
    assert scalars == {
        "loss/train": (7, 2.5), "loss/validation": (7, 2.25), "loss/bpc": (7, 3.25), "speed/chars_per_second": (7, 100.0),
        "optimizer/learning_rate": (7, pytest.approx(0.003)), "optimizer/grad_norm": (7, 0.5),
    }  # fmt: skip
    weights = model.state_dict()
    assert set(events.Tags()["histograms"]) == {f"weights/{name}" for name in weights}
    for name, p in weights.items():
        histogram = events.Histograms(f"weights/{name}")[0].histogram_value
        assert (histogram.num, histogram.min) == (p.numel(), pytest.approx(float(p.min())))
    (settings,) = events.Tensors("config/text_summary")
    assert "    hidden_size = 512" in settings.tensor_proto.string_val[0].decode().splitlines()
    (text,) = events.Tensors("sample/text_summary")
    assert text.tensor_proto.string_val[0].decode() == "    one\n      two"


def test_a_loss_that_there_is_none_of_is_not_sent(tmp_path: Path, record: Record, model: CharLSTM) -> None:
    record = dataclasses.replace(record, validation_loss=None, bpc=None)
    warnings: list[str] = []
    with open_trackers(load_config(None, ["track.tensorboard=true"]), RunFolder(tmp_path), 0, warnings.append) as trackers:
        trackers.show(record, model)
    assert not warnings
    sent = read_events(RunFolder(tmp_path).tensorboard).Tags()["scalars"]
    assert "loss/train" in sent
    assert not {"loss/validation", "loss/bpc"} & set(sent)


def test_a_resumed_run_hides_what_it_writes_again(tmp_path: Path, record: Record, model: CharLSTM) -> None:
    for step in (0, 5):
        with open_trackers(load_config(None, ["track.tensorboard=true"]), RunFolder(tmp_path), step, print) as trackers:
            trackers.show(record, model)
    events = read_events(RunFolder(tmp_path).tensorboard)
    assert [event.step for event in events.Scalars("loss/train")] == [7]


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_service_is_sent_the_same(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record: Record,
    model: CharLSTM,
    name: str,
) -> None:
    calls: list[Any] = []
    package: Any = ModuleType(name)

    def init(**arguments: Any) -> Any:
        sys.stdout.write("hello from a package\n")
        calls.append(arguments)
        return SimpleNamespace(log=lambda values, step: calls.append((values, step)), finish=lambda: calls.append("finish"))

    package.init, package.Table, package.Histogram = init, lambda **table: table, lambda **histogram: histogram
    monkeypatch.setitem(sys.modules, name, package)
    config = load_config(None, [f"track.service={name}", "data.text=/home/me/secret.txt"])
    with open_trackers(config, RunFolder(tmp_path / "run"), 0, calls.append) as trackers:
        trackers.show(record, model)
    begin, text, *weights, scalars, end = calls
    assert (begin["project"], begin["name"]) == ("charlstm", "run")
    assert "secret" not in str(begin)
    assert text == ({"sample": {"columns": ["text"], "data": [["one\n  two"]]}}, 7)
    assert len(weights) == len(model.state_dict())
    counts, edges = weights[0][0]["weights/embedding.weight"]["np_histogram"]
    assert (counts.sum(), len(edges)) == (model.state_dict()["embedding.weight"].numel(), 65)
    assert (scalars[0]["loss/validation"], scalars[1], end) == (2.25, 7, "finish")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello from a package\n"), "standard output is for text"


class Failing:
    """Fails in one of its methods."""

    def __init__(self, where: str) -> None:
        self.where, self.calls = where, list[str]()

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.where:
            raise OSError("the\nnetwork is gone")

    def scalars(self, values: object, step: int) -> None:
        self._call("scalars")

    def text(self, name: str, value: str, step: int) -> None:
        self._call("text")

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._call("histogram")

    def close(self) -> None:
        self._call("close")


@pytest.mark.parametrize("where", ["scalars", "text", "histogram", "close"])
def test_one_that_fails_is_warned_of_once_and_left_alone(record: Record, model: CharLSTM, where: str) -> None:
    failing, fine, warnings = Failing(where), Failing("nowhere"), list[str]()
    with Trackers({"wandb": lambda: failing, "tensorboard": lambda: fine}, warnings.append) as trackers:
        for _ in range(3):
            trackers.show(record, model)
    assert warnings == ["tracking with wandb ended: the network is gone; training goes on without it"]
    assert failing.calls.count(where) == 1
    assert (fine.calls.count("scalars"), fine.calls[-1]) == (3, "close")


def test_nobody_answers_what_a_tracker_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the user's answer\n"))
    warnings: list[str] = []
    with Trackers({"wandb": lambda: Failing(input("log in? "))}, warnings.append):
        pass
    assert warnings == ["tracking with wandb ended: EOF when reading a line; training goes on without it"]
    assert sys.stdin.read() == "the user's answer\n"


@pytest.mark.parametrize(("setting", "package"), [("tensorboard=true", "'charlstm[track]'"), ("service=trackio", "trackio")])
def test_training_goes_on_without_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, package: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("verse.txt").write_text(VERSE, encoding="utf-8")
    for name in ("tensorboard", "torch.utils.tensorboard", "torch.utils.tensorboard.writer", "trackio"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["train", "verse.txt", "--run", "run", *SETTINGS, "--set", f"track.{setting}"]) == 0
    err = capsys.readouterr().err
    assert err.count("warning: ") == 1
    assert f"pip install {package}; training goes on without it" in err.replace("\n", " ")
    assert Path("run/best.safetensors").is_file()


def test_training_tracks_every_evaluation_and_an_overwritten_run_forgets_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("verse.txt").write_text(VERSE, encoding="utf-8")
    command = ["train", "verse.txt", "--run", "run", *SETTINGS]
    assert main([*command, "--set", "track.tensorboard=true"]) == 0
    events = read_events(Path("run/tensorboard"))
    assert [event.step for event in events.Scalars("loss/validation")] == [1, 2, 4]
    assert main([*command, "--overwrite"]) == 0
    assert not Path("run/tensorboard").exists()
