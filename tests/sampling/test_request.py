from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.cli.wording import said
from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError
from charlstm.sampling.request import SampleRequest, parse_blend


@pytest.mark.parametrize(
    ("wishes", "in_python", "on_a_command_line"),
    [
        (
            {"forever": True, "count": 2},
            "forever and count contradict each other: forever writes one text without an end; leave out one of them",
            "--forever and --count contradict each other: --forever writes one text without an end; leave out one of them",
        ),
        (
            {"beam": 2, "given": {"top_k": 5}},
            "beam and top_k contradict each other: beam looks for the most probable text and draws nothing; "
            "leave out one of them",
            "--beam and --top-k contradict each other: --beam looks for the most probable text and draws nothing; "
            "leave out one of them",
        ),
        (
            {"tries": 3},
            "tries does nothing without require or unique or reject_copied: give both or neither",
            "--tries does nothing without --require or --unique or --reject-copied: give both or neither",
        ),
        (
            {"reject_copied": 3},
            "reject_copied does nothing without novelty: give both or neither",
            "--reject-copied does nothing without --novelty: give both or neither",
        ),
        (
            {"seed": -1},
            "seed=-1: expected a whole number at least 0",
            "--seed -1: expected a whole number at least 0",
        ),
        (
            {"beam": 1001},
            "beam=1001: expected a whole number at least 1, at most 1,000",
            "--beam 1001: expected a whole number at least 1, at most 1,000",
        ),
        (
            {"given": {"prime": ""}},
            "prime is empty: give it at least one character to start from",
            "--prime is empty: give it at least one character to start from",
        ),
        (
            {"require": "(a"},
            "require='(a': not a regular expression: missing ), unterminated subpattern at position 0",
            "--require '(a': not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            {"blend": ["runs/x"]},
            "blend='runs/x': expected MODEL:WEIGHT with a weight above 0, such as runs/ovid:0.5",
            "--blend runs/x: expected MODEL:WEIGHT with a weight above 0, such as runs/ovid:0.5",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_once_in_the_words_of_either_side(
    wishes: dict[str, object], in_python: str, on_a_command_line: str
) -> None:
    with pytest.raises(CharlstmError) as raised:
        SampleRequest(**wishes)  # type: ignore[arg-type]
    assert (str(raised.value), said(raised.value)) == (in_python, on_a_command_line)


@pytest.mark.parametrize("count", [1.0, True, "2", 0])
def test_a_number_that_is_none(count: object) -> None:
    with pytest.raises(CharlstmError, match=r"^count=.*: expected a whole number at least 1, at most 1,000,000,000"):
        SampleRequest(count=count)  # type: ignore[arg-type]


def test_a_seed_of_zero_is_a_wish() -> None:
    with pytest.raises(CharlstmError, match="beam and seed contradict"):
        SampleRequest(seed=0, beam=2)


def test_what_a_file_says_is_no_wish_of_the_caller(tmp_path: Path) -> None:
    """A beam leaves a temperature of the file aside; only one beside it contradicts it."""
    (tmp_path / "c.toml").write_text("[sample]\ntemperature = 0.5\nlength = 9\n", encoding="utf-8")
    SampleRequest(config=tmp_path / "c.toml", beam=2)
    forever = SampleRequest(config=tmp_path / "c.toml", forever=True)
    assert forever.asked.over(SampleConfig(min_length=20, length=30)).min_length == 20


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CharlstmError, match=r"none\.txt"):
        SampleRequest(novelty=[str(tmp_path / "none.txt")])


def test_settings_come_from_keywords_then_the_file_then_the_run(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[sample]\nprime = ""\nlength = 20\ntop_k = 3\nstop = "x"\n', encoding="utf-8")
    trained = SampleConfig(prime="A", length=10, temperature=0.5, bias=("e=1",))
    request = SampleRequest({"top_k": 4, "stop": ["y", "z"]}, config=file)
    expected = SampleConfig(prime="A", length=20, top_k=4, temperature=0.5, bias=("e=1",), stop=("y", "z"))
    assert request.asked.over(trained) == expected
    with pytest.raises(CharlstmError, match=r"min_length = 15.*length = 10"):
        SampleRequest({"min_length": 15}).asked.over(trained)
    assert SampleRequest({"min_length": 15}, forever=True).asked.over(trained).min_length == 15


@pytest.mark.parametrize(
    ("text", "expected"), [("a:1", ("a", 1.0)), ("C:\\runs\\a:2.5", ("C:\\runs\\a", 2.5)), ("a:b:1e-2", ("a:b", 0.01))]
)
def test_a_model_and_its_weight(text: str, expected: tuple[str, float]) -> None:
    assert parse_blend(text) == expected


@pytest.mark.parametrize("text", ["", "a", ":1", "a:", "C:\\runs\\a", "a:0", "a:-1", "a:nan", "a:inf", "a\nb"])
def test_nothing_else_is_a_blend(text: str) -> None:
    with pytest.raises(CharlstmError, match=r"^blend=.*: expected MODEL:WEIGHT with a weight above 0, such as"):
        parse_blend(text)
