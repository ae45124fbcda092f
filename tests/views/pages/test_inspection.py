from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from charlstm.insight.features import Match
from charlstm.insight.traces import KINDS, Trace
from charlstm.text.excerpts import Excerpt
from charlstm.text.vocabulary import CharVocabulary
from charlstm.views.pages.inspection import Contents, inspection_page, quantised

TEXT = "ab</script><b>&\n\u202eab"
VOCABULARY = CharVocabulary("".join(sorted(set(TEXT))))


def contents_of(text: str) -> Contents:
    """Neuron 0:1 rises from the least to the most, the others stay at 0; the vocabulary's last is always the most probable."""
    ids = VOCABULARY.encode(text).astype(np.int64)
    T, L, H = len(ids), 2, 3
    values = np.zeros((T, L, H), np.float32)
    values[:, 0, 1] = np.linspace(0, 1, T)
    start = (np.zeros((L, H), np.float32), np.zeros((L, H), np.float32))
    logits = np.tile(np.arange(VOCABULARY.size, dtype=np.float32), (T, 1))
    norms = np.zeros((T - 1, 4), np.float32)
    norms[:, 3], norms[1:, 2] = 2, 1
    match = Match("position in line", 0, 1, "cell", 0.9)
    excerpt = Excerpt(ids.astype(np.uint8), 0, 7, tuple(text), False)
    trace = Trace(ids, dict.fromkeys(KINDS, values), logits, start)
    return Contents("<i>run\udcff", 1.25, excerpt, VOCABULARY, trace, [match], norms, ("forget", 0, 1))


@pytest.fixture
def contents() -> Contents:
    """Of a text that would like to be markup."""
    return contents_of(TEXT)


def block(html: str, name: str) -> str:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html)
    assert found
    return found[1]


def kept(html: str, name: str) -> list[int]:
    return list(base64.b64decode(block(html, name)))


def test_bytes_are_the_nearest_of_255_steps() -> None:
    assert quantised(np.array([-1, 0.001, 1], np.float32), -1).tolist() == [0, 128, 255]
    assert quantised(np.array([0, 0.1, 1], np.float32), 0).tolist() == [0, 26, 255]


def test_a_page_holds_what_the_trace_holds_and_nothing_of_it_is_markup(contents: Contents) -> None:
    html = b"".join(inspection_page(contents)).decode()
    facts: dict[str, Any] = json.loads(block(html, "data"))
    assert ("".join(facts["symbols"]), facts["validation"], facts["from"]) == (TEXT, 1.25, 7)
    assert "<title>&lt;i&gt;run&#56575; - charlstm inspect</title>" in html, "what UTF-8 can't spell is no reason to fail"
    assert "<i>" not in html
    assert facts["next"][0][0] == [VOCABULARY.size - 1, pytest.approx(1 - np.exp(-1), abs=1e-3)]
    T = len(TEXT)
    rows = np.array(kept(html, "data-forget")).reshape(6, T)
    assert rows[1].tolist() == quantised(np.linspace(0, 1, T, dtype=np.float32), 0).tolist()
    assert not rows[[0, 2, 3, 4, 5]].any()
    assert kept(html, "data-gradient")[4:8] == [0, 0, 128, 255], "shares of the row's largest"
    assert facts["largest"][1] == 2
    assert "<b>" not in html
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", html), "nothing is loaded"


def test_kinds_that_do_not_fit_are_kept_for_listed_neurons(contents: Contents) -> None:
    html = b"".join(inspection_page(contents, budget=2 * 6 * len(TEXT))).decode()
    facts = json.loads(block(html, "data"))
    assert (facts["complete"], facts["listed"]) == (["cell", "forget"], [1])
    assert len(kept(html, "data-cell")) == 6 * len(TEXT)
    assert kept(html, "data-input") == quantised(np.linspace(0, 1, len(TEXT), dtype=np.float32), 0).tolist()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[[Contents], Any]]:
    """A page in a browser, which in the end has met no error and asked for nothing."""
    wrong: list[object] = []
    view = browser.new_page(viewport={"width": 1000, "height": 800})
    view.on("pageerror", lambda error: wrong.append(error))  # noqa: PLW0108 (Playwright takes no bound builtin)
    view.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))

    def open_page(contents: Contents) -> Any:
        file = tmp_path / "page.html"
        file.write_bytes(b"".join(inspection_page(contents)))
        view.goto(file.as_uri())
        return view

    yield open_page
    view.close()
    assert not wrong


