"""`charlstm sample --primes`, `--unique`: many primes in one call, no text twice."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import charlstm
from charlstm.errors import CharlstmError, NoneFitError
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.generate import Cursor, read_side_by_side
from tests.commands.test_sample import Sample, folder, lines, sample, texts

__all__ = ["folder", "sample"]

PRIMES = ["a", "abc", "hgf", "ab" * 40, "c", "a"]


@pytest.fixture(autouse=True)
def primes(sample: Sample, tmp_path: Path) -> Path:
    (tmp_path / "primes").write_text("".join(f"{prime}\n" for prime in PRIMES), encoding="utf-8")
    return tmp_path / "primes"


@pytest.mark.parametrize("engine", [[], ["--precision", "int8"], ["--engine", "torch"]], ids=["auto", "int8", "torch"])
def test_each_text_is_that_of_a_call_of_its_own(sample: Sample, engine: list[str]) -> None:
    found = lines(sample, "--primes", "primes", "--count", "2", "--seed", "5", "--length", "30", *engine)
    assert [(one["prime"], one["prime_number"], one["seed"]) for one in found] == [
        (prime, i, 5 + 2 * i + j) for i, prime in enumerate(PRIMES) for j in range(2)
    ]
    for one in found:
        (alone,) = lines(sample, "--prime", str(one["prime"]), "--seed", str(one["seed"]), "--length", "30", *engine)
        assert alone["text"] == one["text"]


def test_so_is_one_of_a_long_prime_and_of_a_blend(
    sample: Sample, folder: Path, primes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.sampling.generate._READ_ALONE", 50)
    monkeypatch.setattr("charlstm.sampling.generate.TOGETHER", 4)
    blend = ["--blend", f"{folder / 'other'}:2"]
    found = lines(sample, "--primes", "primes", "--seed", "5", *blend)
    for i, one in enumerate(found):
        (alone,) = lines(sample, "--prime", PRIMES[i], "--seed", str(5 + i), *blend)
        assert (alone["text"], one["prime"]) == (one["text"], PRIMES[i])


def test_texts_come_in_order_with_their_primes_in_all_forms(sample: Sample, tmp_path: Path) -> None:
    found = lines(sample, "--primes", "primes", "--seed", "5")
    whole = [f"{one['prime']}{one['text']}" for one in found]
    assert texts(sample, "--primes", "primes", "--seed", "5") == whole
    assert texts(sample, "--primes", "primes", "--seed", "5", "--no-prime") == [one["text"] for one in found]
    assert sample("--primes", "primes", "--seed", "5", "--separator", r"\0")[1].split("\0") == whole
    assert sample("--primes", "primes", "--seed", "5", "--output", "{}.txt")[0] == 0
    assert [(tmp_path / f"{i}.txt").read_bytes().decode() for i in range(len(PRIMES))] == whole


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("has_last", [True, False])
def test_any_line_end_and_a_mark_at_the_beginning(sample: Sample, primes: Path, end: bytes, has_last: bool) -> None:
    primes.write_bytes(b"\xef\xbb\xbf" + end.join(prime.encode() for prime in PRIMES) + end * has_last)
    assert [one["prime"] for one in lines(sample, "--primes", "primes")] == PRIMES


def test_from_standard_input(sample: Sample, primes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(primes.read_bytes())))
    assert [one["prime"] for one in lines(sample, "--primes", "-")] == PRIMES


def test_characters_that_the_model_lacks(sample: Sample, primes: Path) -> None:
    primes.write_text("ab\nc\u2605d\n\u2605\n", encoding="utf-8")
    code, out, err = sample("--primes", "primes")
    assert (code, out) == (2, "")
    assert err.startswith("charlstm: prime 2: the prime has characters that the model never saw: '\u2605'")
    code, _, err = sample("--primes", "primes", "--unknown", "skip")
    assert (code, err) == (2, "charlstm: prime 3: no character of the prime '\u2605' is known to the model\n")
    primes.write_text("ab\nc\u2605d\n", encoding="utf-8")
    assert [one["prime"] for one in lines(sample, "--primes", "primes", "--unknown", "skip")] == ["ab", "cd"]


@pytest.mark.parametrize(
    ("content", "arguments", "part"),
    [
        ("a\n\nb\n", [], "line 2 of the primes from 'primes' is empty"),
        ("", [], "line 1 of the primes from 'primes' is empty"),
        ("a\n", ["--prime", "a"], "--primes and --prime contradict each other"),
        ("a\n", ["--prime", "-"], "--primes and --prime contradict each other"),
        ("a\n", ["--prime-file", "primes"], "--prime-file and --primes contradict each other"),
        ("a\n", ["--beam", "2"], "--primes and --beam contradict each other"),
        ("a\n", ["--forever"], "--primes and --forever contradict each other"),
        ("a\n", ["--primes", "nowhere"], "can't read the primes from 'nowhere'"),
        ("a\n", ["--unique", "--beam", "2"], "--beam and --unique contradict each other"),
        ("a\n", ["--tries", "2"], "--tries does nothing without --require or --unique or --reject-copied"),
    ],
)
def test_mistakes_are_one_line(sample: Sample, primes: Path, content: str, arguments: list[str], part: str) -> None:
    primes.write_text(content, encoding="utf-8")
    code, out, err = sample("--primes", "primes", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert part in err


def test_with_all_that_draws_again(sample: Sample, primes: Path) -> None:
    found = lines(
        sample, "--primes", "primes", "--count", "3", "--require", "^[^a]", "--unique", "--seed", "2", "--length", "3"
    )
    assert len({one["text"] for one in found}) == len(found) == 18
    assert not any(str(one["text"]).startswith("a") for one in found)
    assert [one["prime"] for one in found] == [prime for prime in PRIMES for _ in range(3)]
    found = lines(sample, "--primes", "primes", "--novelty", "primes", "--reject-copied", "3", "--seed", "2", "--length", "30")
    assert all(one["novelty"]["longest"] < 3 for one in found)  # type: ignore[index]


def test_only_some_primes_are_held_ready(sample: Sample, primes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts come before the last primes are read: 100,000 of them take no more memory than 256."""
    read = list[int]()

    def counted(engine: Engine, ids: list[Any]) -> list[Cursor]:
        read.append(len(ids))
        return read_side_by_side(engine, ids)

    monkeypatch.setattr("charlstm.sampling.job.read_side_by_side", counted)
    primes.write_text("".join(f"{'abcdefgh'[i % 8]}{'abcdefgh'[i // 8 % 8]}{'abcdefgh'[i // 64 % 8]}\n" for i in range(512)),
                      encoding="utf-8")  # fmt: skip
    assert len(texts(sample, "--primes", "primes", "--length", "2", "--seed", "1", "--count", "2")) == 1024
    assert read == [128] * 4


