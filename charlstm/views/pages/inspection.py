"""A page to look inside a model with: what a trace holds, small enough for a browser, in one file that needs no other.

    page    |  the markup, style and script of web/  |  JSON: text, names, figures  |  a kind's bytes, in base64  |  ...

A neuron's value is one byte, 0 for the least that it can be and 255 for the most. The rows of a kind are its neurons, so that a
browser takes T bytes together to colour a text.

Shapes: T time, L layers, H hidden; W the window before each character.

Knows: what a page holds and what it leaves out.
Does not know: torch, colours, what a click does.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from charlstm.insight.features import Match
from charlstm.insight.traces import GATES, Kind, Trace
from charlstm.model.types import Floats
from charlstm.text.excerpts import Excerpt, symbol_of
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.pages.markup import embedded

Bytes = npt.NDArray[np.uint8]
MOST_ON_PAGE = 20_000
"""Characters of a page: a browser lays out so many, each with a colour of its own, without being slow."""
GRADIENT_WINDOW = 64
"""Characters before each one that its gradient is kept for."""
SUCCESSORS = 5
_BUDGET = 40 * 2**20
"""Bytes of neurons, before base64 adds a third: the cell state and the gates of 10,000 characters in a model of 2x512."""
_PARTS = (".html", ".css", "-text.js", "-plots.js", ".js")
_ORDER: tuple[Kind, ...] = ("cell", "forget", "input", "output", "hidden", "candidate")
"""Which kinds are kept for all neurons first; the cell state is what a neuron remembers."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What a page is made of; the trace holds all kinds."""

    title: str
    """Which model, and on which text."""
    validation_loss: float | None
    """The model's, in nats per character, where it is known."""
    excerpt: Excerpt
    vocabulary: Vocabulary
    trace: Trace
    matches: Sequence[Match]
    sensitivity: Floats
    """Of each character but the first: gradients to the W before it, as `saliency.sensitivity` gives them, (T - 1, W)."""
    first: tuple[Kind, int, int]
    """What is shown when the page opens: a kind, a layer, a neuron."""


def inspection_page(contents: Contents, budget: int = _BUDGET) -> Iterator[bytes]:
    """The bytes of an HTML file in UTF-8, a kind at a time; beyond `budget` only listed neurons."""
    web = files("charlstm.views.pages") / "web"
    markup, style, *scripts = ((web / f"inspect{name}").read_text(encoding="utf-8") for name in _PARTS)
    title = escape(contents.title)
    before, after = markup.replace("/* style */", style).replace("<!-- title -->", title).split("<!-- data -->")
    yield before.encode(errors="xmlcharrefreplace")  # the name of a file may hold what UTF-8 can't spell
    trace, listed = contents.trace, _listed(contents)
    complete = _complete(trace, budget)
    yield _block("data", embedded(_page_facts(contents, complete, listed)))
    for kind in _ORDER:
        rows = quantised(trace.shown(kind), 0.0 if kind in GATES else -1.0).reshape(len(trace.ids), -1).T
        yield _block(f"data-{kind}", _base64(rows if kind in complete else rows[listed]))
    shares, _ = _shares(contents.sensitivity)
    yield _block("data-gradient", _base64(shares))
    yield after.replace("/* script */", "\n".join(scripts)).encode()


def quantised(values: Floats, low: float) -> Bytes:
    """Values from `low` to 1 as bytes from 0 to 255, the nearest ones."""
    rounded: Bytes = np.rint((values - low) * (255 / (1 - low))).clip(0, 255).astype(np.uint8)
    return rounded


def _listed(contents: Contents) -> list[int]:
    """The rows, layer * H + neuron, whose every kind is kept: what follows a feature, and what the page opens with."""
    H = contents.trace.start[0].shape[1]
    neurons = {(match.layer, match.neuron) for match in contents.matches} | {contents.first[1:]}
    return sorted(layer * H + neuron for layer, neuron in neurons)


def _complete(trace: Trace, budget: int) -> list[Kind]:
    """The kinds of which all neurons fit into the budget."""
    return list(_ORDER[: budget // (len(trace.ids) * trace.start[0].size)])


def _page_facts(contents: Contents, complete: Sequence[Kind], listed: Sequence[int]) -> dict[str, object]:
    """All of a page but the bytes of neurons."""
    excerpt, trace, vocabulary = contents.excerpt, contents.trace, contents.vocabulary
    ids, shares = trace.next_characters(SUCCESSORS)
    kind, layer, neuron = contents.first
    return {
        "validation": contents.validation_loss,
        "per": vocabulary.noun,
        "from": excerpt.begin,
        "context": excerpt.context,
        "layers": trace.layers,
        "hidden": trace.start[0].shape[1],
        "first": {"kind": kind, "layer": layer, "neuron": neuron},
        "kinds": _ORDER,
        "complete": complete,
        "listed": listed,
        "symbols": excerpt.symbols,
        "names": [symbol_of(vocabulary, i) for i in range(vocabulary.size)],
        "ids": trace.ids.tolist(),
        "probability": [None, *_four_digits(trace.probabilities())],
        "next": [list(zip(row, _four_digits(after), strict=True)) for row, after in zip(ids.tolist(), shares, strict=True)],
        "features": [asdict(match) for match in contents.matches],
        "saturation": {
            gate: {"below": [_four_digits(row) for row in found.shut], "above": [_four_digits(row) for row in found.open]}
            for gate in GATES
            for found in [trace.saturation(gate)]
        },
        "window": contents.sensitivity.shape[1],
        "largest": _four_digits(_shares(contents.sensitivity)[1]),
    }


def _shares(norms: Floats) -> tuple[Bytes, Floats]:
    """Gradients (T - 1, W) -> each as a share of its row's largest, in bytes, and the largest ones (T - 1,)."""
    largest = norms.max(1)
    return quantised(norms / np.maximum(largest, 1e-30)[:, None], 0.0), largest


def _four_digits(values: Floats) -> list[float]:
    """With four digits: more than a page shows."""
    return [float(f"{value:.4g}") for value in values]


def _base64(rows: Bytes) -> str:
    return b64encode(np.ascontiguousarray(rows).data).decode("ascii")


def _block(name: str, data: str) -> bytes:
    """A block that a browser keeps and doesn't run; `data` is JSON as `embedded` makes it, or base64."""
    return f'<script type="application/json" id="{name}">{data}</script>\n'.encode("ascii")
