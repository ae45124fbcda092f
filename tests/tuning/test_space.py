from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import Config, load_config
from charlstm.errors import ConfigError
from charlstm.tuning.space import Choices, Range, Space, read_space, with_values


def read(folder: Path, table: str, *assignments: str, rest: str = "") -> Space:
    file = folder / "c.toml"
    file.write_text(f"{rest}\n[tune]\n{table}\n", encoding="utf-8")
    return read_space(file, assignments, load_config(file, assignments))


def test_choices_and_ranges(tmp_path: Path) -> None:
    table = '"model.dropout" = [0, 0.25]\n"train.batch_size" = { low = 8, high = 64, log = true }\n'
    space = read(tmp_path, table + '"train.learning_rate" = { low = 1e-3, high = 1 }')
    assert space == {
        "model.dropout": Choices((0, 0.25)),
        "train.batch_size": Range(8, 64, log=True),
        "train.learning_rate": Range(0.001, 1.0),
    }
    assert [space["train.batch_size"].count, space["train.learning_rate"].count] == [57, float("inf")]


def test_a_range_is_of_whole_numbers_where_the_setting_is(tmp_path: Path) -> None:
    space = read(tmp_path, '"train.grad_clip" = { low = 1, high = 5 }\n"train.epochs" = { low = 1, high = 5 }')
    assert [options.is_whole for options in space.values() if isinstance(options, Range)] == [False, True]


def test_without_quotes_it_means_the_same(tmp_path: Path) -> None:
    quoted = read(tmp_path, '"model.num_layers" = [1, 2]\n"train.beta2" = { low = 0.9, high = 0.99 }')
    assert read(tmp_path, "model.num_layers = [1, 2]\ntrain.beta2 = { low = 0.9, high = 0.99 }") == quoted
    assert read(tmp_path, "[tune.model]\nnum_layers = [1, 2]\n[tune.train]\nbeta2 = { low = 0.9, high = 0.99 }") == quoted


def test_a_file_that_can_be_searched_can_be_trained_with(tmp_path: Path) -> None:
    read(tmp_path, '"model.dropout" = [0.1, 0.2]', rest="[model]\nhidden_size = 64")
    assert load_config(tmp_path / "c.toml") == load_config(None, ["model.hidden_size=64"])


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ('"model.droput" = [0.1, 0.2]', ["[tune] model.droput", "did you mean model.dropout?"]),
        ("dropout = [0.1, 0.2]", ["did you mean model.dropout?"]),
        ('"modle.dropout" = [0.1, 0.2]', ["modle", "no such section", "did you mean model?"]),
        ("model = [1]", ["model = [1]", "expected a section"]),
        ('"data.validation" = [0.1, 0.2]', ["data.validation: it can't be searched", "[model] and [train]"]),
        ('"sample.temperature" = { low = 0.1, high = 1 }', ["sample.temperature: it can't be searched"]),
        ('"train.seed" = [1, 2]', ["train.seed: it can't be searched"]),
        ('"model.dropout" = 0.2', ["model.dropout = 0.2", "a list of choices or a range"]),
        ('"model.dropout" = []', ["at least two choices"]),
        ('"model.dropout" = [0.2]', ["at least two choices"]),
        ('"model.dropout" = [0, 0.2, 0.0]', ["none of them twice"]),
        ('"model.dropout" = [0.2, 1.5]', ["model.dropout = 1.5", "below 1"]),
        ('"model.dropout" = [0.2, "half"]', ["model.dropout = 'half'", "a number"]),
        ('"model.dropout" = [0.2, [0.3]]', ["model.dropout = [0.3]", "a number"]),
        ('"model.dropout" = { low = 0, high = 1 }', ["model.dropout = 1", "below 1"]),
        ('"model.num_layers" = { low = 1.0, high = 2.0 }', ["model.num_layers = 1.0", "whole number"]),
        ('"model.num_layers" = { low = 1, high = 99999 }', ["model.num_layers = 99999", "at most 16"]),
        ('"train.learning_rate" = { low = 1e-3 }', ["expected low and high"]),
        ('"train.learning_rate" = { low = 1e-3, hihg = 1e-2 }', ["'hihg' = 0.01", "did you mean high?", "low, high, log"]),
        ('"train.learning_rate" = { low = 1e-2, high = 1e-3 }', ["expected low below high"]),
        ('"train.weight_decay" = { low = 0, high = 1, log = true }', ["above 0 where log is true"]),
        ('"train.learning_rate" = { low = 1e-3, high = 1e-2, log = 1 }', ["log = 1", "true or false"]),
        ('"train.learning_rate" = { low = nan, high = 1e-2 }', ["train.learning_rate = nan"]),
        ("", ["c.toml does not say what to search", "[tune]", '"train.learning_rate" = {']),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(tmp_path: Path, table: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, table)
    for part in [*parts, *(["[tune] "] if table else [])]:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_no_table_and_one_that_is_none(tmp_path: Path) -> None:
    for text in ("[model]\nhidden_size = 3", "tune = 3"):
        (tmp_path / "c.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="does not say what to search"):
            read_space(tmp_path / "c.toml", (), Config())


def test_what_is_set_is_not_searched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model.dropout: \[tune\] in .* searches it too"):
        read(tmp_path, '"model.dropout" = [0.1, 0.2]', "model.dropout=0.3")


def test_values_go_to_their_places(tmp_path: Path) -> None:
    config = with_values(load_config(None, ["train.epochs=7"]), {"model.num_layers": 3, "train.grad_clip": 2})
    assert (config.model.num_layers, config.train.grad_clip, config.train.epochs) == (3, 2.0, 7)