def test_no_text_twice(sample: Sample) -> None:
    """As if they were drawn one after the other, each again as long as one before it has the same text."""
    options = ["--length", "1", "--seed", "3", "--stop", "h", "--count", "9", "--unique"]
    found = [str(one["text"]) for one in lines(sample, *options)]
    assert sorted(found) == sorted(set(found))
    assert len(found) == 9
    for count in (1, 4, 8):
        assert [one["text"] for one in lines(sample, *options[:6], "--count", str(count), "--unique")] == found[:count]
    assert len(texts(sample, *options)) == 9


def test_texts_that_cannot_all_differ(sample: Sample, folder: Path) -> None:
    code, out, err = sample("--length", "1", "--seed", "3", "--count", "12", "--unique", "--tries", "200", "--json")
    found = [json.loads(line)["text"] for line in out.splitlines()]
    assert (code, len(found), len(set(found))) == (1, 9, 9)
    assert err == (
        "charlstm: --unique: 9 of 12 texts fit, each drawn up to 200 times; "
        "give more --tries, another --seed, or a longer or more daring text\n"
    )
    assert sample("--length", "4", "--seed", "3", "--count", "12", "--unique")[0] == 0
    model = charlstm.load(folder / "m")
    assert len({one.text for one in model.completions(count=9, unique=True, length=1, seed=3, tries=99)}) == 9
    with pytest.raises(NoneFitError, match="unique=True: "):
        model.completions(count=30, unique=True, length=1, seed=3)


def test_from_python(sample: Sample, folder: Path) -> None:
    model = charlstm.load(folder / "m")
    found = model.completions(primes=PRIMES, count=2, seed=5, length=30)
    expected = lines(sample, "--primes", "primes", "--count", "2", "--seed", "5", "--length", "30")
    assert [one.text for one in found] == [one["text"] for one in expected]
    with pytest.raises(CharlstmError, match="primes='ab': expected several texts, as a list"):
        model.completions(primes="ab")
    with pytest.raises(CharlstmError, match="prime 2 of primes is empty"):
        model.completions(primes=["a", ""])


def test_two_hundred_primes_are_one_batch(sample: Sample, primes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 characters each: 10 steps to read them and 20 to write, where single calls take 6,000."""
    from charlstm.sampling.engines.onnx_engine import OnnxEngine

    primes.write_text("abcdefghab\n" * 100 + "habcdefgha\n" * 100, encoding="utf-8")
    sample("--primes", "primes", "--length", "20")
    steps, real = list[int](), OnnxEngine.step

    def counted(self: OnnxEngine, ids: Any, state: Any) -> Any:
        steps.append(len(ids))
        return real(self, ids, state)

    monkeypatch.setattr(OnnxEngine, "step", counted)
    assert sample("--primes", "primes", "--length", "20", "--seed", "1")[0] == 0
    assert len(steps) < 40
