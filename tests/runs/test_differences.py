from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import load_config
from charlstm.runs.differences import differing, labels, settings_of, text_name

A, B, C = Path("runs/a"), Path("runs/b"), Path("runs/c")


def test_only_what_differs_is_a_difference() -> None:
    one, two = (settings_of(load_config(None, [setting])) for setting in ("train.seed=1", "train.seed=2"))
    assert differing([one, two]) == ["train.seed"]
    assert differing([one, one]) == []
    assert differing([one]) == []
    assert differing([{"x": 1}, {}]) == ["x"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["train.seed=1", "train.seed=2"], ["a: seed 1", "b: seed 2"]),
        (
            ["train.learning_rate=0.001", "model.hidden_size=64"],
            ["a: hidden_size 512, learning_rate 0.001", "b: hidden_size 64, learning_rate 0.003"],
        ),
        (["sample.length=7", "train.style=lesson"], ["a", "b"]),
        (["train.seed=1", "train.seed=2", "train.seed=1"], ["a: seed 1", "b: seed 2", "c: seed 1"]),
        (['data.text=["/x/poems.txt", "more.txt"]', "data.text=songs.txt"], ["a: poems.txt +1", "b: songs.txt"]),
    ],
)
def test_labels_say_what_differs_and_are_unique(settings: list[str], expected: list[str]) -> None:
    configs = [load_config(None, [setting]) for setting in settings]
    assert labels([A, B, C][: len(configs)], configs) == expected


def test_a_run_without_a_configuration_has_its_name() -> None:
    one, two = (load_config(None, [setting]) for setting in ("train.seed=1", "train.seed=2"))
    assert labels([A, B, C], [one, None, two]) == ["a: seed 1", "b", "c: seed 2"]


def test_two_of_the_same_name_have_their_paths() -> None:
    paths = [Path("x/run"), Path("y/run"), Path("z")]
    assert labels(paths, [None] * 3) == [str(paths[0]), str(paths[1]), "z"]


def test_texts_have_names() -> None:
    assert text_name(["a/b.txt"]) == "b.txt"
    assert text_name(["-", "x"]) == "- +1"
    assert text_name(["builtin:python-docs"]) == "builtin:python-docs"
