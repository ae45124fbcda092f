from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.excerpts import Excerpt
from charlstm.features import Match
from charlstm.inspection_page import Contents, page, quantised
from charlstm.traces import KINDS, Trace
from charlstm.vocabulary import CharVocabulary

TEXT = "ab</script><b>&\n\u202eab"
VOCABULARY = CharVocabulary("".join(sorted(set(TEXT))))


@pytest.fixture
def contents() -> Contents:
    """A text that would like to be markup; neuron 0:1 rises from the least to the most, the others stay at 0."""
    ids = VOCABULARY.encode(TEXT).astype(np.int64)
    T, L, H = len(ids), 2, 3
    values = np.zeros((T, L, H), np.float32)
    values[:, 0, 1] = np.linspace(0, 1, T)
    start = (np.zeros((L, H), np.float32), np.zeros((L, H), np.float32))
    logits = np.tile(np.arange(VOCABULARY.size, dtype=np.float32), (T, 1))
    norms = np.zeros((T - 1, 4), np.float32)
    norms[:, 3], norms[1:, 2] = 2, 1
    match = Match("position in line", 0, 1, "cell", 0.9)
    excerpt = Excerpt(ids.astype(np.uint8), 0, 7, tuple(TEXT), False)
    trace = Trace(ids, dict.fromkeys(KINDS, values), logits, start)
    return Contents("<i>run", excerpt, VOCABULARY, trace, [match], norms, ("forget", 0, 1))


def block(html: str, name: str) -> str:
    return re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html)[0]


def kept(html: str, name: str) -> list[int]:
    return list(base64.b64decode(block(html, name)))


def test_bytes_are_the_nearest_of_255_steps() -> None:
    assert quantised(np.array([-1, 0.001, 1], np.float32), -1).tolist() == [0, 128, 255]
    assert quantised(np.array([0, 0.1, 1], np.float32), 0).tolist() == [0, 26, 255]


def test_a_page_holds_what_the_trace_holds_and_nothing_of_it_is_markup(contents: Contents) -> None:
    html = b"".join(page(contents)).decode()
    facts: dict[str, Any] = json.loads(block(html, "data"))
    assert ("".join(facts["symbols"]), facts["title"], facts["from"]) == (TEXT, "<i>run", 7)
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
    html = b"".join(page(contents, budget=2 * 6 * len(TEXT))).decode()
    facts = json.loads(block(html, "data"))
    assert (facts["complete"], facts["listed"]) == (["cell", "forget"], [1])
    assert len(kept(html, "data-cell")) == 6 * len(TEXT)
    assert kept(html, "data-input") == quantised(np.linspace(0, 1, len(TEXT), dtype=np.float32), 0).tolist()


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_a_browser_colours_searches_and_traces_back(browser: Any, contents: Contents, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(b"".join(page(contents)))
    view, wrong = browser.new_page(), []
    view.on("pageerror", lambda error: wrong.append(error))  # noqa: PLW0108 (Playwright takes no bound builtin)
    view.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    view.goto(file.as_uri())
    spans = view.locator("#text span")
    assert spans.count() == len(TEXT)
    assert r"\u{202e}" in spans.all_inner_texts()
    view.wait_for_selector("#text span.s16")
    assert ["s0" in spans.first.get_attribute("class"), "s16" in spans.last.get_attribute("class")] == [True, True]
    view.fill("#search", "nothing of the kind")
    assert view.locator("#features button").count() == 0
    view.fill("#search", "LINE")
    view.click("#features button")
    assert (view.input_value("#kind"), view.input_value("#neuron")) == ("cell", "1")
    assert "s8" in spans.first.get_attribute("class")
    spans.nth(2).click()
    assert "character 9" in view.inner_text("#character")
    view.keyboard.press("ArrowRight")
    assert "character 10" in view.inner_text("#character")
    view.keyboard.press("g")
    assert "s16" in spans.nth(2).get_attribute("class"), "the nearest has the largest gradient"
    assert len(view.screenshot()) > 1000
    assert not wrong