def test_a_browser_colours_searches_and_traces_back(opened: Callable[[Contents], Any], contents: Contents) -> None:
    view = opened(contents)
    spans = view.locator("#text span")
    assert spans.count() == len(TEXT)
    assert r"\u{202e}" in spans.all_inner_texts()
    assert ["s0" in spans.first.get_attribute("class"), "s16" in spans.last.get_attribute("class")] == [True, True]
    assert "validation loss 1.250 nats per character" in view.inner_text("#about")
    assert view.get_attribute("#search", "placeholder") == "position in line, 0:1 ..."
    view.fill("#search", "nothing of the kind")
    assert view.locator("#features button").count() == 0
    view.fill("#search", "LINE")
    view.press("#search", "Enter")
    assert (view.input_value("#kind"), view.input_value("#neuron")) == ("cell", "1")
    assert "s8" in spans.first.get_attribute("class")
    spans.nth(2).click()
    assert "character 9, the model gave it" in view.inner_text("#character")
    view.keyboard.press("ArrowRight")
    assert "character 10" in view.inner_text("#character")
    view.keyboard.press("g")
    assert "s16" in spans.nth(2).get_attribute("class"), "the nearest has the largest gradient"


def test_a_notebook_shows_a_page_in_a_frame(browser: Any, contents: Contents) -> None:
    page = b"".join(inspection_page(contents)).decode()
    wrong: list[object] = []
    view = browser.new_page()
    view.on("pageerror", lambda error: wrong.append(error))  # noqa: PLW0108 (Playwright takes no bound builtin)
    view.set_content(f'<iframe sandbox="allow-scripts" width="900" height="700" srcdoc="{escape(page)}"></iframe>')
    frame = view.frame_locator("iframe")
    frame.locator("#text span").nth(2).click()
    assert "character 9, the model gave it" in frame.locator("#character").inner_text()
    assert frame.locator("h1").inner_text() == "<i>run\ufffd", "what is no character is shown as such"
    view.close()
    assert not wrong


@pytest.mark.parametrize(("scheme", "least", "most"), [("light", "#0a4a8f", "#9c4600"), ("dark", "#8cc8ff", "#ffbe73")])
def test_colours_are_seen(opened: Callable[[Contents], Any], contents: Contents, scheme: str, least: str, most: str) -> None:
    view = opened(contents)
    view.emulate_media(color_scheme=scheme)
    spans = view.locator("#text span")
    spans.nth(5).click()  # the cursor's frame is in no one's way there
    picture = imread(io.BytesIO(view.screenshot()))

    def seen(node: Any) -> str:
        box = node.bounding_box()
        red, green, blue = picture[round(box["y"]) + 2, round(box["x"]) + 1, :3]
        return to_hex((red, green, blue))

    assert (seen(spans.first), seen(spans.last)) == (least, most)


def test_a_neuron_is_found_by_its_number(opened: Callable[[Contents], Any]) -> None:
    contents = contents_of(TEXT)
    matches = [Match("space", 1, 20, "cell", 0.9), Match("capital letter", 1, 2, "cell", 0.8)]
    values = np.zeros((len(TEXT), 2, 21), np.float32)
    start = (values[0], values[0])
    trace = replace(contents.trace, values=dict.fromkeys(KINDS, values), start=start)
    view = opened(replace(contents, trace=trace, matches=matches))

    def found(asked: str) -> list[str]:
        view.fill("#search", asked)
        return [" ".join(one.split()) for one in view.locator("#features li").all_inner_texts()]

    assert found("1:2") == ["capital letter 1:2 +0.800", "space 1:20 +0.900"], "itself first"
    assert found("1:0") == ["neuron 1:0"]
    view.press("#search", "Enter")
    assert (view.input_value("#layer"), view.input_value("#neuron")) == ("1", "0")
    assert found("2:0") == ["neurons go from 0:0 to 1:20"]
    view.press("#search", "Enter")
    assert (view.input_value("#layer"), view.input_value("#neuron")) == ("1", "0")
    view.fill("#neuron", "99")
    assert (view.input_value("#neuron"), view.inner_text("#character").count("1:20 ")) == ("20", 1)


