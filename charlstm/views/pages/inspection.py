"""A page to look inside a model with: what a trace holds, small enough for a browser, in one file that needs no other.

    page    |  the markup, style and script of web/  |  JSON: text, names, figures  |  a kind's bytes, in base64  |  ...

A neuron's value is one byte, 0 for the least that it can be and 255 for the most. The rows of a kind are its neurons, so that a
browser takes T bytes together to colour a text.

Shapes: T time, L layers, H hidden; W the window before each character.

Knows: what a page holds and what it leaves out.
Does not know: torch, colours, what a click does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from charlstm.insight.features import Match
from charlstm.insight.traces import GATES, Kind, Trace
from charlstm.model.types import Doubles, Floats
from charlstm.text.excerpts import Excerpt, symbol_of
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.pages.template import Template

Bytes = npt.NDArray[np.uint8]
MOST_ON_PAGE = 20_000
"""Characters of a page: a browser lays out so many, each with a colour of its own, without being slow."""
GRADIENT_WINDOW = 64
"""Characters before each one that its gradient is kept for."""
SUCCESSORS = 5
_BUDGET = 40 * 2**20
"""Bytes of neurons, before base64 adds a third: the cell state and the gates of 10,000 characters in a model of 2x512."""
_INSPECTION = Template("inspect.html", "inspect.css", ("inspect-text.js", "inspect-plots.js", "inspect.js"))
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
    """The bytes of an HTML file in UTF-8, a kind at a time; beyond `budget` only listed neurons.

    In a page of someone else's, such as a notebook, it is shown by a frame of its own, whose ids and styles are no one else's:
    `page = b"".join(inspection_page(contents)).decode()`, then
    `f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page)}"></iframe>'` with a width and a height.
    """
    return _INSPECTION.fill(contents.title, f"{contents.title} - charlstm inspect", _data(contents, budget))


def quantised(values: Floats, low: float) -> Bytes:
    """Values from `low` to 1 as bytes from 0 to 255, the nearest ones."""
    rounded: Bytes = np.rint((values - low) * (255 / (1 - low))).clip(0, 255).astype(np.uint8)
    return rounded


def _data(contents: Contents, budget: int) -> Iterator[tuple[str, object]]:
    """The blocks of a page, by their ids."""
    trace, listed = contents.trace, _listed(contents)
    complete = _complete(trace, budget)
    yield "data", _page_facts(contents, complete, listed)
    for kind in _ORDER:
        rows = quantised(trace.shown(kind), 0.0 if kind in GATES else -1.0).reshape(len(trace.ids), -1).T
        yield f"data-{kind}", np.ascontiguousarray(rows if kind in complete else rows[listed]).data
    shares, _ = _shares(contents.sensitivity)
    yield "data-gradient", np.ascontiguousarray(shares).data


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


def _four_digits(values: Floats | Doubles) -> list[float]:
    """With four digits: more than a page shows."""
    return [float(f"{value:.4g}") for value in values]
