from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from charlstm.asked import Asked, ask
from charlstm.config import load_config
from charlstm.training.size_defaults import SCALES, fit_scale
from tests.conftest import ROOT


def test_a_longer_text_gets_fewer_passes_larger_batches_and_less_dropout() -> None:
    for shorter, longer in itertools.pairwise(SCALES):
        assert shorter.characters < longer.characters
        assert shorter.epochs >= longer.epochs
        assert shorter.batch_size <= longer.batch_size
        assert shorter.dropout >= longer.dropout


@pytest.mark.parametrize("characters", [10, 18_000, 1_003_854, 90_000_000, 10**12])
def test_no_text_is_too_short_or_too_long(characters: int) -> None:
    config, chosen = fit_scale(ask(), characters)
    assert chosen == ("train.epochs", "train.batch_size", "model.dropout")
    assert config.train.seq_len == load_config().train.seq_len, "nothing else changes"


def test_what_is_set_stands_even_where_it_is_the_default() -> None:
    default = load_config()
    asked = ask(None, [f"train.epochs={default.train.epochs}", f"model.dropout={default.model.dropout}"])
    config, chosen = fit_scale(asked, 18_000)
    assert chosen == ("train.batch_size",)
    assert (config.train.epochs, config.model.dropout) == (default.train.epochs, default.model.dropout)


def test_what_was_chosen_stands_from_then_on(tmp_path: Path) -> None:
    config, _ = fit_scale(ask(), 18_000)
    again, chosen = fit_scale(ask(None, **config.model_dump(mode="json")), 90_000_000)
    assert (again, chosen) == (config, ())
    assert fit_scale(Asked.all_of(config), 90_000_000) == (config, ())
    (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    assert fit_scale(ask(tmp_path / "config.toml"), 90_000_000) == (config, ()), "also through a run's own file"


def test_the_table_in_the_documents_is_the_table() -> None:
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+|more) \| (\d+) \| (\d+) \| ([\d.]+) \|$", document, re.MULTILINE)
    sizes = [f"{scale.characters:,}" for scale in SCALES[:-1]]
    expected = [(str(s.epochs), str(s.batch_size), str(s.dropout)) for s in SCALES]
    assert [(size, tuple(rest)) for size, *rest in rows] == list(zip([*sizes, "more"], expected, strict=True))
