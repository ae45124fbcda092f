"""`charlstm inspect`: what goes on inside a model while it reads a text.

Knows: which packages read a text and look inside, and what is wrong with a request before torch is loaded.
Does not know: options and their help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from charlstm.commands.common import require_neuron
from charlstm.commands.outputs import require_place, write_and_say
from charlstm.commands.text import require_text_for, say_if_waiting, say_left_out_of
from charlstm.config import load_config
from charlstm.errors import Argument, CharlstmError, shown
from charlstm.insight.features import Match, best_neurons, features
from charlstm.insight.traces import FOR_GRADIENTS, GATES, KINDS, Kind, Trace, npz
from charlstm.runs.differences import text_name
from charlstm.runs.inputs import Inputs
from charlstm.runs.model_file import Weights, explained, read_weights
from charlstm.text.excerpts import Excerpt, read_excerpt, symbol_of
from charlstm.text.reading import as_trained
from charlstm.text.sources import find_sources
from charlstm.views.pages.inspection import GRADIENT_WINDOW, MOST_ON_PAGE, Contents, inspection_page

if TYPE_CHECKING:
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.views.inspection import Inspection

MOST_INSPECTED = 10_000
"""Characters that are looked at where no length is asked for: seconds, and arrays of 245 MB of a model of 2x512."""


@dataclass(frozen=True)
class InspectRequest:
    """What is to be shown, and of which part of the text. Layers, neurons and positions count from 0."""

    form: Literal["summary", "find", "terminal", "json"] | None
    """How to answer; None where there are only files to write."""
    kind: Kind
    neuron: tuple[int, int] | None
    """Layer and neuron."""
    at: int | None
    """The position of the character whose prediction is traced back."""
    finds: bool
    top: int
    begin: int
    length: int | None
    npz: Path | None
    html: Path | None

    @property
    def kinds(self) -> set[Kind]:
        """All that must be traced for it; the cell state of 10,000 characters is 41 MB by itself."""
        kinds: set[Kind] = {self.kind} if self.neuron or self.finds else set()
        if self.form in ("summary", "json"):
            kinds |= set(GATES)
        if self.at is not None:
            kinds |= set(FOR_GRADIENTS)
        return set(KINDS) if self.npz or self.html else kinds


def inspect(
    model: Path, text: Sequence[str], request: InspectRequest, skip_unknown: bool, device: str, reading: Mapping[str, str]
) -> None:
    """Look into a model while it reads a text. `reading` are the keys of [data] that flags set."""
    text = require_text_for("look at", text)
    sources = find_sources(text)  # what is wrong with them comes before what is wrong with the model
    load_config(data=reading)  # and so does what is wrong with these
    for key, file in (("npz", request.npz), ("html", request.html)):
        if file:
            require_place(key, file, Inputs([model], text))
    if request.html and request.npz and request.html.absolute() == request.npz.absolute():
        both = (Argument("html"), " and ", Argument("npz"), f" both name {shown(str(request.html))}")
        raise CharlstmError(both, remedy="give each a file of its own")
    if request.html and (request.length or 0) > MOST_ON_PAGE:
        most = ("a page of ", Argument("html"), f" holds at most {MOST_ON_PAGE:,} characters")
        raise CharlstmError(most, key="length", value=request.length)
    from charlstm.views.colours import require_colours

    if request.form == "terminal":
        require_colours("terminal", (Argument("json", True),))
    weights = read_weights(model)
    if request.neuron:
        require_neuron(*request.neuron, weights.config.model)
    data = as_trained([weights.config.data], reading, [weights.vocabulary])
    length, skipped = request.length or MOST_INSPECTED, list[str]()
    say_if_waiting(text)
    excerpt = read_excerpt(text, data, weights.vocabulary, request.begin, length, skip_unknown, skipped.append)
    say_left_out_of(sources, skipped)
    _require_position(request.at, excerpt)
    _say_what_is_left(excerpt, request, weights)
    title = f"{model.resolve().name} on {'standard input' if tuple(text) == ('-',) else text_name(text)}"
    _show(_look(model, weights, excerpt, request, device, title), request)


def _look(path: Path, weights: Weights, excerpt: Excerpt, request: InspectRequest, device: str, title: str) -> Inspection:
    from charlstm.insight.saliency import sensitivity
    from charlstm.insight.tracing import trace
    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import model_of
    from charlstm.views.bars import tracing_bar
    from charlstm.views.inspection import Gradient, Inspection, Neuron

    where = find_device(device)
    with explained(path):
        model = model_of(weights, where)
    with tracing_bar() as progress:
        total = len(excerpt.symbols)
        seen = trace(model, excerpt.ids, excerpt.context, request.kinds, lambda done: progress(done, total))
    neuron = Neuron(*request.neuron, request.kind) if request.neuron else None
    matches = gradient = None
    if request.finds:
        matches = _matches(excerpt, seen, request)
    if request.at is not None:
        gradient = Gradient(request.at, sensitivity(model, seen, [request.at - excerpt.begin])[0])
    found = Inspection(excerpt, weights.vocabulary, seen, neuron, matches, gradient)
    if request.npz:
        names = np.array([symbol_of(weights.vocabulary, i) for i in range(weights.vocabulary.size)])
        write_and_say(request.npz, npz({**seen.arrays(), "vocabulary": names}))
    if request.html:
        contents = _contents(found, model, request, title, weights.facts.validation_loss)
        write_and_say(request.html, inspection_page(contents), ": open it in a browser")
    return found


def _matches(excerpt: Excerpt, seen: Trace, request: InspectRequest) -> list[Match]:
    return best_neurons(seen.shown(request.kind), features(excerpt.text), request.kind, request.top)


def _contents(
    found: Inspection, model: CharLSTM, request: InspectRequest, title: str, validation_loss: float | None
) -> Contents:
    from charlstm.insight.saliency import sensitivity
    from charlstm.views.bars import gradients_bar

    matches = _matches(found.excerpt, found.trace, request) if found.matches is None else found.matches
    with gradients_bar() as progress:
        positions = range(1, len(found.excerpt.symbols))
        norms = sensitivity(
            model, found.trace, positions, GRADIENT_WINDOW, progress=lambda done: progress(done, len(positions))
        )
    best = max(matches, key=lambda match: abs(match.correlation), default=None)
    layer, neuron = request.neuron or ((best.layer, best.neuron) if best else (0, 0))
    first = (request.kind, layer, neuron)
    return Contents(title, validation_loss, found.excerpt, found.vocabulary, found.trace, matches, norms, first)


def _show(found: Inspection, request: InspectRequest) -> None:
    from charlstm.views.inspection import print_inspection, show_gradient, show_matches, show_neuron, show_saturation

    if request.form == "json":
        print_inspection(found, request.top)
    elif request.form == "find":
        show_matches(found.matches or ())
    elif request.form == "summary":
        show_saturation(found.trace)
    elif request.form == "terminal" and found.neuron:
        show_neuron(found, found.neuron)
    elif request.form == "terminal" and found.gradient:
        show_gradient(found, found.gradient)


def _say_what_is_left(excerpt: Excerpt, request: InspectRequest, weights: Weights) -> None:
    """That a text is longer than what is looked at, unless so much was asked for."""
    from charlstm.views.console import print_line

    if excerpt.is_cut and request.length is None:
        end = excerpt.begin + len(excerpt.symbols) - 1
        part = f"{weights.vocabulary.noun}s {excerpt.begin:,} to {end:,} of a longer text"
        print_line(f"{part}: --from and --length choose others")


def _require_position(at: int | None, excerpt: Excerpt) -> None:
    last = excerpt.begin + len(excerpt.symbols) - 1
    if at is not None and not excerpt.begin < at <= last:
        expected = f"expected a position from {excerpt.begin + 1:,} to {last:,}, the part looked at"
        raise CharlstmError(expected, key="at", value=at)
