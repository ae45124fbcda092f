"""`charlstm memory`: on which text, how it is shown, and what it says where it can't."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread
from matplotlib.lines import Line2D

from charlstm.cli import main
from charlstm.insight.memory import CONTEXTS, REACH, Context, Mean, Memory
from charlstm.views.memory import sentences
from charlstm.views.memory_picture import draw_memory
from tests.conftest import TINY, VERSE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    (folder / "long.txt").write_text(VERSE * 6, encoding="utf-8")
    settings = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]
    assert main(["train", str(folder / "long.txt"), "--run", str(folder / "run"), *settings]) == 0
    return folder / "run"


def test_json_on_a_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", str(run), str(run.parent / "long.txt"), "--places", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["text"], found["places"], found["characters"]) == ("long.txt", 3, len(VERSE) * 6)
    assert [context["chars"] for context in found["contexts"]] == list(CONTEXTS)
    assert [row["distance"] for row in found["effect"]] == list(range(1, REACH + 1))
    for context in found["contexts"]:
        assert context["loss"]["nats"] - found["carried"]["nats"] == pytest.approx(context["excess"]["nats"])


def test_without_a_text_the_run_s_own_validation_part(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", str(run), "--places", "3"]) == 0
    out, err = capsys.readouterr()
    assert "the validation part of the run's text" in err
    rows = [line.split()[0] for line in out.splitlines()]
    assert rows[1:13] == [*(f"{c:,}" for c in CONTEXTS), "carried"]
    assert not {"\x1b"} & set(out)


def test_what_the_model_writes_where_there_is_no_text(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.safetensors"
    shutil.copy(run / "best.safetensors", model)
    assert main(["memory", str(model), "--places", "2", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["text"] == "what the model writes itself"
    assert "a model file does not say where its text was" in err


def test_a_validation_part_that_is_too_short_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(run, tmp_path / "run")
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("validation = 0.1", "validation = 500"), encoding="utf-8")
    assert main(["memory", str(tmp_path / "run"), "--places", "2"]) == 0
    assert "has 500 characters, and 1,538 are needed: measuring on what the model writes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wall", "the text has 4 characters: at least 1,539 are needed"),
        ("w" * 3000, "the text holds nothing but 'w'"),
        ("w%" * 3000, "1 kind: '%' (U+0025); --unknown skip leaves such characters out"),
    ],
)
def test_texts_that_do_not_do(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    assert main(["memory", str(run), str(tmp_path / "text.txt"), "--places", "3"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--places", "1"], "--places 1: expected from 2 to 2,000"),
        (["--output", "memory.jpg"], "expected a name that ends in .png or .svg"),
        (["no-such-text.txt"], "no-such-text.txt"),
    ],
)
def test_what_is_asked_wrongly(run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["memory", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["memory.png", "memory.svg"])
def test_a_picture(run: Path, tmp_path: Path, name: str) -> None:
    assert main(["memory", str(run), "--places", "2", "--output", str(tmp_path / name)]) == 0
    if name.endswith(".png"):
        assert np.asarray(imread(tmp_path / name)).shape[:2] == (620, 800)
    else:
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<?xml")


def planted(excess: float, effect: float, places: int = 100, stderr: float = 0.001) -> Memory:
    contexts = tuple(Context(c, Mean(2.0 + excess / c, 0.1), Mean(excess / c, stderr)) for c in CONTEXTS)
    return Memory(places, contexts, Mean(2.0, 0.1), tuple(Mean(effect * 0.5**d, 0.0) for d in range(REACH)))


def test_sentences() -> None:
    loss, effect, share = sentences(planted(0.5, 1.0), "character")
    assert loss == "From 64 characters on, more context brings less than 0.01 nats per character (standard error 0.0010)."
    assert effect.endswith("by 1.0000 nats, and by less than 1/e of that from 3 characters on.")
    assert share == "Half of its effect is on the next 1, 99% on the next 7."
    assert "at only 49 places: the figures are rough" in sentences(planted(0.5, 1.0, 49), "character")[-1]
    assert sentences(planted(0.001, 0.0), "byte") == [
        "From 1 byte on, more context brings less than 0.01 nats per byte (standard error 0.0010).",
        "Another byte in the text changes nothing at all.",
    ]
    assert sentences(planted(100.0, 1.0), "character")[0].startswith("Even beyond 1,024 characters of context")
    assert sentences(planted(0.5, 1.0, stderr=0.1), "byte")[0].startswith("These places can't tell")


def test_the_reset_line_follows_the_model_and_then_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[list[float], list[float]]] = []
    plot = Axes.plot

    def plot_and_note(axes: Axes, xs: Sequence[float], ys: Sequence[float], *marks: str, **more: Any) -> list[Line2D]:
        lines.append((list(xs), list(ys)))
        return plot(axes, xs, ys, *marks, **more)

    monkeypatch.setattr(Axes, "plot", plot_and_note)
    memory = planted(0.5, 1.0)
    assert draw_memory(memory, "character", 64, "png")
    assert draw_memory(planted(0.5, 0.0), "character", 64, "svg")
    drawn = len(lines)
    assert draw_memory(memory, "character", 3000, "png")
    assert len(lines) == drawn + 2, "no such line where it would be beyond its reach"
    xs, ys = lines[2]
    assert xs[63:] == [64, 64, REACH]
    assert ys[:64] == [mean.nats for mean in memory.effect[:64]]
    assert ys[64] == ys[65] < ys[0]
