"""One step of an LSTM in words and numbers, and as JSON.

Knows: the names that courses give to the equations, columns, keys of JSON, what is safe on a terminal.
Does not know: how any of the numbers came about.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from charlstm.insight.explanation import LayerStep
from charlstm.insight.traces import GATES, Kind, Trace
from charlstm.model.types import Floats
from charlstm.runs.model_file import Weights
from charlstm.text.excerpts import symbol_of
from charlstm.views.console import console, print_json, room
from charlstm.views.terminal import visible
from charlstm.words import counted

NEXT = 5
"""Successors that are listed, and neurons that changed most."""

WrappedLine = tuple[str, str]
"""How a line begins, and what goes on below itself where the line does not fit."""
_BLANK = ("", "")
_ALL = "   all neurons: "
_SPACIOUS = 62  # columns: in fewer, those of the table of neurons stand as close as they can
_READABLE = 20  # columns: less is too little to read a sentence in


@dataclass(frozen=True, eq=False)
class Explained:
    """One layer at one character."""

    weights: Weights
    trace: Trace
    """Of the whole text."""
    step: LayerStep
    at: int
    layer: int
    asked: int | None
    """The neuron that was asked for."""

    @property
    def neuron(self) -> int:
        """The neuron by which the equations are shown."""
        return self.step.changed_most(1)[0] if self.asked is None else self.asked


def print_explanation(found: Explained) -> None:
    """Every number of the step, as one JSON object."""
    settings = found.weights.config.model
    answer: dict[str, object] = {
        "text": symbols(found.weights, found.trace),
        "per": found.weights.vocabulary.noun,
        "at": found.at,
        "layer": found.layer,
        "neuron": found.neuron,
        "vocabulary_size": found.weights.vocabulary.size,
        "num_layers": settings.num_layers,
        "hidden_size": settings.hidden_size,
        "input_size": input_size(found.weights, found.layer),
        **step_json(found.step),
        "next": next_json(found.weights, found.trace)[found.at],
    }
    print_json(answer, indent=None)


def step_json(step: LayerStep) -> dict[str, object]:
    """What an answer in JSON and a page both hold of a step: figures of the whole layer, and each neuron's numbers."""
    passages = {gate: step.passage(gate) for gate in GATES}
    return {
        "gates": {
            gate: {"above_0.9": passage.open, "below_0.5": passage.shut, "mean": number(passage.mean)}
            for gate, passage in passages.items()
        },
        "changed_most": step.changed_most(NEXT),
        "neurons": {name: [number(value) for value in column] for name, column in step.columns().items()},
    }


def next_json(weights: Weights, trace: Trace) -> list[list[list[object]]]:
    """The most probable successors of each character, best first, each with its probability."""
    ids, shares = trace.next_characters(NEXT)
    return [
        [[symbol_of(weights.vocabulary, int(i)), number(share)] for i, share in zip(*row, strict=True)]
        for row in zip(ids, shares, strict=True)
    ]


def symbols(weights: Weights, trace: Trace) -> list[str]:
    """What stands for each id of the text."""
    return [symbol_of(weights.vocabulary, int(i)) for i in trace.ids]


def input_size(weights: Weights, layer: int) -> int:
    """E: how many numbers a layer reads at a character."""
    settings = weights.config.model
    return settings.hidden_size if layer else settings.embedding_size or weights.vocabulary.size


def number(value: float) -> float:
    """With four digits, which is more than a person reads, and keeps a page small."""
    return float(f"{value:.4g}")


def show_explanation(found: Explained) -> None:
    """The six equations, each with what it gives here, and what the model expects next."""
    values = {name: float(column[found.neuron]) for name, column in found.step.columns().items()}
    _print_lines([*_beginning(found), *_gates(found, values), *_states(found, values)])
    _print_neurons(found)
    _print_lines([_BLANK, *_successors(found)])


def _print_lines(lines: Sequence[WrappedLine]) -> None:
    width = room(stderr=False)
    for line in map("".join, lines) if width is None else _wrapped(lines, width):
        sys.stdout.write(visible(line) + "\n")
    sys.stdout.flush()  # what follows is not always written by the same way


