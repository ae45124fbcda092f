from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.style import Style
from rich.text import Text

from charlstm.insight.features import Match
from charlstm.insight.traces import GATES, Trace
from charlstm.text.excerpts import Excerpt, symbol_of
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary
from charlstm.views.inspection import (
    Gradient,
    Inspection,
    Neuron,
    print_inspection,
    show_gradient,
    show_matches,
    show_neuron,
    show_saturation,
)

VOCABULARY = CharVocabulary("ab\x1b")  # ids: ESC 0, a 1, b 2


@pytest.fixture
def inspection() -> Inspection:
    """Four characters from position 10 on, one layer of two neurons."""
    ids = np.array([1, 2, 0, 1])
    values = np.zeros((4, 1, 2), np.float32)
    values[:, 0, 1] = [0.0, 0.05, 0.5, 1.0]
    logits = np.log(np.tile(np.array([0.25, 0.25, 0.5], np.float32), (4, 1)))
    start = (np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32))
    trace = Trace(ids, {**dict.fromkeys(GATES, values), "cell": values - 0.5}, logits, start)
    return Inspection(Excerpt(ids.astype(np.uint8), 0, 10, ("a", "b", "\x1b", "a"), False), VOCABULARY, trace)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[Text]:
    """What is written, with its colours: the legend and the text of each."""
    written: list[Text] = []
    monkeypatch.setattr("charlstm.views.inspection.put", written.append)
    return written


def grounds(text: Text) -> list[str]:
    """The colour behind each character."""
    return [span.style.bgcolor.name for span in text.spans if isinstance(span.style, Style) and span.style.bgcolor]


BLUE, MIDDLE, ORANGE = "#0a4a8f", "#f7f7f5", "#9c4600"


def test_a_gate_goes_from_blue_at_0_to_orange_at_1(inspection: Inspection, put: list[Text]) -> None:
    show_neuron(inspection, Neuron(0, 1, "forget"))
    legend, text = put
    assert legend.plain.startswith("layer 0, neuron 1, forget gate  0 ")
    assert len(set(grounds(legend))) == 7
    assert grounds(text) == [BLUE, BLUE, MIDDLE, ORANGE]
    assert text.plain == r"ab\x1ba", "what a terminal would obey is shown"


def test_a_cell_goes_from_minus_1_to_1(inspection: Inspection, put: list[Text]) -> None:
    show_neuron(inspection, Neuron(0, 1, "cell"))
    legend, text = put
    assert legend.plain.startswith("layer 0, neuron 1, tanh of the cell state  -1 ")
    assert grounds(text) == ["#3f83bd", "#8ebcdf", MIDDLE, "#d78233"]  # tanh of -0.5, -0.45, 0 and 0.5; a step is 2/7


def test_a_gradient_is_shown_as_shares_of_the_largest(inspection: Inspection, put: list[Text]) -> None:
    show_gradient(inspection, Gradient(12, np.array([0.001, 0.4], np.float32)))
    legend, text = put
    assert legend.plain.startswith("gradient of character 12, of the largest at least")
    assert text.plain == r"ab\x1b", "the character itself comes last"
    assert grounds(text) == ["#fcffa4"], "less than a hundredth has no colour"
    show_gradient(inspection, Gradient(11, np.zeros(1, np.float32)))
    assert grounds(put[3]) == []


def test_tables(inspection: Inspection, capsys: pytest.CaptureFixture[str]) -> None:
    show_matches([Match("space", 1, 27, "cell", -0.5), Match("space", 0, 3, "cell", 0.25), Match("digit", 0, 1, "cell", 0.125)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["feature", "layer", "neuron", "correlation"],
        ["space", "1", "27", "-0.500"],
        ["0", "3", "+0.250"],
        ["digit", "0", "1", "+0.125"],
    ]
    show_saturation(inspection.trace)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 80, "no terminal breaks it"
    rows = [line.split() for line in lines[1:]]
    assert rows == [["0", gate, "75.0%", "12.5%", "1", "0"] for gate in GATES]


def test_json_holds_all_that_was_asked_for(inspection: Inspection, capsys: pytest.CaptureFixture[str]) -> None:
    print_inspection(inspection, top=2)
    found = json.loads(capsys.readouterr().out)
    assert (found["from"], found["context"], found["per"]) == (10, 0, "character")
    assert found["characters"][0] == {"character": "a", "id": 1, "probability": None, "next": [["b", 0.5], ["\x1b", 0.25]]}
    assert [one["probability"] for one in found["characters"]] == [None, 0.5, 0.25, 0.25]
    assert found["saturation"][1] == {"layer": 0, "gate": "forget", "below_0.1": [1.0, 0.5], "above_0.9": [0.0, 0.25]}
    assert not {"neuron", "features", "sensitivity"} & set(found)

    more = replace(
        inspection,
        neuron=Neuron(0, 1, "forget"),
        matches=[Match("space", 0, 1, "cell", 0.5)],
        gradient=Gradient(12, np.array([0.1, 0.4], np.float32)),
    )
    print_inspection(more, top=1)
    found = json.loads(capsys.readouterr().out)
    assert found["neuron"] == {"layer": 0, "neuron": 1, "kind": "forget", "values": [0.0, 0.05, 0.5, 1.0]}
    assert found["features"] == [{"feature": "space", "layer": 0, "neuron": 1, "kind": "cell", "correlation": 0.5}]
    assert found["sensitivity"] == {"at": 12, "from": 10, "norms": [0.1, 0.4]}


def test_a_byte_that_is_no_character_is_a_number() -> None:
    assert [symbol_of(ByteVocabulary(), i) for i in (97, 0xC3)] == ["a", r"\xc3"]
    assert symbol_of(CharVocabulary("é"), 0) == "é"
