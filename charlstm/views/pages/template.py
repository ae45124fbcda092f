"""One file out of a page's parts: all that a browser needs to show it, so that it loads nothing from anywhere.

    page.html  |  page.css and the page's own style  |  its markup  |  a block a value: JSON or base64  |  page.js, its scripts

`page.html` is what every page has in common; its security policy forbids all loading. A page's own markup goes into its body.
`page.js` gives the scripts `$(id)`, `data` (the block of that name) and `percent(share)`.

Knows: the parts in web/, and how what comes from outside stays text or data in a page.
Does not know: what any page shows.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from importlib.resources import files


@dataclass(frozen=True)
class Template:
    """The parts of one kind of page, files of web/."""

    markup: str
    """What stands in the body; `<!-- name -->` in it becomes what the page is about."""
    style: str
    scripts: tuple[str, ...]
    """In the order in which they run, all as one script."""

    def fill(self, name: str, title: str, data: Iterable[tuple[str, object]]) -> Iterator[bytes]:
        """The bytes of an HTML file in UTF-8, a block of data at a time: no more than one of them is held.

        Name and title are text, whatever they hold. Each value of `data` becomes a block with the id that stands before it,
        bytes in base64 and all else in JSON; one of them has the id `data`. ValueError as of `embedded`.
        """
        before, after = _web_file("page.html").split("<!-- data -->")
        before = before.replace("/* style */", _web_file("page.css") + _web_file(self.style)).replace(
            "<!-- markup -->", _web_file(self.markup)
        )
        # Last, as they may look like any of the marks above. Escaped, they look like none of these two.
        before = before.replace("<!-- title -->", escape(title)).replace("<!-- name -->", escape(name))
        yield before.encode(errors="xmlcharrefreplace")  # the name of a file may hold what UTF-8 can't spell
        for block, value in data:
            text = b64encode(value).decode("ascii") if isinstance(value, bytes | memoryview) else embedded(value)
            yield f'<script type="application/json" id="{block}">{text}</script>\n'.encode("ascii")
        yield after.replace("/* script */", "\n".join(map(_web_file, ("page.js", *self.scripts)))).encode()


def embedded(data: object) -> str:
    """JSON that ends no <script>, begins no comment, and is ASCII, so that it is text wherever it is opened.

    ValueError where a number is not finite, which JSON can't say.

    >>> embedded({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _web_file(name: str) -> str:
    return (files("charlstm.views.pages") / "web" / name).read_text(encoding="utf-8")
