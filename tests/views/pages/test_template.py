"""The mechanism that every page comes out of; the pages themselves are tested beside it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html import escape

import pytest

from charlstm.views.pages import explanation, inspection
from charlstm.views.pages.template import Template, embedded

TEMPLATE = Template("explain.html", "explain.css", ("explain.js",))
MARKS = ["<!-- title -->", "<!-- markup -->", "<!-- name -->", "<!-- data -->", "/* style */", "/* script */"]
HOSTILE = ["</script>", "<!--<script>", "&lt;", "\u2028", "\ud800", "]]>", *MARKS]


def page(name: str, title: str, *data: tuple[str, object]) -> str:
    return b"".join(TEMPLATE.fill(name, title, data)).decode()


def test_what_is_embedded_ends_no_script_and_comes_back() -> None:
    assert not set("<>&\u2028") & set(embedded(HOSTILE))
    assert json.loads(embedded(HOSTILE)) == HOSTILE


def test_a_name_and_a_title_are_text_whatever_they_hold() -> None:
    plain = page("A NAME", "A TITLE", ("data", 1))
    assert plain.count("A NAME") == plain.count("A TITLE") == 1
    for hostile in HOSTILE:
        escaped = escape(hostile).replace("\ud800", "&#55296;")
        expected = plain.replace("A NAME", escaped).replace("A TITLE", escaped)
        assert page(hostile, hostile, ("data", 1)) == expected, hostile


def test_bytes_are_kept_in_base64_and_all_else_as_json() -> None:
    html = page("", "", ("data", HOSTILE), ("some", b"</script>"), ("more", memoryview(b"\0\xff")))
    blocks = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>\n', html))
    assert json.loads(blocks["data"]) == HOSTILE
    assert [base64.b64decode(blocks[name]) for name in ("some", "more")] == [b"</script>", b"\0\xff"]
    with pytest.raises(ValueError, match="JSON"):
        page("", "", ("data", float("nan")))


def test_a_block_is_made_when_the_one_before_it_was_taken() -> None:
    made = []

    def blocks() -> Iterator[tuple[str, object]]:
        for number in range(3):
            made.append(number)
            yield f"block{number}", number

    taken = []
    for piece in TEMPLATE.fill("", "", blocks()):
        taken.append((len(made), piece.count(b"application/json")))
    assert taken == [(0, 0), (1, 1), (2, 1), (3, 1), (3, 0)]


@pytest.mark.parametrize("template", [explanation._EXPLANATION, inspection._INSPECTION], ids=lambda template: template.markup)
def test_every_page_forbids_loading_and_has_all_its_parts(template: Template) -> None:
    html = b"".join(template.fill("name", "title", [("data", {})])).decode()
    assert html.index("default-src 'none'") < html.index("<title>") < html.index("<style>") < html.index("<body>")
    assert not re.findall(r"<!-- \w+ -->|/\* (?:style|script) \*/", html)
    assert html.count("<style>") == html.count("<script>") == html.count("<noscript>") == 1
    assert html.index("const $ = ") < html.index("addEventListener"), "what all pages have comes before what one does"
