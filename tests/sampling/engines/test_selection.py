from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from charlstm.config import Config
from charlstm.errors import CharlstmError, DeviceError, ModelError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts, Weights, read_weights
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.sampling.engines import graph_cache, selection
from charlstm.sampling.engines.onnx_engine import OnnxEngine
from charlstm.sampling.engines.selection import Measured, engine_of, measure, open_engine
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.text.vocabulary import CharVocabulary
from tests.sampling.engines.test_engines import onnx


@pytest.fixture
def make_weights(make_model: Callable[..., CharLSTM], tmp_path: Path) -> Callable[..., Weights]:
    def make(**settings: int) -> Weights:
        model = make_model(**settings)
        config = Config().model_copy(update={"model": model.config})
        save_model(tmp_path / "m", SavedModel(model, CharVocabulary("abcdefghijk"), config, Facts(1, 1, 1)))
        return read_weights(tmp_path / "m")

    return make


@pytest.fixture(autouse=True)
def small_ones_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As large ones are, in less time."""
    monkeypatch.setattr(selection, "FEWEST_WEIGHTS", 0)


@pytest.mark.parametrize(
    ("hidden_size", "num_layers", "measured"), [(255, 1, False), (256, 1, True), (128, 2, False), (128, 3, True)]
)
def test_a_model_that_is_no_faster_in_8_bits_is_not_measured(
    make_weights: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch, hidden_size: int, num_layers: int, measured: bool
) -> None:
    monkeypatch.undo()
    weights = make_weights(hidden_size=hidden_size, num_layers=num_layers)
    assert open_engine(weights).reason.startswith("measured now") == measured
    again = open_engine(weights)
    assert again.reason.startswith("measured before") == measured
    assert measured or (again.name, again.reason) == ("onnx, float32", "for a model as small as this, 8 bits are no faster")


_CHOICE = """
import sys
from pathlib import Path
from charlstm.runs.model_file import read_weights
from charlstm.sampling.engines import selection
selection.FEWEST_WEIGHTS = 0
opened = selection.open_engine(read_weights(Path(sys.argv[1])))
print(opened.name, opened.reason.partition(": ")[2])
made, graph = selection._made(read_weights(Path(sys.argv[1])))
print(made["nats"].hex())
"""


def test_every_process_chooses_alike(make_weights: Callable[..., Weights], tmp_path: Path) -> None:
    """With any number of threads, the cache empty, filled or not to be written: the divergence is the same, bit for bit."""
    make_weights(hidden_size=40)
    (tmp_path / "file").touch()
    said = set()
    for threads, cache in (("1", "one"), ("2", "one"), ("2", "two"), ("", "file"), ("3", "file")):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "XDG_CACHE_HOME": str(tmp_path / cache)}
        command = [sys.executable, "-c", _CHOICE, str(tmp_path / "m")]
        said.add(subprocess.check_output(command, env=environment))
    assert len(said) == 1


def test_no_clock_is_asked(make_weights: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch) -> None:
    for clock in ("perf_counter", "monotonic", "process_time", "time"):
        monkeypatch.setattr(f"time.{clock}", lambda: pytest.fail("the choice would depend on the time"))
    assert open_engine(make_weights(hidden_size=23)).reason.startswith("measured now")


def test_auto_measures_once_and_remembers(make_weights: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch) -> None:
    weights = make_weights(hidden_size=24)
    first = open_engine(weights)
    assert first.reason.startswith("measured now")
    monkeypatch.setattr(selection, "measure", lambda *_: pytest.fail("measured again"))
    second = open_engine(weights)
    assert second.reason.startswith("measured before")
    assert (second.name, second.reason.partition(": ")[2]) == (first.name, first.reason.partition(": ")[2])


def test_what_is_kept_may_be_damaged(make_weights: Callable[..., Weights]) -> None:
    weights = make_weights(hidden_size=20)
    open_engine(weights)
    file = graph_cache._file(weights.key)
    whole = file.read_bytes()
    for damaged in (b"", b"\n", whole[:-1], whole[:100], whole.replace(b"nats", b"nuts"), whole[:-9] + b"x" + whole[-8:]):
        file.write_bytes(damaged)
        assert open_engine(weights).reason.startswith("measured now")
    assert open_engine(weights).reason.startswith("measured before")


@pytest.mark.parametrize("what", ["platform.node", "charlstm.sampling.engines.graph_cache._cpu"])
def test_another_machine_measures_anew(
    make_weights: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    weights = make_weights(hidden_size=22)
    open_engine(weights)
    assert open_engine(weights).reason.startswith("measured before")
    monkeypatch.setattr(what, lambda: "another")
    assert open_engine(weights).reason.startswith("measured now")


def test_the_newest_graphs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(graph_cache, "_MOST_KEPT", 3000)
    for number in range(9):
        graph_cache.keep(str(number), {"number": number}, b"graph\n" * 100)
        os.utime(graph_cache._file(str(number)), (number, number))
    assert [graph_cache.find_kept(str(number)) is None for number in range(9)] == [True] * 6 + [False] * 3
    assert graph_cache.find_kept("8") == ({"number": 8}, b"graph\n" * 100)


def test_without_a_cache_folder(make_weights: Callable[..., Weights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert isinstance(open_engine(make_weights()).engine, OnnxEngine)


@pytest.mark.parametrize(("nats", "taken"), [(0.001, "int8"), (-0.1, "int8"), (0.0051, "float32")])
def test_what_costs_too_much_is_not_taken(nats: float, taken: str) -> None:
    assert Measured(nats, 100).precision == taken


def test_a_model_that_eight_bits_ruin_falls_back(make_weights: Callable[..., Weights]) -> None:
    """One weight a row is 10,000 times the others, which are then rounded to nothing; what it multiplies is always 0."""
    weights = make_weights()
    tensors = {name: tensor.copy() for name, tensor in weights.tensors.items()}
    tensors["lstm.weight_hh_l0"] *= 4
    tensors["lstm.weight_hh_l0"][:, 0] = 1e4
    tensors["lstm.bias_ih_l0"][-weights.config.model.hidden_size] = -1e4  # the first neuron's output gate
    tensors["head.weight"] *= 10
    opened = open_engine(Weights(weights.vocabulary, weights.config, weights.facts, "spoilt", lambda: tensors))
    assert opened.name == "onnx, float32"
    assert float(re.findall(r"int8 costs (\S+) nats", opened.reason)[0]) > 1


def test_the_divergence_is_zero_of_a_model_from_itself(
    make_weights: Callable[..., Weights], make_model: Callable[..., CharLSTM]
) -> None:
    weights = make_weights()
    engine = onnx(make_model())
    assert measure(engine, engine, weights) == Measured(0.0, 1024)


def test_the_divergence_is_that_of_the_distributions(
    make_weights: Callable[..., Weights], make_model: Callable[..., CharLSTM]
) -> None:
    """A model whose head is only its bias draws every character from one distribution."""
    weights = make_weights()
    P = np.random.default_rng(3).dirichlet(np.ones(11), 2)
    engines = []
    for p in P:
        model = make_model()
        model.head.weight.data.zero_()
        model.head.bias.data[:] = model.head.bias.new_tensor(np.log(p))
        engines.append(onnx(model))
    expected = float((P[0] * np.log(P[0] / P[1])).sum())
    assert measure(engines[1], engines[0], weights).nats == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8", "int4"])
def test_a_precision_that_is_asked_for_is_taken(make_weights: Callable[..., Weights], precision: str) -> None:
    opened = open_engine(make_weights(), precision=precision)  # type: ignore[arg-type]
    assert (opened.name, opened.reason) == (f"onnx, {precision}", "as asked")


def test_torch(make_weights: Callable[..., Weights]) -> None:
    weights = make_weights()
    opened = open_engine(weights, "torch")
    assert (type(opened.engine), opened.name, opened.reason) == (TorchEngine, "torch on cpu, float32", "as asked")
    with pytest.raises(CharlstmError, match="precision='int8': only engine='onnx' has it"):
        open_engine(weights, "torch", "int8")
    with pytest.raises(CharlstmError, match="ONNX Runtime steps on the CPU"):
        open_engine(weights, "onnx", device="cuda")
    with pytest.raises(DeviceError):
        open_engine(weights, device="abacus")


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_device_that_is_found_to_be_the_cpu_is_the_cpu(make_weights: Callable[..., Weights]) -> None:
    weights = make_weights(hidden_size=21)
    assert isinstance(open_engine(weights, device="auto").engine, OnnxEngine)
    assert open_engine(weights, precision="int8", device="auto").name == "onnx, int8"
    assert isinstance(open_engine(weights, "onnx", device="auto").engine, OnnxEngine)


def test_previews_are_exact_and_do_not_measure(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    logits, _ = engine_of(model).prefill(np.array([[3], [5]]))
    with torch.no_grad():
        assert logits == pytest.approx(model(torch.tensor([[3], [5]]))[0][-1].numpy(), abs=1e-5)


def test_what_the_file_says_is_part_of_the_key(make_weights: Callable[..., Weights], tmp_path: Path) -> None:
    """A damaged vocabulary must not be taken for the one that a kept graph belongs to."""
    open_engine(make_weights())
    file = tmp_path / "m"
    file.write_bytes(file.read_bytes().replace(b"abcdefghijk", b"abcdefghijl"))
    with pytest.raises(ModelError, match="does not match its SHA-256"):
        open_engine(read_weights(file))


def test_numbers_are_read_when_they_are_needed(make_weights: Callable[..., Weights], tmp_path: Path) -> None:
    weights = make_weights()
    open_engine(weights)
    file = tmp_path / "m"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert open_engine(read_weights(file)).reason.startswith("measured before")
    with pytest.raises(ModelError, match="does not match its SHA-256"):
        _ = read_weights(file).tensors
