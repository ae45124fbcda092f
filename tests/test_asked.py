from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.asked import Asked, ask, ask_sampling
from charlstm.config import Config, SampleConfig
from charlstm.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "c.toml"
    file.write_text('[train]\nepochs = 3\nseq_len = 32\n[model]\ndropout = 0.3\n[tune]\n"train.epochs" = [1, 2]\n', "utf-8")
    return file


def test_assignments_stand_above_keywords_and_these_above_the_file(file: Path) -> None:
    asked = ask(file, ["train.epochs=5", "model.num_layers=1"], train={"epochs": 4, "seq_len": 40})
    assert (asked.config.train.epochs, asked.config.train.seq_len, asked.config.model.dropout) == (5, 40, 0.3)
    assert asked.keys == {"train.epochs", "train.seq_len", "model.dropout", "model.num_layers"}
    assert asked.has("model.dropout"), "also where it is the default"
    assert not asked.has("train.batch_size")


def test_nothing_and_all_of_a_configuration() -> None:
    assert ask() == Asked(Config(), frozenset())
    everything = Asked.all_of(Config())
    assert len(everything.keys) == sum(len(section) for section in Config().model_dump().values())
    assert ask(None, **Config().model_dump(mode="json")) == everything


def test_what_is_wrong_is_said_at_once(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"train.epochs = 0: expected a whole number at least 1"):
        ask(file, ["train.epochs=0"])
    with pytest.raises(ConfigError, match="no such key"):
        ask_sampling(None, [], lenght=3)


OWN = SampleConfig(prime="A", length=40, ban="e", allow="ab", bias=("a=1",), stop=("x",), top_k=5)
EMPTY = 'ban = ""\nallow = ""\nbias = []\nstop = []\n'


def test_an_empty_value_takes_away_what_the_model_has(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f"[sample]\n{EMPTY}", encoding="utf-8")
    without = SampleConfig(prime="A", length=40, top_k=5)
    assert ask_sampling(tmp_path / "c.toml").over(OWN) == without
    assert ask_sampling(None, ["sample.ban=", "sample.allow=", "sample.bias=[]", "sample.stop=[]"]).over(OWN) == without
    assert ask_sampling(ban="", allow="", bias=(), stop=()).over(OWN) == without


def test_an_empty_prime_in_a_file_is_the_models_own(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[sample]\nprime = ""\n', encoding="utf-8")
    assert ask_sampling(tmp_path / "c.toml").over(SampleConfig(prime="A")).prime == "A"
    assert ask_sampling(tmp_path / "c.toml", ["sample.prime="]).over(SampleConfig(prime="A")).prime == ""


def test_the_length_is_open_until_the_models_own_is_known(tmp_path: Path) -> None:
    asked = ask_sampling(min_length=700)
    assert asked.over(SampleConfig(length=900)).min_length == 700
    with pytest.raises(ConfigError, match=r"min_length = 700: more than sample\.length = 500"):
        asked.over(SampleConfig())
    (tmp_path / "c.toml").write_text("[sample]\nlength = 600\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"min_length = 700: more than sample\.length = 600"):
        ask_sampling(tmp_path / "c.toml", min_length=700)


def test_a_section_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("sample = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="sample = 3: expected a section"):
        ask_sampling(tmp_path / "c.toml")