def _wrapped(lines: Sequence[WrappedLine], width: int) -> Iterator[str]:
    """As wide as the terminal: behind how a line begins, or where that leaves little, below it."""
    from rich.text import Text

    out = console(stderr=False)
    for head, rest in lines:
        if width - len(head) >= _READABLE:
            for number, line in enumerate(Text(visible(rest)).wrap(out, width - len(head))):
                yield f"{'' if number else head:<{len(head)}}{line.plain.rstrip()}"
        else:
            yield from (line.plain.rstrip() for line in Text(visible(head + rest)).wrap(out, width))


def _beginning(found: Explained) -> list[WrappedLine]:
    settings, noun = found.weights.config.model, found.weights.vocabulary.noun
    H, E = settings.hidden_size, input_size(found.weights, found.layer)
    text = symbols(found.weights, found.trace)
    first = found.at == 0
    origin = f"the hidden state of layer {found.layer - 1}" if found.layer else f"what stands for the {noun}"
    why = "which changed most" if found.asked is None else "as asked"
    hidden, cell = (_range_of(values, first) for values in (found.step.hidden_before, found.step.cell_before))
    return [
        ("", f"The model reads {quoted(text[found.at])}, {noun} {found.at} of {quoted(_around(text, found.at))}."),
        (
            "",
            f"Layer {_out_of(found.layer, settings.num_layers)}, {counted(H, 'neuron')}. The numbers are those of neuron "
            f"{_out_of(found.neuron, H)}, {why}, rounded.",
        ),
        _BLANK,
        (f"x      {counted(E, 'number'):<13}  ", f"the input: {origin}"),
        (f"h      {counted(H, 'number'):<13}  ", f"the hidden state before (activation, a){hidden}"),
        (f"c      {counted(H, 'number'):<13}  ", f"the cell state before (memory cell), the conveyor belt{cell}"),
        (
            f"[h, x] {f'{H + E:,} numbers':<13}  ",
            f"one behind the other; each W is {H:,} x {H + E:,}, each b {counted(H, 'number')}",
        ),
        _BLANK,
    ]


def _out_of(number: int, count: int) -> str:
    """One of so many, which count from 0."""
    return f"{number} (of 0 to {count - 1})" if count > 1 else f"{number} (the only one)"


def _factor(value: float) -> str:
    """A number that another one is added to or multiplied by."""
    return f"({value:.3f})" if value < 0 else f"{value:.3f}"


def _gates(found: Explained, values: Mapping[str, float]) -> list[WrappedLine]:
    lines = []
    for index, (letter, kind, weight, function, names) in enumerate(_EQUATIONS, 1):
        applied = f"{function}({values[f'{kind}_sum']:.3f}) = {values[kind]:.3f}"
        lines += [
            (f"{index}. {letter} = {function}(W_{weight} [h, x] + b_{weight})   ", names),
            (f"   neuron {found.neuron}: ", f"{letter} = {applied}: {_meaning(kind, values[kind])}"),
            (_ALL, _summary(found.step, kind)),
            _BLANK,
        ]
    return lines


def _states(found: Explained, values: Mapping[str, float]) -> list[WrappedLine]:
    step, H = found.step, found.weights.config.model.hidden_size
    moved = np.abs(step.values["cell"] - step.cell_before)
    far, near = int((moved > 0.5).sum()), int((moved < 0.1).sum())
    f, i, g, c, written = (_factor(values[name]) for name in ("forget", "input", "candidate", "cell_before", "written"))
    this = f"   neuron {found.neuron}: "
    return [
        ("5. c' = f * c + i * g   ", "cell state (memory cell, c)"),
        (this, f"c' = {f} * {c} + {i} * {g} = {values['kept']:.3f} + {written} = {values['cell']:.3f}"),
        (_ALL, f"{far:,} of {H:,} moved by more than 0.5, {near:,} by less than 0.1"),
        _BLANK,
        ("6. h' = o * tanh(c')   ", "hidden state (activation, a; nn.LSTM's output)"),
        (
            this,
            f"h' = {values['output']:.3f} * tanh({values['cell']:.3f}) = {values['output']:.3f} * "
            f"{_factor(values['cell_tanh'])} = {values['hidden']:.3f}",
        ),
        (_ALL, _spread(step.values["hidden"])),
        _BLANK,
    ]


