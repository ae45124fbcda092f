"""What several test files need: a tiny configuration, a text with structure, a trained run; and in which order tests run.

Imported by the process that hands out the tests, too: torch, which takes seconds to import, is imported where it is used.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    import numpy as np

    from charlstm.config import Config
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.training.prepared import Prepared
    from charlstm.training.resume import Saved
    from charlstm.training.trainer import Trainer

# Where an environment forbids Python to keep what it has compiled, each of a hundred processes would compile all anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Tests run side by side, each on tiny models: threads would only wait for each other. Set before torch reads it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What the tests cache or remember is no business of the user's; the folder goes when the tests end.
_CACHE = tempfile.TemporaryDirectory(prefix="charlstm-tests-")
os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = _CACHE.name

ROOT = Path(__file__).resolve().parent.parent
SHAKESPEARE = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"

TINY = (
    "model.embedding_size=8",
    "model.hidden_size=16",
    "model.dropout=0.2",
    "train.batch_size=4",
    "train.seq_len=8",
    "train.epochs=2",
    "train.warmup_steps=2",
    "track.curves=false",
)
VERSE = "".join(f"{n} green bottles, hanging on the wall;\nand if one green bottle should fall,\n" for n in range(40))


def pytest_configure(config: pytest.Config) -> None:
    """Where tests are collected: a machine that is busy with something else is no reason for Hypothesis to fail one."""
    if config.getoption("numprocesses", None):
        return  # this process only hands them out
    from hypothesis import settings

    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first, the same number for each worker: a long one at the end would leave the others idle.

    With `--dist worksteal` each worker begins with an equal stretch of the list, in order, and one that has nothing left
    takes the last half of what another still has to do. All else keeps its place: a file's tests, which share what they
    prepared, mostly stay together.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = (item for item in items if not item.get_closest_marker("slow"))
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        share = (len(items) - len(ordered)) // (workers - worker)
        first = slow[worker::workers]
        ordered += [*first, *islice(others, share - len(first))]
    items[:] = ordered


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """Typer makes its commands anew from all their options whenever the program is called: here hundreds of times."""
    import typer.main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def short_previews() -> Iterator[None]:
    """Each evaluation ends with a text of the model, which few tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("charlstm.training.trainer.PREVIEW_LENGTH", 20)
        yield


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """While open, no file can grow beyond `size` bytes: what is written then fails as on a full disk."""
    import resource

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    sys.dont_write_bytecode = True  # Python would keep what fits of a module that is imported here, and fail by it ever after
    try:
        yield
    finally:
        sys.dont_write_bytecode = False
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def refusing(number: int) -> Callable[..., Any]:
    """A function that fails as a system call does that answers with this number."""

    def refuse(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """A folder by name, filled by whichever worker needs it first and only read after that; who would change it, copies it."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if hasattr(request.config, "workerinput") else folder  # of all workers of these tests

    def find_or_fill(name: str, fill: Callable[[Path], object]) -> Path:
        filled, is_filled = shared / name, shared / f"{name}.filled"
        with FileLock(shared / f"{name}.lock"):
            if not is_filled.exists():
                filled.mkdir()
                fill(filled)
                is_filled.touch()
        return filled

    return find_or_fill


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """A configuration that trains in a second; further settings as for --set."""
    from charlstm.config import load_config

    return lambda *settings: load_config(None, (*TINY, *settings))


def prepare_text(text: str, config: Config) -> Prepared:
    """A text, ready to train on as a configuration says."""
    from charlstm.asked import Asked
    from charlstm.text.corpus import corpus_of
    from charlstm.training.prepared import prepare

    return prepare(corpus_of(text, config.data, "verse.txt"), Asked.all_of(config))


def make_trainer(prepared: Prepared, saved: Saved | None = None) -> Trainer:
    """On the CPU, from the start or from where a saved training stood."""
    import torch

    from charlstm.training.resume import resume_training
    from charlstm.training.state import new_training
    from charlstm.training.trainer import Trainer

    cpu = torch.device("cpu")
    return Trainer(prepared, resume_training(saved, prepared, cpu) if saved else new_training(prepared, cpu))


@pytest.fixture
def prepared(make_config: Callable[..., Config]) -> Prepared:
    return prepare_text(VERSE, make_config())


@pytest.fixture(scope="session")
def make_model() -> Callable[..., CharLSTM]:
    """An initialised model with the given vocabulary and settings of [model]."""
    import torch

    from charlstm.config import load_config
    from charlstm.model.char_lstm import CharLSTM

    def make(vocabulary_size: int = 11, **settings: object) -> CharLSTM:
        config = load_config(None, model={"embedding_size": 8, "hidden_size": 16, "dropout": 0.0, **settings})
        return CharLSTM(vocabulary_size, config.model, torch.Generator().manual_seed(3)).eval()

    return make


@pytest.fixture(params=[{}, {"embedding_size": 0}, {"num_layers": 3}], ids=["embedding", "one-hot", "three layers"])
def lively(request: pytest.FixtureRequest, make_model: Callable[..., CharLSTM]) -> CharLSTM:
    """A model of 11 ids whose gates differ from character to character, of three kinds."""
    import torch

    model = make_model(11, **request.param)
    for p in model.lstm.parameters():
        torch.nn.init.uniform_(p, -0.5, 0.5, generator=torch.Generator().manual_seed(p.numel()))
    return model


def ids_of(count: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The same so many ids below 11 each time."""
    import numpy as np

    return np.random.default_rng(5).integers(11, size=count).astype(np.uint8)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, where there is one."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")):
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
