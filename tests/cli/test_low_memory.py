"""A model that does not fit into memory is said to be that, and not to be a broken one: exit code 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charlstm.cli import main
from charlstm.config import Config, ModelConfig
from charlstm.errors import ModelError, OutOfMemoryError
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.shapes import tensor_shapes
from charlstm.runs.model_file import Facts, explained, write_weights
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.text.vocabulary import CharVocabulary

_LIBRARIES = {
    "info": "commands.evaluate views.info",
    "sample": "sampling.engines.graph sampling.engines.selection",
    "eval": "scoring.dynamic runs.saved_model views.summary",
}
"""What a command imports that takes memory by itself: here it does so before there is a limit."""
_LIMITED = """
import importlib, resource, sys
from pathlib import Path
from charlstm.cli import main
for module in sys.argv.pop(1).split():
    importlib.import_module("charlstm." + module)
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + int(sys.argv[1]) * 2**20,) * 2)
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of 80 MB."""
    vocabulary, settings = CharVocabulary("ab\n"), ModelConfig(embedding_size=8, hidden_size=1280)
    weights = {name: np.zeros(shape, np.float32) for name, shape in tensor_shapes(vocabulary.size, settings).items()}
    path = tmp_path_factory.mktemp("large") / "m"
    write_weights(path, weights, vocabulary, Config(model=settings), Facts(1, 1, 1))
    return path


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of memory are Linux's")
@pytest.mark.parametrize(
    ("command", "megabytes"),
    [("info", 40), ("sample", 40), ("eval", 40), ("eval", 100)],
    ids=["info", "sample", "eval, of the file", "eval, of the model that is made of it"],
)
def test_a_model_that_does_not_fit(large: Path, command: str, megabytes: int) -> None:
    (large.parent / "a.txt").write_text("ab\n" * 9, encoding="utf-8")
    options = {"info": [], "sample": ["--prime", "a"], "eval": ["a.txt", "--device", "cpu"]}[command]
    started = [sys.executable, "-c", _LIMITED, _LIBRARIES[command], str(megabytes), command, "m", *options]
    done = subprocess.run(started, cwd=large.parent, capture_output=True, check=False)
    said = done.stderr.decode()
    assert said == "charlstm: out of memory: the model in m does not fit; close other programs, or take a smaller one\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
    ids=["Python, and NumPy", "torch", "a GPU"],
)
def test_however_it_is_said(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError, match=r"^out of memory: the model in m does not fit; "), explained(Path("m")):
        raise error


def test_what_else_torch_says_is_about_the_model() -> None:
    expected = r"^m does not hold a model that this version can read: size mismatch$"
    with pytest.raises(ModelError, match=expected), explained(Path("m")):
        raise RuntimeError("size\nmismatch")


def test_so_it_is_in_a_command(
    tmp_path: Path, make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = make_model(3)
    config = Config(model=network.config)
    save_model(tmp_path / "m", SavedModel(network, CharVocabulary("ab\n"), config, Facts(1, 1, 1)))

    def fail(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("charlstm.runs.saved_model.model_of", fail)
    (tmp_path / "a.txt").write_text("ab\n" * 9, encoding="utf-8")
    for command in ("eval", "score"):
        assert main([command, str(tmp_path / "m"), str(tmp_path / "a.txt")]) == 1
        assert "out of memory: the model in" in capsys.readouterr().err
