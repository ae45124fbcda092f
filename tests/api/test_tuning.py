from __future__ import annotations

from pathlib import Path

import pytest

import charlstm
from charlstm.config import load_config
from tests.api.test_training import SMALL

pytest.importorskip("optuna")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "search.toml"
    file.write_text("[tune]\ntrain.learning_rate = { low = 0.001, high = 0.01, log = true }\n", encoding="utf-8")
    return file


def test_a_search_finds_a_recipe_and_goes_on(poems: Path, recipe: Path, tmp_path: Path) -> None:
    records: list[object] = []
    found = charlstm.tune(recipe, poems, trials=2, run=tmp_path / "s", max_steps=10, progress=records.append, **SMALL)
    assert [trial.number for trial in found.trials] == [1, 2]
    assert found.best is not None
    assert load_config(found.config).train.learning_rate == found.best.values["train.learning_rate"]
    assert records
    more = charlstm.tune(recipe, poems, trials=3, run=tmp_path / "s", max_steps=10, **SMALL)
    assert more.trials[:2] == found.trials
    assert len(more.trials) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"trials": 0}, "trials=0: expected a whole number"), ({"minutes": -1.0}, "minutes=-1.0: expected a number above 0")],
)
def test_a_budget_is_checked(recipe: Path, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(charlstm.CharlstmError, match=message):
        charlstm.tune(recipe, **arguments)  # type: ignore[arg-type]


def test_a_setting_is_searched_or_set(recipe: Path) -> None:
    with pytest.raises(charlstm.ConfigError, match=r"^learning_rate: \[tune\] in .* searches it too; take one of them away$"):
        charlstm.tune(recipe, learning_rate=0.1)
