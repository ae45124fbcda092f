from __future__ import annotations

import io
import json
import math
import sys

import numpy as np
import pytest

from charlstm.errors import Argument, CharlstmError
from charlstm.scoring.classification import Verdict
from charlstm.scoring.surprise import Score, Surprise
from charlstm.text.passages import By, Passage
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary
from charlstm.views.colours import require_colours
from charlstm.views.scores import Form, ScoresView, VerdictsView, heat

VOCABULARY = CharVocabulary("abc\n")


def score(text: str, *probabilities: float, number: int = 1, source: str = "a.txt", unit: By = "line") -> Score:
    nats = np.array([-math.log(p) for p in probabilities], np.float32)
    surprise = Surprise(nats, np.arange(1, len(nats) + 1, dtype=np.uint32))
    return Score(Passage(source, number, text, unit), surprise, text)


def shown(capsys: pytest.CaptureFixture[str], form: Form, *scores: Score, several: bool = False, by: By = "line") -> list[str]:
    view = ScoresView(form, VOCABULARY, by, several)
    view.show(scores)
    view.end()
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def test_a_table_ends_with_the_total_over_all_characters(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "table", score("ab", 0.5, 0.125), score("", number=2), score("a", 0.5, number=3))
    assert [line.split() for line in lines] == [
        ["line", "chars", "nats", "bits", "perplexity", "rank", "text"],
        ["1", "2", "1.3863", "2.0000", "4.00", "1.5", "ab"],
        ["2", "0", "-", "-", "-", "-"],
        ["3", "1", "0.6931", "1.0000", "2.00", "1.0", "a"],
        ["total", "3", "1.1552", "1.6667", "3.17", "1.3", "3", "lines,", "1", "without", "a", "character", "to", "score"],
    ]
    assert len({line.index(cell) + len(cell) for line, cell in zip(lines[:2], ("rank", "1.5"), strict=True)}) == 1


def test_with_several_files_each_row_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "table", score("a", 0.5), score("b", 0.5, source="long\x1b.txt", number=12), several=True)
    assert lines[1].split()[0] == "a.txt:1"
    assert lines[2].split()[0] == r"long\x1b.txt:12"
    assert lines[1].index("0.6931") == lines[2].index("0.6931") == lines[3].index("0.6931")


def test_a_document_is_named_and_not_shown_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "table", score("a\nb", 0.5, 0.5, 0.5, unit="document"), by="document")
    assert lines[1].split() == ["a.txt", "3", "0.6931", "1.0000", "2.00", "2.0"]


def test_on_a_terminal_a_row_is_one_line_of_safe_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "70")
    lines = shown(capsys, "table", score("a\x1b[2J\tb" + "c" * 100, 0.5))
    assert len(lines[1]) == 70
    assert lines[1].endswith("…")
    assert r"a\x1b[2J b" in lines[1]


def test_json_is_one_object_a_line_and_exact(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "json", score("ab", 0.5, 0.125), score("\x1b", number=2))
    one, two = map(json.loads, lines)
    assert one == {
        "source": "a.txt", "line": 1, "chars": 2, "per": "character", "nats": pytest.approx(math.log(4)),
        "bpc": pytest.approx(2), "perplexity": pytest.approx(4), "rank": 1.5, "text": "ab",
    }  # fmt: skip
    assert (two["chars"], two["nats"], two["text"]) == (0, None, "\x1b")
    (line,) = shown(capsys, "per-char", score("ab", 0.5, 0.125))
    assert json.loads(line)["characters"] == [["a", pytest.approx(math.log(2)), 1], ["b", pytest.approx(math.log(8)), 2]]


@pytest.mark.parametrize(
    ("probability", "ground"),
    [
        (1.0, "#121212"),
        (0.51, "#121212"),
        (0.49, "#420a68"),
        (0.06, "#932667"),
        (0.02, "#dd513a"),
        (0.002, "#fca50a"),
        (1e-30, "#fcffa4"),
    ],
)
def test_less_probable_is_lighter(probability: float, ground: str) -> None:
    (span,) = heat(score("a", probability), VOCABULARY).spans
    assert not isinstance(span.style, str)
    assert span.style.bgcolor is not None
    assert span.style.bgcolor.name == ground


@pytest.mark.parametrize(("vocabulary", "count"), [(VOCABULARY, 5), (ByteVocabulary(), 5)])
def test_coloured_text_is_safe_and_keeps_its_lines(vocabulary: Vocabulary, count: int) -> None:
    text = heat(score("a\n\x1b\tb", *[0.5] * count), vocabulary)
    assert text.plain == "a \n\\x1b\\tb", "a newline's own surprise is that of the space before it"


def test_show_colours_characters_under_a_legend(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    require_colours("show", (Argument("json", True), " ", Argument("per_char", True)))
    legend, line, total = shown(capsys, "show", score("ab", 0.9, 1e-9))
    assert "probability of at least" in legend
    assert "48;5;233ma\x1b[0m" in line
    assert "48;5;229mb\x1b[0m" in line
    assert "10.4143" in total


def test_show_without_colours_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(CharlstmError, match=r"show=True needs a terminal with colours.*json=True per_char=True gives numbers"):
        require_colours("show", (Argument("json", True), " ", Argument("per_char", True)))


def test_verdicts_end_with_what_each_model_won(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [
        Verdict(Passage("a.txt", 1, "ab"), 2, (2.0, 4.0), (0.88, 0.12)),
        Verdict(Passage("a.txt", 2, ""), 0, (0.0, 0.0), (0.5, 0.5)),
    ]
    view = VerdictsView(["me", "other\x1b"], False, "line", False)
    view.show(verdicts)
    view.end()
    header, one, two, _, *won = capsys.readouterr().out.splitlines()
    assert header.split() == ["line", "best", "p(me)", r"p(other\x1b)", "text"]
    assert one.split() == ["1", "me", "0.880", "0.120", "ab"]
    assert two.split() == ["2", "-", "-", "-"]
    assert won[0] == r"me         best for 1 of 2 lines, 1.0000 nats per character over all"
    assert won[1].startswith(r"other\x1b  best for 0 of 2 lines, 2.0000")


def test_verdicts_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    view = VerdictsView(["a", "b"], True, "line", False)
    view.show(
        [Verdict(Passage("x", 7, "ab"), 2, (2.0, 4.0), (0.88, 0.12)), Verdict(Passage("x", 8, ""), 0, (0.0, 0.0), (0.5, 0.5))]
    )
    view.end()
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert one == {
        "source": "x", "line": 7, "chars": 2, "best": "a", "probabilities": {"a": 0.88, "b": 0.12},
        "nats": {"a": 2.0, "b": 4.0}, "text": "ab",
    }  # fmt: skip
    assert two["best"] is None
