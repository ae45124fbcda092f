"""`charlstm sample --novelty` as a black box, with a model that has learned nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.test_sample import Sample, folder, lines, sample

__all__ = ["folder", "sample"]


@pytest.fixture
def written(sample: Sample) -> list[str]:
    """What the model writes after its prime with the seeds 7, 8 and 9."""
    return [str(line["text"]) for line in lines(sample, "--seed", "7", "--count", "3")]


def test_a_line_on_each_text_goes_to_standard_error(sample: Sample, written: list[str]) -> None:
    Path("corpus.txt").write_text(f"★★{written[0][3:28]}★★", encoding="utf-8")
    plain = sample("--seed", "7")
    code, out, err = sample("--seed", "7", "--novelty", "corpus.txt")
    assert (code, out) == (0, plain[1])
    run = repr(written[0][3:28])
    assert err == f"copied: longest run 25 characters ({run}), 28.6% of its 20-character windows occur in 'corpus.txt'\n"
    _, _, err = sample("--seed", "7", "--count", "3", "--novelty", "corpus.txt")
    assert [line.partition(" copied")[0] for line in err.splitlines()] == ["text 0:", "text 1:", "text 2:"]


def test_several_corpora_and_a_text_shorter_than_a_window(sample: Sample, written: list[str]) -> None:
    for i, name in enumerate(("one", "two")):
        Path(name).write_text(f"?{written[0][5 * i : 5 * i + 5]}?", encoding="utf-8")
    code, _, err = sample("--seed", "7", "--length", "10", "--novelty", "one", "--novelty", "two")
    assert code == 0
    assert "longest run 5 characters" in err
    assert "too short to have a window of 20" in err
    assert "one" not in err


def test_json_has_an_object_and_standard_error_nothing(sample: Sample, written: list[str]) -> None:
    Path("corpus.txt").write_text(f"??{written[1]}??", encoding="utf-8")
    found = lines(sample, "--seed", "8", "--novelty", "corpus.txt")[0]["novelty"]
    assert found == {"longest": 40, "run": written[1], "begin": 0, "at": 2, "windows": 21, "copied": 21, "share": 1.0}
    code, out, _ = sample("--beam", "2", "--json", "--novelty", "corpus.txt")
    assert code == 0
    assert json.loads(out)["novelty"]["windows"] == 21


def test_what_is_copied_is_drawn_again(sample: Sample, written: list[str]) -> None:
    Path("corpus.txt").write_text("?".join((written[0], written[2])), encoding="utf-8")
    both = ("--seed", "7", "--count", "3", "--novelty", "corpus.txt", "--reject-copied")
    again = [str(line["text"]) for line in lines(sample, *both, "20")]
    assert again[1] == written[1]
    assert not {again[0], again[2]} & set(written)
    assert [str(line["text"]) for line in lines(sample, *both, "41")] == written  # a run of 41 is longer than they are
    code, out, err = sample(*both, "1", "--tries", "2")
    assert (code, out) == (1, "")
    assert err == (
        "charlstm: --reject-copied 1: 0 of 3 texts fit, each drawn up to 2 times; "
        "give more --tries, another --seed, or a larger number\n"
    )


def test_it_goes_with_require(sample: Sample, written: list[str]) -> None:
    Path("corpus.txt").write_text(written[0], encoding="utf-8")
    found = lines(sample, "--seed", "7", "--require", "ab", "--novelty", "corpus.txt", "--reject-copied", "9")[0]
    assert "ab" in str(found["text"])
    novelty = found["novelty"]
    assert isinstance(novelty, dict)
    assert novelty["longest"] < 9


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--reject-copied", "5"), "--reject-copied does nothing without --novelty"),
        (("--novelty", "builtin:python-docs", "--reject-copied", "0"), "--reject-copied 0: expected a whole number at least 1"),
        (("--novelty", "missing.txt"), "missing.txt"),
        (("--novelty", "builtin:python-docs", "--forever"), "--forever and --novelty contradict each other"),
        (("--novelty", "missing.txt", "--reject-copied", "5", "--beam", "2"), "--beam and --reject-copied"),
        (("--novelty", "-", "--prime", "-"), "only one of them can be read"),
    ],
)
def test_mistakes_are_found_before_the_model_is_loaded(sample: Sample, arguments: tuple[str, ...], part: str) -> None:
    code, out, err = sample(*arguments, model="no-such-model")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert part in err
