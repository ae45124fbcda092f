"""Every shipped configuration loads, and does what its comments say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from charlstm.asked import ask
from charlstm.cli import main
from charlstm.config import load_config
from charlstm.text.corpus import read_corpus
from charlstm.text.datasets import find
from charlstm.training.prepared import prepare
from charlstm.tuning.space import read_space
from charlstm.values import size_of
from tests.conftest import ROOT, SHAKESPEARE

FILES = sorted((ROOT / "configs").glob("*.toml"))
STANDARD = {"ptb-char": 5_852_947, "text8": 100_000_000, "enwik8": 100_000_000}
"""The standard sets, whose texts are not here: how many characters, or bytes, each has."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_loads_and_gives_reasons(file: Path) -> None:
    load_config(file)
    assert sum(line.startswith("#") for line in file.read_text(encoding="utf-8").splitlines()) >= 4


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in STANDARD], ids=lambda file: file.name)
def test_its_text_can_be_trained_on_as_asked(file: Path) -> None:
    asked = ask(file)
    if file.name == "shakespeare.toml":
        if not SHAKESPEARE.exists():
            pytest.skip(f"tiny Shakespeare is not at {SHAKESPEARE}")
        asked = ask(file, data={"text": str(SHAKESPEARE)})
    config = asked.config
    prepared = prepare(read_corpus(config.data.text, config.data), asked)
    assert prepared.config.train == config.train
    searched = read_space(file, (), config) if file.stem == "tune" else {}
    assert set(prepared.chosen) <= set(searched), "a recipe leaves nothing to be chosen"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ptb-char", (5_017_482, 393_042, 442_423)),
        ("text8", (90_000_000, 5_000_000, 5_000_000)),
        ("enwik8", (90_000_000, 5_000_000, 5_000_000)),
    ],
)
def test_a_standard_set_is_split_as_the_field_does(name: str, parts: tuple[int, int, int]) -> None:
    data = load_config(ROOT / "configs" / f"{name}.toml").data
    whole = STANDARD[name]
    assert (whole - size_of(data.validation, whole) - size_of(data.test, whole), data.validation, data.test) == parts
    if data.text[0].startswith("data:"):
        dataset = find(data.text[0].removeprefix("data:"))
        assert (dataset.name, dataset.unit, dataset.length) == (name, data.unit, whole)


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_recipe_trains_and_is_scored_on_a_slice(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipe as it is but for its widths, on three small files and the counts that belong to them."""
    monkeypatch.chdir(tmp_path)
    line = "the_cat is on The_mat\n"
    files = [f"{part}.txt" for part in ("train", "valid", "test")]
    for file, lines in zip(files, (2_000, 100, 120), strict=True):
        Path(file).write_text(line * lines, encoding="utf-8")
    config = load_config(ROOT / "configs" / f"{name}.toml")
    joined = len(config.data.separator)
    settings = [f"data.validation={100 * len(line) + joined}", f"data.test={120 * len(line)}"]
    settings += ["model.hidden_size=8", "model.embedding_size=8", "track.curves=false"]
    settings += ["train.max_steps=2", "train.warmup_steps=1"]
    arguments = [part for setting in settings for part in ("--set", setting)]
    recipe = str(ROOT / "configs" / f"{name}.toml")
    assert main(["train", *files, "--config", recipe, "--run", "run", *arguments]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"{2_000 * len(line) + joined:,} to learn from" in said
    assert f"the last {120 * len(line):,} kept for a test" in said
    assert main(["eval", "run", *files, "--test", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {(score["chars"], score["per"]) for score in scores.values()} == {
        (120 * len(line), "byte" if config.data.unit == "byte" else "character")
    }


def test_the_search_is_over_something() -> None:
    file = ROOT / "configs" / "tune.toml"
    assert list(read_space(file, (), load_config(file))) == ["train.learning_rate", "train.batch_size", "model.num_layers"]


def test_the_tutorial_is_the_lesson() -> None:
    config = load_config(ROOT / "configs" / "tutorial.toml")
    assert (config.model.num_layers, config.model.hidden_size, config.model.embedding_size) == (2, 512, 0)
    train = config.train
    assert (train.batch_size, train.seq_len, train.epochs, train.eval_every) == (64, 100, 50, 5)
    assert (train.learning_rate, train.warmup_steps, train.final_rate, train.weight_decay) == (1e-3, 0, 1.0, 0.0)
    assert (train.reset, train.average, train.patience) == (0, 0, 0)


def test_the_play_is_long_enough_and_clean() -> None:
    play = (ROOT / "data" / "night-ferry.txt").read_text(encoding="utf-8")
    assert len(play) >= 50_000
    assert play.isascii()
    assert not any(line != line.rstrip() or len(line) > 72 for line in play.splitlines())