def _print_neurons(found: Explained) -> None:
    from rich.text import Text

    from charlstm.views.tables import Column, print_table

    _print_lines([("", "The neurons that changed most")])
    columns = found.step.columns()
    names = {"f": "forget", "i": "input", "g": "candidate", "o": "output", "c": "cell_before", "c'": "cell", "h'": "hidden"}
    wide = 0 if (width := room(stderr=False)) and width < _SPACIOUS else 6
    titles = [Column("neuron", is_right=True), *(Column(f"{title:>{wide}}", i, True) for i, title in enumerate(names, 1))]
    rows = []
    for neuron in found.step.changed_most(NEXT):
        rows.append([Text(str(neuron)), *(Text(f"{columns[name][neuron]:.3f}") for name in names.values())])
    print_table(titles, rows, "")


def _successors(found: Explained) -> list[WrappedLine]:
    after = next_json(found.weights, found.trace)[found.at]
    head = f"What the model expects next, from the h' of its last layer ({found.weights.config.model.num_layers - 1})"
    return [("", head), *(("", f"{quoted(str(symbol)):>6}  {share:6.1%}") for symbol, share in after)]


_EQUATIONS: tuple[tuple[str, Kind, str, str, str], ...] = (
    ("f", "forget", "f", "sigmoid", "forget gate (Gamma_f; nn.LSTM's second quarter)"),
    ("i", "input", "i", "sigmoid", "input gate (update gate, Gamma_u; nn.LSTM's first quarter)"),
    ("g", "candidate", "c", "tanh", "candidate (C~, memory cell candidate, c^; nn.LSTM's third quarter)"),
    ("o", "output", "o", "sigmoid", "output gate (Gamma_o; nn.LSTM's fourth quarter)"),
)


def _meaning(kind: Kind, value: float) -> str:
    """What a neuron's number says."""
    match kind:
        case "forget":
            return f"it keeps {value:.0%} of its cell state"
        case "input":
            return f"it writes {value:.0%} of its candidate"
        case "output":
            return f"it shows {value:.0%} of its cell state's tanh"
        case _:
            return f"what could be written, {'up' if value > 0 else 'down'} by {abs(value):.3f} of at most 1"


def _summary(step: LayerStep, kind: Kind) -> str:
    """What all neurons' numbers say together."""
    values = step.values[kind]
    if kind == "candidate":
        up, far = int((values > 0).sum()), int((np.abs(values) > 0.9).sum())
        return f"{up:,} of {len(values):,} up, the others down; {far:,} beyond 0.9 either way"
    passage, H = step.passage(kind), len(values)
    most, less = {
        "forget": ("keep more than 90%", "erase more than half"),
        "input": ("write more than 90%", "write less than half"),
        "output": ("show more than 90%", "show less than half"),
    }[kind]
    return f"{passage.open:,} of {H:,} {most}, {passage.shut:,} {less}; {passage.mean:.3f} on average"


def _range_of(values: Floats, is_start: bool) -> str:
    return ": all 0, as nothing was read" if is_start else f": {_spread(values)}"


def _spread(values: Floats) -> str:
    return f"from {values.min():.3f} to {values.max():.3f}"


def _around(text: list[str], at: int) -> str:
    """The text, or where that is long, what stands around one character of it."""
    begin, end = max(0, at - 30), at + 31
    return "..." * (begin > 0) + "".join(text[begin:end]) + "..." * (end < len(text))


def quoted(text: str) -> str:
    """In one line, between quotation marks."""
    return json.dumps(text, ensure_ascii=False)
