"""Runs and model files of earlier versions go on working: `earlier/` was made before modules lay in packages, and stays so.

It learned `earlier/verse.txt` from standard input for 20 steps: a layer of 8, with dropout, resets and an average.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import charlstm
from charlstm.cli import main

KEPT = Path(__file__).parent / "earlier"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    shutil.copytree(KEPT, tmp_path / "earlier")
    return tmp_path / "earlier"


def test_its_model_scores_as_it_did_when_it_was_trained(earlier: Path) -> None:
    model = charlstm.load(earlier)
    found = model.evaluate(earlier / "verse.txt", part="validation", protocol="stateful")["stateful"]
    assert found.loss == pytest.approx(model.facts.validation_loss, abs=1e-4)
    assert len(model.generate("green", length=20, seed=1)) == 20


def test_it_goes_on_as_a_run_of_this_version_does(earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By losses and not to the bit: no two kinds of processor round alike, and this one may not be the one it was made on."""
    text = str(earlier / "verse.txt")
    for run, begins in ((earlier, False), (tmp_path / "new", True)):
        if begins:
            assert (
                main(
                    ["train", text, "--config", str(earlier / "config.toml"), "--run", str(run), "--set", "train.max_steps=20"]
                )
                == 0
            )
        more = ("--set", "train.max_steps=40", "--set", f"data.text={text}")
        assert main(["train", "--resume", "--run", str(run), *more]) == 0
        assert "is not as it was written" not in capsys.readouterr().err
    old, new = (charlstm.Run(run).columns() for run in (earlier, tmp_path / "new"))
    assert old["step"] == new["step"]
    assert old["validation_loss"] == pytest.approx(new["validation_loss"], abs=1e-3)
    assert old["train_loss"] == pytest.approx(new["train_loss"], abs=1e-3)


def test_it_is_listed(earlier: Path) -> None:
    (one,) = charlstm.overviews(earlier)
    assert (one.state, one.step, one.hidden_size) == ("finished", 20, 8)
