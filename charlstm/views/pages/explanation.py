"""The page of `explain`: one HTML file with all its data, which needs no network.

Knows: what the page's script reads.
Does not know: how the page looks and moves: the parts in web/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from charlstm.insight.explanation import PARTS, LayerStep
from charlstm.insight.traces import Trace
from charlstm.runs.model_file import Weights
from charlstm.views.explanation import input_size, next_json, step_json, symbols
from charlstm.views.pages.template import Template

NUMBERS_A_NEURON = 2 * len(PARTS) + 7
"""Numbers of one neuron at one character."""
_EXPLANATION = Template("explain.html", "explain.css", ("explain.js",))


@dataclass(frozen=True)
class Beginning:
    """What a page shows first; all count from 0."""

    at: int
    layer: int
    neuron: int | None
    """None for the one that changed most, wherever the page goes."""


def explanation_page(
    name: str, weights: Weights, trace: Trace, layers: Sequence[Sequence[LayerStep]], first: Beginning
) -> Iterator[bytes]:
    """The bytes of a page on the model of that name, an HTML file in UTF-8; `layers` holds each layer's steps, (L, T)."""
    data = {
        "text": symbols(weights, trace),
        "per": weights.vocabulary.noun,
        **asdict(first),
        "vocabulary_size": weights.vocabulary.size,
        "hidden_size": weights.config.model.hidden_size,
        "input_sizes": [input_size(weights, number) for number in range(len(layers))],
        "layers": [[step_json(step) for step in steps] for steps in layers],
        "next": next_json(weights, trace),
    }
    return _EXPLANATION.fill(name, f"{name}: one step of an LSTM", [("data", data)])
