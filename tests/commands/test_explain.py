"""`charlstm explain`: words, JSON and a page that hold the same numbers; the page in a real browser, where there is one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from charlstm.cli import main
from tests.conftest import TINY

TEXT = "</script><script>alert(1)</script>\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose vocabulary holds all that HTML could trip over."""
    folder = tmp_path_factory.mktemp("explain")
    (folder / "markup.txt").write_text((TEXT + "&amp; '\u2028\"\x1b\n") * 40, encoding="utf-8")
    settings = [part for setting in (*TINY, "train.max_steps=2", "sample.prime=<") for part in ("--set", setting)]
    assert main(["train", str(folder / "markup.txt"), "--run", str(folder / "run"), *settings]) == 0
    return folder / "run"


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert main(["explain", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def page_data(page: Path) -> Any:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return json.loads(data)


def test_the_words_have_the_numbers_of_the_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, model, TEXT, "--at", 3, "--neuron", "1:5")
    assert main(["explain", str(model), TEXT, "--at", "3", "--neuron", "1:5"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert (found["layer"], found["neuron"]) == (1, 5)
    neuron = {name: column[5] for name, column in found["neurons"].items()}

    def printed(pattern: str) -> list[float]:
        found = re.search(pattern, out)
        assert found, pattern
        return [float(number) for number in found.groups()]

    number = r"\(?(-?\d+\.\d+)\)?"
    for letter, name in zip("figo", ("forget", "input", "candidate", "output"), strict=True):
        numbers = printed(rf"neuron 5: {letter} = (?:sigmoid|tanh){number} = {number}")
        assert numbers == pytest.approx([neuron[f"{name}_sum"], neuron[name]], abs=1e-3)
    cells = ("forget", "cell_before", "input", "candidate", "kept", "written", "cell")
    pattern = rf"c' = {number} \* {number} \+ {number} \* {number} = {number} \+ {number} = {number}"
    assert printed(pattern) == pytest.approx([neuron[name] for name in cells], abs=1e-3)
    hidden = printed(rf"h' = {number} \* tanh{number} = {number} \* {number} = {number}")
    assert hidden == pytest.approx([neuron[name] for name in ("output", "cell", "output", "cell_tanh", "hidden")], abs=1e-3)
    assert f"{found['gates']['forget']['above_0.9']} of 16 keep more than 90%" in out
    assert 'reads "c", character 3' in out
    assert "each W is 16 x 32" in out


def test_the_last_character_and_the_neuron_that_changed_most_are_shown_unless_asked(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, model, TEXT)
    assert found["at"] == len(TEXT) - 1
    moved = [abs(a - b) for a, b in zip(found["neurons"]["cell"], found["neurons"]["cell_before"], strict=True)]
    assert found["neuron"] == found["changed_most"][0] == moved.index(max(moved))
    assert len(found["next"]) == 5
    assert main(["explain", str(model), "<\x1b"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_page_holds_the_numbers_of_the_json_and_nothing_in_it_is_obeyed(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(model), TEXT, "--html", str(tmp_path / "page.html")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "page.html" in err
    assert f"page.html, {(tmp_path / 'page.html').stat().st_size / 1e3:.0f} kB:" in err
    data = page_data(tmp_path / "page.html")
    assert "".join(data["text"]) == TEXT
    assert (data["at"], data["layer"], data["neuron"]) == (0, 0, None), "a page begins at the first character"
    assert (tmp_path / "page.html").read_text("utf-8").count("<script") == 2
    assert "http" not in (tmp_path / "page.html").read_text("utf-8").replace("http://www.w3.org/2000/svg", "").replace(
        "http-equiv", ""
    )
    for at, layer in ((0, 0), (7, 1), (len(TEXT) - 1, 0)):
        found = answer(capsys, model, TEXT, "--at", at, "--layer", layer)
        assert data["layers"][layer][at] == {key: found[key] for key in ("gates", "changed_most", "neurons")}
        assert data["next"][at] == found["next"]


def test_a_page_is_named_after_its_model_whatever_the_name_holds(model: Path, tmp_path: Path) -> None:
    name = "<title>@DATA@&\udcff.safetensors"
    shutil.copy(model / "best.safetensors", tmp_path / name)
    assert main(["explain", str(tmp_path / name), "<s", "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert f"<title>{tmp_path.name}/&lt;title&gt;@DATA@&amp;&#56575;.safetensors: one step of an LSTM</title>" in page
    assert "".join(page_data(tmp_path / "page.html")["text"]) == "<s"


def test_lines_are_wrapped_at_words_on_a_terminal_only(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["explain", str(model), TEXT, "--neuron", "1:5"]) == 0
    piped = capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["explain", str(model), TEXT, "--neuron", "1:5"]) == 0
    wrapped = capsys.readouterr().out
    assert max(map(len, piped.splitlines())) > 80
    assert max(map(len, wrapped.splitlines())) <= 60
    assert wrapped.split() == piped.split(), "no word is broken"
    first = "1. f = sigmoid(W_f [h, x] + b_f)   "
    assert f"{first}forget gate (Gamma_f;\n{' ' * len(first)}nn.LSTM's second quarter)\n" in wrapped


def test_the_name_of_a_file_is_explained_only_where_the_model_knows_its_characters(
    model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alert").touch()
    Path("verse.txt").touch()
    Path("folder").mkdir()
    assert "".join(answer(capsys, model, "alert")["text"]) == "alert"
    for name, kind in (("verse.txt", "file"), ("folder", "folder")):
        assert main(["explain", str(model), name]) == 2
        assert f"'{name}' is a {kind}, and explain takes the text itself: charlstm inspect reads" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([""], ["TEXT is empty"]),
        (["\u2605<"], ["'\u2605' (U+2605)", "not in the model's vocabulary"]),
        (["<s", "--at", "2"], ["--at 2", "no such character", "2 characters"]),
        (["<s", "--at", "-1"], ["--at -1"]),
        (["<s", "--layer", "2"], ["--layer 2", "no such layer", "2 layers"]),
        (["<s", "--neuron", "1:16"], ["--neuron 1:16", "no neuron 16", "16 neurons a layer"]),
        (["<s", "--neuron", "2:0"], ["--neuron 2:0", "no layer 2", "2 layers"]),
        (["<s", "--neuron", "5"], ["--neuron '5'", "LAYER:NEURON"]),
        (["<s", "--neuron", "1:5", "--layer", "1"], ["--layer and --neuron exclude each other"]),
        (["<s", "--html", "none/page.html"], ["--html none/page.html", "there is no folder 'none'"]),
        (["<" * 10_001], ["10,001 characters", "10,000"]),
        (["<" * 5_000, "--html", "page.html"], ["5,000 characters", "a page of this model takes 4,166"]),
        ([], ["TEXT"]),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]
) -> None:
    assert main(["explain", str(model), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_the_arrow_keys_step_through_the_numbers_of_the_json(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], browser: Any, scheme: str
) -> None:
    assert main(["explain", str(model), TEXT, "--at", "1", "--html", str(tmp_path / "page.html")]) == 0
    page = browser.new_page(color_scheme=scheme)
    wrong: list[object] = []
    for event in ("console", "pageerror", "dialog"):
        page.on(event, lambda what: wrong.append(what))  # noqa: PLW0108 (playwright marks the function)
    page.goto((tmp_path / "page.html").as_uri())

    def assert_shows(at: int, layer: int, neuron: int | None) -> int:
        chosen = ("--layer", layer) if neuron is None else ("--neuron", f"{layer}:{neuron}")
        found = answer(capsys, model, TEXT, "--at", at, *chosen)
        assert f"character {at}," in page.text_content("#where")
        assert page.input_value("#neuron") == str(found["neuron"])
        numbers = page.eval_on_selector_all("[data-value]", "all => all.map(one => [one.dataset.value, one.textContent])")
        assert len(numbers) == 15
        for name, number in numbers:
            assert float(number) == found["neurons"][name][found["neuron"]], name
        shares = page.eval_on_selector_all("#next tr", "all => all.map(row => row.children[1].textContent)")
        assert [float(share.removesuffix("%")) for share in shares] == pytest.approx(
            [100 * share for _, share in found["next"]], abs=0.051
        )
        assert set(page.eval_on_selector_all("#next .bar", "all => all.map(bar => bar.getBoundingClientRect().left)")) == {left}
        return int(found["neuron"])

    left = page.eval_on_selector("#next .bar", "bar => bar.getBoundingClientRect().left")
    size = answer(capsys, model, TEXT)["vocabulary_size"]
    assert page.text_content("#sizes") == f"2 layers of 16 neurons, a vocabulary of {size} characters"
    assert page.title() == "run: one step of an LSTM"
    assert_shows(1, 0, None)
    page.keyboard.press("ArrowRight")
    assert_shows(2, 0, None)
    page.keyboard.press("l")
    neuron = assert_shows(2, 1, None)
    page.keyboard.press("ArrowUp" if neuron < 15 else "ArrowDown")
    neuron += 1 if neuron < 15 else -1
    assert_shows(2, 1, neuron)
    page.keyboard.press("ArrowLeft")
    assert_shows(1, 1, neuron)
    page.click("#forth")
    page.click("#most")
    assert_shows(2, 1, None)
    page.fill("#neuron", "7")
    page.keyboard.press("Enter")
    assert_shows(2, 1, 7)
    page.select_option("#layer", "0")
    assert_shows(2, 0, 7)
    page.keyboard.press("Home")  # inside the picker it is the picker's
    page.click("#text button:last-child")
    assert page.is_disabled("#forth")
    assert wrong == []


def test_on_a_phone_only_the_diagram_is_wider_than_the_screen(model: Path, tmp_path: Path, browser: Any) -> None:
    assert main(["explain", str(model), TEXT, "--html", str(tmp_path / "page.html")]) == 0
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.getElementById('scroll').scrollWidth") > 700
    for key in ("Home", "End"):
        page.keyboard.press(key)
        text, character = (page.locator(name).bounding_box() for name in ("#text", "#text [aria-current]"))
        for side, length in (("x", "width"), ("y", "height")):
            assert text[side] + 2 <= character[side], "there is room for its outline"
            assert character[side] + character[length] <= text[side] + text[length] - 2
