"""Every shipped configuration loads, and does what its comments say."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import load_config
from charlstm.corpus import read_corpus
from charlstm.material import prepare
from charlstm.search_space import read_space
from tests.conftest import ROOT, SHAKESPEARE

FILES = sorted((ROOT / "configs").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_loads_and_gives_reasons(file: Path) -> None:
    load_config(file)
    assert sum(line.startswith("#") for line in file.read_text(encoding="utf-8").splitlines()) >= 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_its_text_can_be_trained_on_as_asked(file: Path) -> None:
    config = load_config(file)
    if file.name == "shakespeare.toml":
        if not SHAKESPEARE.exists():
            pytest.skip(f"tiny Shakespeare is not at {SHAKESPEARE}")
        config = load_config(file, data={"text": str(SHAKESPEARE)})
    assert prepare(read_corpus(config.data.text, config.data), config).config.train == config.train


def test_the_search_is_over_something() -> None:
    file = ROOT / "configs" / "tune.toml"
    assert list(read_space(file, (), load_config(file))) == ["train.learning_rate", "train.batch_size", "model.num_layers"]


def test_the_tutorial_is_the_lesson() -> None:
    config = load_config(ROOT / "configs" / "tutorial.toml")
    assert (config.model.num_layers, config.model.hidden_size, config.model.embedding_size) == (2, 512, 0)
    train = config.train
    assert (train.batch_size, train.seq_len, train.epochs, train.eval_every) == (64, 100, 50, 5)
    assert (train.learning_rate, train.warmup_steps, train.final_rate, train.weight_decay) == (1e-3, 0, 1.0, 0.0)


def test_the_play_is_long_enough_and_clean() -> None:
    play = (ROOT / "data" / "night-ferry.txt").read_text(encoding="utf-8")
    assert len(play) >= 50_000
    assert play.isascii()
    assert not any(line != line.rstrip() or len(line) > 72 for line in play.splitlines())
