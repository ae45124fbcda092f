"""`charlstm plot`: what is drawn, where it goes, and what it says where it can't."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from charlstm.cli import main
from charlstm.config import load_config
from charlstm.runs.records import has_diverged, read_columns
from charlstm.views.canvas import Canvas
from charlstm.views.curves import Drawn, draw_curves

LN2 = math.log(2)


def record(step: int, validation: float | None, train: float = 2.0, **more: object) -> dict[str, object]:
    return {
        "step": step, "epoch": 1, "characters": step * 100, "seconds": step * 6.0, "train_loss": train,
        "validation_loss": validation, "learning_rate": 0.003, "grad_norm": 0.5, **more,
    }  # fmt: skip


def make_run(folder: Path, *records: dict[str, object], settings: Sequence[str] = ()) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(load_config(None, settings).to_toml(), encoding="utf-8")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return folder


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[float], list[float]]]:
    """The x and y of every line that is drawn."""
    found: list[tuple[list[float], list[float]]] = []
    plot = Axes.plot

    def recorded(self: Axes, *arguments: Any, **more: Any) -> Any:
        found.append((list(arguments[0]), list(arguments[1])))
        return plot(self, *arguments, **more)

    monkeypatch.setattr(Axes, "plot", recorded)
    return found


def test_what_is_no_number_is_a_gap_and_what_is_no_record_is_passed_over() -> None:
    metrics = [record(1, 3.0), record(2, math.nan, grad_norm=None), record(3, None, train=math.inf), {"step": "4"}, 7]
    text = "\n".join(json.dumps(r) for r in metrics) + '\n{"half'
    columns = read_columns(text.encode())
    assert columns["step"] == [1, 2, 3]
    assert columns["validation_loss"][0] == 3.0
    assert [name for name, values in columns.items() if math.isnan(values[1])] == ["validation_loss", "part_loss", "grad_norm"]
    assert math.isnan(columns["train_loss"][2])


def test_what_was_trained_again_counts_as_it_went_the_last_time() -> None:
    metrics = [record(1, 3.0), record(2, 2.9), record(3, 2.8), record(2, 2.5), record(4, 2.4)]
    columns = read_columns("\n".join(map(json.dumps, metrics)).encode())
    assert (columns["step"], columns["validation_loss"]) == ([1, 2, 4], [3.0, 2.5, 2.4])


def test_a_divergence_is_the_last_word() -> None:
    end = json.dumps({"step": 2, "diverged": "why"})
    assert has_diverged(f"{json.dumps(record(1, 3.0))}\n{end}\n".encode())
    assert not has_diverged(f"{end}\n{json.dumps(record(1, 3.0))}\n".encode())
    assert not has_diverged(b"")


@pytest.mark.parametrize(("x", "places"), [("steps", [10, 20]), ("characters", [1000, 2000]), ("minutes", [1.0, 2.0])])
def test_the_lines_are_the_numbers(tmp_path: Path, lines: list[Any], x: str, places: list[float]) -> None:
    run = make_run(tmp_path / "a", record(10, 2.5, 2.7), record(20, 2.0, 1.9))
    assert main(["plot", str(run), "--x", x]) == 0
    picture = imread(run / "curves.png")
    assert picture.shape[:2] == (720, 800)
    for values in ([2.5, 2.0], [2.7, 1.9], [0.003, 0.003], [0.5, 0.5]):
        assert (places, values) in lines
    assert ([places[1]], [2.0]) in lines, "the best is marked"


def test_several_runs_lie_in_one_picture_under_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [make_run(tmp_path / n, record(10, 2.0), settings=[f"train.seed={i}"]) for i, n in enumerate("ab")]
    monkeypatch.setattr("charlstm.views.pictures._STYLE", {"svg.fonttype": "none"})
    assert main(["plot", *map(str, runs), "--output", "both.svg"]) == 0
    svg = Path("both.svg").read_text(encoding="utf-8")
    for part in ("seed 0", "seed 1", "bits per character", "learning rate", "gradient norm", "validation"):
        assert part in svg
    assert capsys.readouterr() == ("", "curves: both.svg\n")
    assert main(["plot", *map(str, runs)]) == 0
    assert Path("curves.png").is_file()
    assert not (runs[0] / "curves.png").exists()


def test_the_same_curves_make_the_same_file() -> None:
    columns = read_columns("\n".join(json.dumps(record(s, 2.0)) for s in (1, 2)).encode())
    for kind in ("png", "svg"):
        one, two = (draw_curves([Drawn("$x_{", columns)], "steps", "character", kind) for _ in range(2))
        assert one == two


@pytest.mark.parametrize(
    "records",
    [
        [record(1, 2.0)],
        [record(1, math.nan)],
        [record(1, None), record(2, 2.0, grad_norm=None, learning_rate=0)],
        [{"step": 1, "validation_loss": 2.0}],
    ],
)
def test_little_and_odd_curves_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str], records: list[Any]) -> None:
    runs = [make_run(tmp_path / "a", *records), make_run(tmp_path / "日本 $", record(1, 2.0), settings=["train.seed=9"])]
    for chosen in (runs[:1], runs):
        assert main(["plot", *map(str, chosen), "--output", str(tmp_path / "x.png")]) == 0
        assert main(["plot", *map(str, chosen), "--terminal"]) == 0
    assert "nan" not in capsys.readouterr().out


def test_a_run_without_settings_has_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [make_run(tmp_path / n, record(10, 2.0)) for n in ("one", "two")]
    (runs[0] / "config.toml").write_text("[", encoding="utf-8")
    assert main(["plot", *map(str, runs), "--terminal"]) == 0
    assert "one\n" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_terminal_shows_scales_lines_and_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    run = make_run(tmp_path / "a", record(1000, 4.0, 4.5), record(3000, 2.0, 1.5))
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["plot", str(run), "--terminal"]) == 0
    text = out.buffer.getvalue().decode(encoding)
    rows = text.splitlines()
    assert max(map(len, rows)) <= 80
    assert rows[1].split()[0] == "4.5000"
    assert rows[1].split()[-1] == f"{4.5 / LN2:.4f}"
    assert rows[12].split()[-2:] == [rows[12].split()[-2], f"{1.5 / LN2:.4f}"]
    assert rows[12].split()[-2].endswith("t")
    assert "3,000" in text
    assert text.isascii() == (encoding == "ascii")


def test_a_log_in_which_no_time_has_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", {**record(1, 2.0), "seconds": 0.0})
    assert main(["plot", str(run), "--terminal", "--x", "minutes"]) == 0
    assert "minutes" in capsys.readouterr().out


def test_dots_and_letters_of_a_canvas() -> None:
    canvas = Canvas(3, 2, is_ascii=True)
    canvas.line((0, 0), (1, 1), 0, "a")
    assert ["".join(c for c, _ in row) for row in canvas.rows()] == ["  a", "aa "]
    canvas = Canvas(1, 1, is_ascii=False)
    canvas.line((0, 1), (0, 0), 0, "a")  # the left column of dots
    assert canvas.rows() == [[(chr(0x2800 + 0x01 + 0x02 + 0x04 + 0x40), 0)]]
    canvas = Canvas(3, 2, is_ascii=False)
    for owner, letter in enumerate("abcd"):
        canvas.put((1, 1), owner, letter)
    assert canvas.rows()[0] == [("c", 2), ("b", 1), ("d", 3)], "beside each other while there is room, and then the last one"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["none"], ["'none'", "no such folder"]),
        (["file.txt"], ["'file.txt'", "name the run folder"]),
        (["empty"], ["metrics.jsonl is not there"]),
        (["early"], ["metrics.jsonl has no evaluation yet"]),
        (["."], ["in folders under it", "*"]),
        (["run", "early"], ["'early'"]),
        (["run", "--output", "x.pdf"], ["x.pdf", ".png or .svg"]),
        (["run", "--output", "no/x.png"], ["no/x.png", "no folder 'no'"]),
        (["run", "--output", "folder.png"], ["folder.png", "not a file"]),
        (["run", "--output", "x.png", "--terminal"], ["--output"]),
        (["run"] * 53, ["53 runs", "at most 52"]),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "run", record(1, 2.0))
    make_run(tmp_path / "early")
    for name in ("empty", "folder.png"):
        Path(name).mkdir()
    Path("file.txt").write_text("x", encoding="utf-8")
    assert main(["plot", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


def test_without_matplotlib_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", record(1, 2.0))
    monkeypatch.setattr("charlstm.commands.outputs.find_spec", lambda _: None)
    assert main(["plot", str(run)]) == 2
    assert "pip install 'charlstm[plot]'" in capsys.readouterr().err
    assert main(["plot", str(run), "--terminal"]) == 0
