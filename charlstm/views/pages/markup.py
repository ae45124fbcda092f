"""How data from outside stays data in a page.

Knows: what a browser takes for the end of a script.
Does not know: pages.
"""

from __future__ import annotations

import json


def embedded(data: object) -> str:
    """JSON that ends no <script>, begins no comment, and is ASCII, so that it is text wherever it is opened.

    ValueError where a number is not finite, which JSON can't say.

    >>> embedded({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
