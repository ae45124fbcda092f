"""The page of `explain`: one HTML file with all its data, which needs no network.

Knows: what the page's script reads, and how text from outside stays data in a page.
Does not know: how the page looks and moves: `web/explain.html`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from charlstm.explanation import PARTS, LayerStep
from charlstm.traces import Trace
from charlstm.views.explanation import input_size, next_json, step_json, symbols
from charlstm.weights import Weights

COLUMNS = 2 * len(PARTS) + 7
"""Numbers of one unit at one character."""


def page(weights: Weights, trace: Trace, layers: Sequence[Sequence[LayerStep]], at: int, layer: int, unit: int | None) -> bytes:
    """A page that begins at a character, layer and unit; `layers` holds each layer's steps, (L, T)."""
    data = {
        "text": symbols(weights, trace),
        "per": weights.vocabulary.noun,
        "at": at,
        "layer": layer,
        "unit": unit,
        "hidden_size": weights.config.model.hidden_size,
        "input_sizes": [input_size(weights, number) for number in range(len(layers))],
        "layers": [[step_json(step) for step in steps] for steps in layers],
        "next": next_json(weights, trace),
    }
    template = (files("charlstm") / "web" / "explain.html").read_text(encoding="utf-8")
    return template.replace("@DATA@", _embedded(data)).encode()


def _embedded(data: object) -> str:
    """JSON that ends no <script>, begins no comment, and is ASCII, so that it is text wherever it is opened."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
