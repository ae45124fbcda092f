"""`charlstm explain`: words, JSON and a page that hold the same numbers; the page in a real browser, where there is one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charlstm.cli import main
from charlstm.views.page import _embedded
from tests.conftest import TINY

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
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
    found = answer(capsys, model, TEXT, "--at", 3, "--layer", 1, "--unit", 5)
    assert main(["explain", str(model), TEXT, "--at", "3", "--layer", "1", "--unit", "5"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    unit = {name: column[5] for name, column in found["units"].items()}
    printed = lambda pattern: [float(number) for number in re.search(pattern, out).groups()]  # type: ignore[union-attr]  # noqa: E731
    number = r"\(?(-?\d+\.\d+)\)?"
    for letter, name in zip("figo", ("forget", "input", "candidate", "output"), strict=True):
        numbers = printed(rf"unit 5: {letter} = (?:sigmoid|tanh){number} = {number}")
        assert numbers == pytest.approx([unit[f"{name}_sum"], unit[name]], abs=1e-3)
    cells = ("forget", "cell_before", "input", "candidate", "kept", "written", "cell")
    pattern = rf"c' = {number} \* {number} \+ {number} \* {number} = {number} \+ {number} = {number}"
    assert printed(pattern) == pytest.approx([unit[name] for name in cells], abs=1e-3)
    hidden = printed(rf"h' = {number} \* tanh{number} = {number} \* {number} = {number}")
    assert hidden == pytest.approx([unit[name] for name in ("output", "cell", "output", "cell_tanh", "hidden")], abs=1e-3)
    assert f"{found['gates']['forget']['above_0.9']} of 16 keep more than 90%" in out
    assert 'reads "c", character 3' in out
    assert "each W is 16 x 32" in out


def test_the_last_character_and_the_unit_that_changed_most_are_shown_unless_asked(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, model, TEXT)
    assert found["at"] == len(TEXT) - 1
    moved = [abs(a - b) for a, b in zip(found["units"]["cell"], found["units"]["cell_before"], strict=True)]
    assert found["unit"] == found["changed_most"][0] == moved.index(max(moved))
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
    data = page_data(tmp_path / "page.html")
    assert "".join(data["text"]) == TEXT
    assert (tmp_path / "page.html").read_text("utf-8").count("<script") == 2
    assert "http" not in (tmp_path / "page.html").read_text("utf-8").replace("http://www.w3.org/2000/svg", "").replace(
        "http-equiv", ""
    )
    for at, layer in ((0, 0), (7, 1), (len(TEXT) - 1, 0)):
        found = answer(capsys, model, TEXT, "--at", at, "--layer", layer)
        assert data["layers"][layer][at] == {key: found[key] for key in ("gates", "changed_most", "units")}
        assert data["next"][at] == found["next"]


def test_what_is_embedded_ends_no_script_and_comes_back() -> None:
    hostile = ["</script>", "<!--<script>", "&lt;", "\u2028", "\ud800", "]]>"]
    assert not set("<>&\u2028") & set(_embedded(hostile))
    assert json.loads(_embedded(hostile)) == hostile


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([""], ["TEXT is empty"]),
        (["\u2605<"], ["'\u2605' (U+2605)", "not in the model's vocabulary"]),
        (["<s", "--at", "2"], ["--at 2", "no such character", "2 characters"]),
        (["<s", "--at", "-1"], ["--at -1"]),
        (["<s", "--layer", "2"], ["--layer 2", "no such layer", "2 layers"]),
        (["<s", "--unit", "16"], ["--unit 16", "no such unit", "16 units"]),
        (["<s", "--html", "none/page.html"], ["--html 'none/page.html'", "no such folder"]),
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


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


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

    def assert_shows(at: int, layer: int, unit: int | None) -> int:
        found = answer(capsys, model, TEXT, "--at", at, "--layer", layer, *(() if unit is None else ("--unit", unit)))
        assert f"character {at}," in page.text_content("#where")
        assert page.input_value("#unit") == str(found["unit"])
        numbers = page.eval_on_selector_all("[data-value]", "all => all.map(one => [one.dataset.value, one.textContent])")
        assert len(numbers) == 15
        for name, number in numbers:
            assert float(number) == found["units"][name][found["unit"]], name
        assert page.eval_on_selector_all("#next tr", "all => all.map(row => Number(row.children[1].textContent))") == [
            share for _, share in found["next"]
        ]
        return int(found["unit"])

    assert_shows(1, 0, None)
    page.keyboard.press("ArrowRight")
    assert_shows(2, 0, None)
    page.keyboard.press("l")
    unit = assert_shows(2, 1, None)
    page.keyboard.press("ArrowUp" if unit < 15 else "ArrowDown")
    unit += 1 if unit < 15 else -1
    assert_shows(2, 1, unit)
    page.keyboard.press("ArrowLeft")
    assert_shows(1, 1, unit)
    page.click("#forth")
    page.click("#most")
    assert_shows(2, 1, None)
    page.fill("#unit", "7")
    page.keyboard.press("Enter")
    assert_shows(2, 1, 7)
    page.select_option("#layer", "0")
    assert_shows(2, 0, 7)
    page.keyboard.press("Home")  # inside the picker it is the picker's
    page.click("#text button:last-child")
    assert page.is_disabled("#forth")
    assert wrong == []
