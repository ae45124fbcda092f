"""What goes on inside a model: coloured text, tables, JSON.

Knows: colours, columns, keys of JSON, what is safe on a terminal.
Does not know: how any of the numbers came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from rich.style import Style
from rich.text import Text

from charlstm.insight.features import Match
from charlstm.insight.traces import GATES, Kind, Trace
from charlstm.model.types import Doubles, Floats
from charlstm.text.excerpts import Excerpt, symbol_of
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.colours import DARK, LIGHT, append_character, put
from charlstm.views.console import print_json
from charlstm.views.tables import Column, print_table

_DIVERGING = [
    Style(color=letters, bgcolor=ground)
    for ground, letters in (
        ("#0a4a8f", LIGHT),
        ("#3f83bd", DARK),
        ("#8ebcdf", DARK),
        ("#f7f7f5", DARK),
        ("#f6bd84", DARK),
        ("#d78233", DARK),
        ("#9c4600", LIGHT),
    )
]
"""From the least to the greatest, blue to orange: the colours of the page, in seven steps. They stay apart with any kind of
colour blindness, and how dark a step is tells how far it is from the middle."""
_RESTING = [
    (1 / 2, "1/2", Style(color=DARK, bgcolor="#fcffa4")),
    (1 / 5, "1/5", Style(color=DARK, bgcolor="#fca50a")),
    (1 / 20, "1/20", Style(color=DARK, bgcolor="#dd513a")),
    (1 / 100, "1/100", Style(color=LIGHT, bgcolor="#932667")),
    (0.0, "less", Style()),
]
"""Shares of the largest, with steps of matplotlib's inferno, which grows lighter evenly."""


@dataclass(frozen=True)
class Neuron:
    """One neuron, counted from 0, and what of it is looked at."""

    layer: int
    number: int
    kind: Kind

    @property
    def low(self) -> float:
        """The least that it can be; the most is 1."""
        return 0.0 if self.kind in GATES else -1.0


@dataclass(frozen=True, eq=False)
class Gradient:
    """What a prediction rests on."""

    at: int
    """The position, in the text, of the character that is predicted."""
    norms: Floats
    """Of each character before it, the last one the nearest, (W,)."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was asked for; None where it was not."""

    excerpt: Excerpt
    vocabulary: Vocabulary
    trace: Trace
    neuron: Neuron | None = None
    matches: Sequence[Match] | None = None
    gradient: Gradient | None = None


def show_neuron(inspection: Inspection, neuron: Neuron) -> None:
    """The text, each character in the colour of one neuron once it was read; before it, what the colours mean."""
    name = f"{neuron.kind} gate" if neuron.kind in GATES else "tanh of the cell state" if neuron.kind == "cell" else neuron.kind
    legend = Text(f"layer {neuron.layer}, neuron {neuron.number}, {name}  {neuron.low:g} ")
    for style in _DIVERGING:
        legend.append("  ", style)
    put(legend.append(" 1"))
    values = inspection.trace.neuron(neuron.kind, neuron.layer, neuron.number)
    steps = len(_DIVERGING) * (values - neuron.low) / (1 - neuron.low)
    text = Text()
    for symbol, step in zip(inspection.excerpt.symbols, steps.astype(int).clip(0, len(_DIVERGING) - 1), strict=True):
        append_character(text, symbol, _DIVERGING[step])
    put(text)


def show_gradient(inspection: Inspection, gradient: Gradient) -> None:
    """The text before a character, each in the colour of its share in the prediction, then that character itself."""
    legend = Text(f"gradient of character {gradient.at}, of the largest at least ")
    for _, name, style in _RESTING:
        legend.append(f" {name} ", style)
    put(legend)
    end = gradient.at - inspection.excerpt.begin
    symbols = inspection.excerpt.symbols
    text = Text()
    for symbol, share in zip(
        symbols[end - len(gradient.norms) : end], gradient.norms / max(gradient.norms.max(), 1e-30), strict=True
    ):
        append_character(text, symbol, next(style for least, _, style in _RESTING if share >= least))
    append_character(text, symbols[end], Style(bold=True, underline=True))
    put(text)


def show_matches(matches: Sequence[Match]) -> None:
    """A row for each neuron that follows a feature."""
    columns = [Column("feature", least=8), *(Column(title, is_right=True) for title in ("layer", "neuron"))]
    columns.append(Column("correlation", 1, is_right=True))
    rows, before = [], ""
    for match in matches:
        name, before = ("" if match.feature == before else match.feature), match.feature
        rows.append([*map(Text, (name, str(match.layer), str(match.neuron), f"{match.correlation:+.3f}"))])
    print_table(columns, rows, "")


def show_saturation(trace: Trace) -> None:
    """A row for each gate of each layer: shares of all its values, and the neurons that are nearly always so."""
    right = {"below 0.1": 1, "above 0.9": 2, "neurons nearly always below": 3, "above": 4}
    columns = [Column("layer", is_right=True), Column("gate   "), *(Column(title, gone, True) for title, gone in right.items())]
    rows = []
    for layer in range(trace.layers):
        for gate in GATES:
            found = trace.saturation(gate)
            shut, opened = found.shut[layer], found.open[layer]
            always = (f"{(shut > 0.9).sum():,}", f"{(opened > 0.9).sum():,}")
            rows.append([*map(Text, (str(layer), gate, f"{shut.mean():.1%}", f"{opened.mean():.1%}", *always))])
    print_table(columns, rows, "")


def print_inspection(inspection: Inspection, top: int) -> None:
    """All that was asked for as one JSON object, with the `top` most probable successors of each character."""
    excerpt, trace = inspection.excerpt, inspection.trace
    answer: dict[str, object] = {
        "from": excerpt.begin,
        "context": excerpt.context,
        "per": inspection.vocabulary.noun,
        "characters": _characters(inspection, top),
        "saturation": [
            {
                "layer": layer,
                "gate": gate,
                "below_0.1": _rounded(found.shut[layer]),
                "above_0.9": _rounded(found.open[layer]),
            }
            for gate in GATES
            for found in [trace.saturation(gate)]
            for layer in range(trace.layers)
        ],
    }
    if one := inspection.neuron:
        values = _rounded(trace.neuron(one.kind, one.layer, one.number))
        answer["neuron"] = {"layer": one.layer, "neuron": one.number, "kind": one.kind, "values": values}
    if inspection.matches is not None:
        answer["features"] = [asdict(match) for match in inspection.matches]
    if gradient := inspection.gradient:
        first = gradient.at - len(gradient.norms)
        answer["sensitivity"] = {"at": gradient.at, "from": first, "norms": _rounded(gradient.norms)}
    print_json(answer, indent=None)


def _characters(inspection: Inspection, top: int) -> list[dict[str, object]]:
    trace, vocabulary = inspection.trace, inspection.vocabulary
    names = [symbol_of(vocabulary, i) for i in range(vocabulary.size)]
    probabilities = [None, *_rounded(trace.probabilities())]
    ids, shares = trace.next_characters(top)
    return [
        {
            "character": names[i],
            "id": int(i),
            "probability": probability,
            "next": [[names[j], share] for j, share in zip(after, _rounded(row), strict=True)],
        }
        for i, probability, after, row in zip(trace.ids, probabilities, ids, shares, strict=True)
    ]


def _rounded(values: Floats | Doubles) -> list[float]:
    """With the six digits that single precision is good for."""
    return [float(f"{value:.6g}") for value in np.asarray(values)]
