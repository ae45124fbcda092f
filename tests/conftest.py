"""What several test files need: a tiny configuration, a text with structure, a trained run."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Tests run side by side, each on tiny models: threads would only wait for each other. Set before torch reads it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What the tests cache or remember is no business of the user's; the folder goes when the tests end.
_CACHE = tempfile.TemporaryDirectory(prefix="charlstm-tests-")
os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = _CACHE.name

import numpy as np
import pytest
import torch
from hypothesis import settings

from charlstm.asked import Asked
from charlstm.config import Config, load_config
from charlstm.model.char_lstm import CharLSTM
from charlstm.text.corpus import corpus_of
from charlstm.training.prepared import Prepared, prepare
from charlstm.training.resume import Saved, resume_training
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer

# A machine that is busy with something else is no reason to fail.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

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


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """While open, no file can grow beyond `size` bytes: what is written then fails as on a full disk."""
    import resource

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """A configuration that trains in a second; further settings as for --set."""
    return lambda *settings: load_config(None, (*TINY, *settings))


def prepare_text(text: str, config: Config) -> Prepared:
    """A text, ready to train on as a configuration says."""
    return prepare(corpus_of(text, config.data, "verse.txt"), Asked.all_of(config))


def make_trainer(prepared: Prepared, saved: Saved | None = None) -> Trainer:
    """On the CPU, from the start or from where a saved training stood."""
    cpu = torch.device("cpu")
    return Trainer(prepared, resume_training(saved, prepared, cpu) if saved else new_training(prepared, cpu))


@pytest.fixture
def prepared(make_config: Callable[..., Config]) -> Prepared:
    return prepare_text(VERSE, make_config())


@pytest.fixture(scope="session")
def make_model() -> Callable[..., CharLSTM]:
    """An initialised model with the given vocabulary and settings of [model]."""

    def make(vocabulary_size: int = 11, **settings: object) -> CharLSTM:
        config = load_config(None, model={"embedding_size": 8, "hidden_size": 16, "dropout": 0.0, **settings})
        return CharLSTM(vocabulary_size, config.model, torch.Generator().manual_seed(3)).eval()

    return make


@pytest.fixture(params=[{}, {"embedding_size": 0}, {"num_layers": 3}], ids=["embedding", "one-hot", "three layers"])
def lively(request: pytest.FixtureRequest, make_model: Callable[..., CharLSTM]) -> CharLSTM:
    """A model of 11 ids whose gates differ from character to character, of three kinds."""
    model = make_model(11, **request.param)
    for p in model.lstm.parameters():
        torch.nn.init.uniform_(p, -0.5, 0.5, generator=torch.Generator().manual_seed(p.numel()))
    return model


def ids_of(count: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The same so many ids below 11 each time."""
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