@pytest.mark.parametrize("size", [(390, 844), (800, 500)])
def test_a_small_screen_shows_what_is_tapped(opened: Callable[[Contents], Any], size: tuple[int, int]) -> None:
    view = opened(contents_of("ab&" * 300))
    assert (view.is_visible("#readout"), view.is_visible("#pick")) == (False, True)
    view.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    view.locator("#pick").wait_for(state="hidden")
    view.locator("#text span").nth(2).click()
    readout, text = view.locator("#readout").bounding_box(), view.locator("#text").bounding_box()
    assert "the model gave it < 0.1% · 0:1 forget gate: 0.00" in view.inner_text("#readout")
    assert readout["y"] + readout["height"] == size[1]
    assert text["y"] < size[1] / 6
    assert text["y"] + text["height"] < readout["y"]
    assert view.locator("#readout p").evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth)")
    view.click("summary")
    assert view.is_visible("#pick")


def test_successors_stand_below_their_character_until_they_are_turned_off(
    opened: Callable[[Contents], Any], contents: Contents
) -> None:
    view = opened(contents)
    columns = view.locator("#text .after i")
    assert columns.count() == len(TEXT)
    # Of logits 0, 1, 2 ... the share of the last is 1 - 1/e, that of the next 1/e of it.
    order = [VOCABULARY.decode([VOCABULARY.size - 1 - k]) for k in range(5)]
    assert columns.nth(0).locator("b").all_inner_texts() == ["▯", *order[1:]]
    assert [one.split()[0] for one in classes(columns.nth(0).locator("b"))] == ["p6", "p2", "p1", "p0", "p0"]
    assert [i for i in range(len(TEXT)) if columns.nth(i).locator("b.came").count()] == [
        i for i, symbol in enumerate(TEXT[1:]) if symbol in order
    ]
    below = columns.nth(2).bounding_box()
    assert below["x"] == pytest.approx(view.locator("#text span").nth(2).bounding_box()["x"], abs=0.1)
    columns.nth(2).hover()
    assert "character 9" in view.inner_text("#character"), "pointing at successors is pointing at their character"
    view.focus("#text")
    view.keyboard.press("s")
    assert (columns.count(), view.is_checked("#successors"), view.is_visible("#shades")) == (0, False, False)
    assert "s16" in view.locator("#text span").last.get_attribute("class")
    view.check("#successors")
    view.keyboard.press("g")
    assert columns.count() == len(TEXT)


def classes(elements: Any) -> list[str]:
    return [elements.nth(i).get_attribute("class") for i in range(elements.count())]


def test_a_line_of_any_length_is_cut_into_rows_that_appear_as_they_are_needed(opened: Callable[[Contents], Any]) -> None:
    text = "ab&" * 3000
    view = opened(contents_of(text))
    rows = view.locator("#text > div")
    length = len(view.locator("#text > div").first.locator("span").all_inner_texts())
    assert 30 < length < 100
    assert rows.count() == -(-len(text) // length)
    assert view.locator("#text span").count() < len(text) / 2, "only of rows near the screen"
    assert view.evaluate("document.getElementById('text').scrollWidth <= document.getElementById('text').clientWidth")
    view.focus("#text")
    for key, at in (("End", length - 1), ("ArrowDown", 2 * length - 1), ("Home", length), ("ArrowDown", 2 * length)):
        view.keyboard.press(key)
        assert f"character {7 + at:,}" in view.inner_text("#character"), key
    view.evaluate("document.getElementById('text').scrollTop = 6000")
    box = view.locator("#text").bounding_box()
    view.mouse.click(box["x"] + 100, box["y"] + box["height"] - 20)
    view.keyboard.press("ArrowDown")
    here = view.locator("#text .here").bounding_box()
    assert box["y"] < here["y"] < box["y"] + box["height"]
    view.keyboard.press("s")
    assert view.locator("#text .here").bounding_box()["y"] == pytest.approx(here["y"], abs=1), "nothing jumps"
    count = rows.count()
    view.set_viewport_size({"width": 500, "height": 800})
    rows.nth(count).wait_for(state="attached")


def test_every_dot_of_a_plot_is_reached_by_arrow_keys(opened: Callable[[Contents], Any], contents: Contents) -> None:
    view = opened(contents)
    view.locator("#saturation svg").nth(0).focus()
    assert "input gate of 0:1" in view.inner_text("#dot"), "the neuron that is shown"
    said = {view.inner_text("#dot")}
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowRight") * 2 + ("ArrowRight",) * 8:
        view.keyboard.press(key)
        said.add(view.inner_text("#dot"))
    assert len(said) == 6, "though five are at one place"
    view.keyboard.press("ArrowUp")
    layer, neuron = re.findall(r"gate of (\d):(\d)", view.inner_text("#dot"))[0]
    view.keyboard.press("Enter")
    assert [view.input_value(f"#{name}") for name in ("kind", "layer", "neuron")] == ["input", layer, neuron]
