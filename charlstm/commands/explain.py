"""`charlstm explain`: one step of the LSTM, equation by equation.

Knows: which packages compute and show it, and what is wrong with a request before torch is loaded.
Does not know: options and their help.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from charlstm.commands.common import require_neuron
from charlstm.commands.outputs import require_place, write_and_say
from charlstm.errors import Argument, CharlstmError, TextError, UnknownCharactersError, shown
from charlstm.insight.explanation import layer_steps
from charlstm.runs.inputs import Inputs
from charlstm.runs.model_file import Weights, explained, read_weights
from charlstm.text.line_ends import with_line_ends
from charlstm.text.reading import as_trained
from charlstm.text.types import Ids
from charlstm.text.vocabulary import describe
from charlstm.values import escape_hint

MOST_EXPLAINED = 10_000
"""Characters of a text: 245 MB of a model of 2x512."""
PAGE = 2_000_000
"""Numbers on one page: 15 MB; 130 characters of a model of 2x512."""


@dataclass(frozen=True)
class ExplainRequest:
    """What is to be explained. Characters, layers and neurons count from 0."""

    at: int | None
    """None for the last character, and a page that begins at the first."""
    layer: int
    neuron: int | None
    """None for the one that changed most."""
    as_json: bool
    html: Path | None
    skip_unknown: bool = False


def explain(model: Path, text: str, request: ExplainRequest) -> None:
    """Show what one layer of a model does as it reads one character of a text from a zero state."""
    if not text:
        raise TextError((Argument("text"), " is empty"), remedy='give the text itself, such as "First Citizen:"')
    if request.html:
        require_place("html", request.html, Inputs([model]))
    weights = read_weights(model)
    text = with_line_ends(text, as_trained([weights.config.data], vocabularies=[weights.vocabulary]).newlines)
    settings = weights.config.model
    if request.neuron is None:
        _require_index("layer", request.layer, "layer", settings.num_layers)
    else:
        require_neuron(request.layer, request.neuron, settings)
    if request.skip_unknown:
        text = weights.vocabulary.without_unknown(text)
        if not text:
            raise TextError("the model knows no character of the text", remedy="give one that is like what it learned")
    if unknown := weights.vocabulary.unknown(text):
        if os.path.exists(text):  # noqa: PTH110 (of a text that can't be a path, this says no instead of raising)
            kind = "folder" if Path(text).is_dir() else "file"
            is_path = f"{shown(text)} is a {kind}, and explain takes the text itself"
            raise TextError(is_path, remedy="charlstm inspect reads files")
        lacking = f"the text has characters that are not in the model's vocabulary: {describe(unknown)}"
        hint = "\\" in unknown and escape_hint(text)
        remedy = hint or (Argument("unknown", "skip"), " leaves such characters out")
        raise UnknownCharactersError(lacking, remedy=remedy)
    ids = weights.vocabulary.encode(text)
    if request.at is not None:
        _require_index("at", request.at, weights.vocabulary.noun, len(ids))
    _require_room(len(ids), weights, request)
    _explain_ids(model, weights, ids, request)


def _explain_ids(path: Path, weights: Weights, ids: Ids, request: ExplainRequest) -> None:
    from charlstm.insight.tracing import trace
    from charlstm.runs.saved_model import model_of
    from charlstm.views.explanation import Explained, print_explanation, show_explanation
    from charlstm.views.pages.explanation import Beginning, explanation_page

    with explained(path):
        model = model_of(weights)
    seen = trace(model, ids)  # all of it even for one step, so that its numbers are to the last digit those of a page
    if request.html:
        layers = [list(layer_steps(seen, layer, weights.tensors)) for layer in range(seen.layers)]
        content = explanation_page(
            _name(path), weights, seen, layers, Beginning(request.at or 0, request.layer, request.neuron)
        )
        write_and_say(request.html, content, ": open it in a browser, the arrow keys step through the text")
    if request.as_json or not request.html:
        at = len(ids) - 1 if request.at is None else request.at
        step = list(layer_steps(seen, request.layer, weights.tensors))[at]
        found = Explained(weights, seen, step, at, request.layer, request.neuron)
        (print_explanation if request.as_json else show_explanation)(found)


def _name(path: Path) -> str:
    """Of a model: that of its run, and where a file was asked for, that too."""
    place = path.resolve()
    return place.name if place.is_dir() else f"{place.parent.name}/{place.name}"


def _require_index(key: str, number: int, noun: str, count: int) -> None:
    if not 0 <= number < count:
        there = f"{count:,} {noun}s, counted from 0" if count > 1 else f"one {noun}, which is 0"
        owner = "the text" if key == "at" else "the model"
        raise CharlstmError(f"there is no such {noun}", key=key, value=number, remedy=f"{owner} has {there}")


def _require_room(count: int, weights: Weights, request: ExplainRequest) -> None:
    most, noun = MOST_EXPLAINED, weights.vocabulary.noun
    if request.html:
        from charlstm.views.pages.explanation import NUMBERS_A_NEURON

        most = max(1, PAGE // (NUMBERS_A_NEURON * weights.config.model.num_layers * weights.config.model.hidden_size))
    if count > most:
        where = "a page" if request.html else "an explanation"
        too_long = f"the text has {count:,} {noun}s, and {where} of this model takes {most:,}"
        raise TextError(too_long, remedy="give a shorter text")
