"""What can be said of each character of a text, and the neurons that follow it.

Knows: the features, by plain rules, and correlation.
Does not know: torch, models, what a neuron is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from charlstm.insight.traces import Kind
from charlstm.model.types import Floats

_CLOSING = {")": "(", "]": "[", "}": "{"}
_PAIRS = [
    r'"[^"]*"?',
    "„[^„“]*“?",
    "“[^“”]*”?",
    "«[^«»]*»?",
    # An apostrophe opens nothing without a partner, so that 'tis is no quote; neither has a letter on both of its sides.
    r"‘(?:[^‘’]|(?<=\w)’(?=\w))*’",
    r"(?<!\w)'(?=\S)(?:[^']|(?<=\w)'(?=\w))*(?<=\S)'(?!\w)",
]
_QUOTE = re.compile("|".join(_PAIRS))
_PARAGRAPH = re.compile(r"[^\n](?:[^\n]|\n(?![ \t]*\n))*")
_SPEAKER = re.compile(r"(?:(?<=\n\n)|\A)[^\W\d_][^\n:]{0,40}:(?=\n)")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_WORD = re.compile(r"\w+")
_LINE = re.compile(r"[^\n]*\n?")


@dataclass(frozen=True)
class Match:
    """A neuron that follows a feature."""

    feature: str
    layer: int
    neuron: int
    """Both counted from 0."""
    kind: Kind
    correlation: float
    """Pearson's, from -1 to 1: below 0 where the neuron falls as the feature rises."""


def features(text: str) -> dict[str, Floats]:
    """By the name of each feature its value at every character, (T,); what is the same everywhere is left out.

    Of a line end of two characters, CR and LF, both count as one.

    A value tells what is known once that character is read, as a neuron's does; but for what follows from what comes later,
    such as the end of a speaker's name. Quotes and brackets end at an empty line at the latest, as one that was never closed
    would otherwise go on to the end of the text.

    >>> features("a (b)\\n")["inside brackets"].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    """
    if "\r\n" in text:
        doubled = np.array([pair == "\r\n" for pair in map("".join, pairwise(text + " "))])
        places = np.cumsum(~doubled) - 1 + doubled  # of each character in the text without its CR
        return {name: values[places] for name, values in features(text.replace("\r\n", "\n")).items()}
    if "\n" not in text:
        text = text.replace("\r", "\n")  # lines that end in CR alone
    marks, size = _Marks(text), len(text)
    for line in _LINE.finditer(text):
        marks.line(line)
    for paragraph in _PARAGRAPH.finditer(text):
        marks.paragraph(paragraph)
    found = {
        **marks.values,
        "speaker's name": _inside(size, _SPEAKER.finditer(text)),
        "capital letter": _each(text, str.isupper),
        "word in capitals": _inside(size, (word for word in _LETTERS.finditer(text) if word.group().isupper())),
        "digit": _each(text, str.isdigit),
        "space": _each(text, str.isspace),
        "position in word": _positions(size, _WORD.finditer(text)),
    }
    return {name: values for name, values in found.items() if len(values) and np.ptp(values)}


def best_neurons(values: Floats, features: Mapping[str, Floats], kind: Kind, top: int = 5) -> list[Match]:
    """Of each feature (T,) the `top` neurons of `values` (T, L, H) that correlate with it most, by either sign.

    Feature by feature, the best first. A neuron that never changes correlates with nothing.
    """
    T, L, H = values.shape
    targets = _standardised(np.stack(list(features.values()), 1)).T if features else np.empty((0, T), np.float32)
    # A layer at a time, as what is standardised is a copy.
    rows = np.stack([targets @ _standardised(values[:, layer]) / T for layer in range(L)], 1)
    rows = rows.reshape(len(features), L * H).clip(-1, 1)  # beyond which rounding may lead
    found = []
    for name, row in zip(features, rows, strict=True):
        for i in np.argsort(-np.abs(row), kind="stable")[:top]:
            layer, neuron = divmod(int(i), H)
            found.append(Match(name, layer, neuron, kind, float(row[i])))
    return found


class _Marks:
    """The features that follow from lines and paragraphs."""

    def __init__(self, text: str) -> None:
        names = ("inside quotes", "inside brackets", "position in line", "indentation", "line of paragraph", "after a colon")
        self.values = {name: np.zeros(len(text), np.float32) for name in names}

    def line(self, line: re.Match[str]) -> None:
        """Fill in what is known of one line, its end included."""
        here, text = slice(*line.span()), line.group()
        self.values["position in line"][here] = np.arange(len(text))
        margin = len(text) - len(text.lstrip(" \t"))
        # While the margin is read, it is as deep as it is so far.
        self.values["indentation"][here] = np.minimum(np.arange(1, len(text) + 1), margin)
        if ":" in text:
            self.values["after a colon"][here.start + text.index(":") : here.stop] = 1

    def paragraph(self, paragraph: re.Match[str]) -> None:
        """Fill in what is known of one paragraph."""
        here, text = slice(*paragraph.span()), paragraph.group()
        self.values["inside brackets"][here] = _depths(text)
        self.values["line of paragraph"][here] = np.cumsum([0, *(c == "\n" for c in text)])[:-1]
        for quote in _QUOTE.finditer(text):
            # The mark that closes is outside, as a bracket is; one that was never closed lasts to the paragraph's end.
            closed = len(quote.group()) > 1 and quote.group()[-1] in "\"“”»'’"
            self.values["inside quotes"][here.start + quote.start() : here.start + quote.end() - closed] = 1


def _depths(text: str) -> list[int]:
    """How many brackets are open after each character; one that closes none is passed over."""
    open_ones: list[str] = []
    depths = []
    for character in text:
        if character in "([{":
            open_ones.append(character)
        elif open_ones and _CLOSING.get(character) == open_ones[-1]:
            open_ones.pop()
        depths.append(len(open_ones))
    return depths


def _inside(size: int, found: Iterable[re.Match[str]]) -> Floats:
    """1 within what was found, 0 elsewhere."""
    values = np.zeros(size, np.float32)
    for one in found:
        values[slice(*one.span())] = 1
    return values


def _positions(size: int, found: Iterable[re.Match[str]]) -> Floats:
    """1, 2, 3 ... within what was found, 0 elsewhere."""
    values = np.zeros(size, np.float32)
    for one in found:
        values[slice(*one.span())] = np.arange(1, len(one.group()) + 1)
    return values


def _each(text: str, holds: Callable[[str], bool]) -> Floats:
    """1 for the characters of which something holds, 0 for the others."""
    return np.fromiter(map(holds, text), np.float32, len(text))


def _standardised(values: Floats) -> Floats:
    """Columns (T, N) with mean 0 and variance 1; zeros where one is the same throughout."""
    centred = values - values.mean(0, dtype=np.float64).astype(np.float32)
    deviation = centred.std(0)
    is_flat = np.ptp(values, axis=0) == 0  # told by the values, as rounding may leave a deviation
    standardised: Floats = np.where(is_flat, 0, centred / np.where(is_flat, 1, deviation))
    return standardised
