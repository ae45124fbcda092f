"""`charlstm compare`: what differs is marked, what is written is what each model writes alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.runs.model_file import read_weights
from tests.conftest import TINY, VERSE


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs a and b of other texts, sizes and seeds, and c, which reads bytes."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
    (folder / "loud.txt").write_text(VERSE.upper() + "é" * 9, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, text, *settings in (
            ("a", "verse.txt"),
            ("b", "loud.txt", "model.hidden_size=24", "train.seed=5"),
            ("c", "verse.txt", "data.unit=byte"),
        ):
            chosen = [part for s in (*TINY, "train.max_steps=2", *settings) for part in ("--set", s)]
            assert main(["train", text, "--run", name, *chosen]) == 0
    return folder


@pytest.fixture(autouse=True)
def _inside(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models)


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["compare", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_numbers_and_settings_side_by_side(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(compare(capsys, "a", "b", "--json"))
    assert answer["models"] == ["a", "b"]
    assert answer["different"] == ["data.text", "model.hidden_size", "train.seed", "sample.prime"]
    assert answer["settings"]["model.hidden_size"] == [16, 24]
    assert answer["settings"]["train.seed"] == [1, 5]
    for facts, name in zip(answer["facts"], "ab", strict=True):
        assert facts["parameters"] == sum(tensor.size for tensor in read_weights(models / name).tensors.values())
        assert facts["validation_loss"] == read_weights(models / name).facts.validation_loss
    lower, upper = set(VERSE), set(VERSE.upper() + "é")
    assert [set(only) for only in answer["vocabulary"]["only"]] == [lower - upper, upper - lower]


def test_both_write_what_each_would_write_alone(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(compare(capsys, "a", "b", "--json", "--prime", "0 ", "--seed", "3", "--length", "30"))
    for name, text in zip("ab", answer["sample"]["texts"], strict=True):
        assert main(["sample", name, "--prime", "0 ", "--no-prime", "--seed", "3", "--length", "30"]) == 0
        assert capsys.readouterr().out == text


def test_the_table_marks_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = compare(capsys, "a", "b", "--all").splitlines()
    marked = {row.split()[1]: row.split()[2:] for row in rows if row.startswith("*")}
    assert marked["model.hidden_size"] == ["16", "24"]
    assert not any(row.split()[1:2] == ["model.num_layers"] for row in rows)
    assert any(row.split() == ["model.num_layers", "2", "2"] for row in rows)
    assert "model.num_layers" not in compare(capsys, "a", "b")
    assert "different texts: their losses do not compare" in compare(capsys, "a", "b")
    same = compare(capsys, "a", "a")
    assert "no setting differs" in same
    assert "do not compare" not in same
    assert "*" not in same.partition("a writes")[0]


def test_a_model_file_has_no_text_to_compare_and_bytes_know_all(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shutil.copy(models / "b" / "best.safetensors", tmp_path / "b.safetensors")
    answer = json.loads(compare(capsys, "a", str(file), "--json"))
    assert answer["different"] == ["model.hidden_size", "train.seed", "sample.prime"]
    answer = json.loads(compare(capsys, "b", "c", "--json"))
    assert answer["vocabulary"]["only"] == ["", ""]
    assert answer["sample"]["prime"] == "A"
    assert "the 256 bytes" in compare(capsys, "b", "c")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["a", "none"], ["no such model: none"]),
        (["a", "verse.txt"], ["verse.txt"]),
        (["a", "b", "--prime", "green"], ["--prime green", "b never saw"]),
        (["a", "b", "--prime", ""], ["--prime ''", "empty"]),
        (["a", "b", "--length", "0"], ["--length 0"]),
        (["a", "b", "--seed", "-1"], ["--seed -1"]),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]) -> None:
    assert main(["compare", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
