"""Whatever ends the lines of the text that a model learned, a newline means that, in every command and every control."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import charlstm
from charlstm.cli import main
from charlstm.config import load_config
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.text.line_ends import LineEnds
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

KINDS: dict[str, tuple[str, ...]] = {
    "lf": ("\n",),
    "crlf": ("\r\n",),
    "cr": ("\r",),
    "mixed": ("\r\n", "\n"),
    "bytes": ("\r\n",),
}
LINES = ["ab", "", "bca", "c"]
Answer = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that have learned nothing but their symbols, each with another kind of line end, and a text of each kind."""
    folder = tmp_path_factory.mktemp("ends")
    for name, kinds in KINDS.items():
        symbols = ByteVocabulary() if name == "bytes" else CharVocabulary("abc" + "".join(kinds))
        settings = ("model.embedding_size=8", "model.hidden_size=16", "sample.prime=ab", "sample.length=40")
        config = load_config(None, settings)
        model = CharLSTM(symbols.size, config.model, torch.Generator().manual_seed(3))
        save_model(folder / name, SavedModel(model, symbols.knowing(LineEnds(kinds)), config, Facts(1, 1, 1)))
    for name, end in (("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")):
        (folder / f"{name}.txt").write_bytes("".join(line + end for line in LINES * 500).encode())
    return folder


@pytest.fixture
def answer(folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Answer:
    """What a command says in JSON: an object a line, or one."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> list[Any]:
        capfdbinary.readouterr()
        assert main([*arguments, "--json"]) == 0
        out, err = capfdbinary.readouterr()
        assert err == b"" or arguments[0] in ("inspect", "memory")
        return [json.loads(line) for line in out.splitlines()] if out.count(b"\n}") == 0 else [json.loads(out)]

    return run


every_kind = pytest.mark.parametrize("name", list(KINDS))
"""Of line ends."""


@every_kind
def test_a_newline_in_a_prime(answer: Answer, folder: Path, name: str) -> None:
    own = KINDS[name][0]
    (folder / "prime").write_bytes(b"a\nb\r\n")
    for arguments in (["--prime", "a\nb\n"], ["--prime", "a\r\nb\r\n"], ["--prime-file", "prime"]):
        (one,) = answer("sample", name, *arguments, "--length", "5", "--seed", "1")
        assert one["prime"] == f"a{own}b{own}"
    assert charlstm.load(folder / name).generate("a\nb\n", length=5, seed=1) == one["text"]
    (explained,) = answer("explain", name, "a\nb")
    assert "".join(explained["text"]) == (f"a{own}b" if name != "mixed" else "a\nb")


@every_kind
def test_a_text_stops_before_the_whole_line_end(answer: Answer, name: str) -> None:
    found = answer("sample", name, "--stop-at-newline", "--count", "60", "--seed", "1", "--length", "200")
    assert {one["stop"] for one in found} <= {"\n", None}
    assert sum(one["stop"] == "\n" for one in found) > 30 or name == "bytes"
    assert not any(set("\r\n") & set(one["text"]) for one in found)
    kept = answer("sample", name, "--stop-at-newline", "--keep-stop", "--count", "60", "--seed", "1", "--length", "200")
    for one, other in zip(found, kept, strict=True):
        end = other["text"].removeprefix(one["text"])
        assert end in ("\r\n", "\n", "\r")[0 if name != "lf" else 1 :] if one["stop"] else end == ""


def test_a_whole_line_end_is_kept(answer: Answer) -> None:
    """Of a model that writes CRLF whenever it can."""
    always = ["--bias", "\n=500", "--stop", "\n", "--no-repeat-ngram", "2", "--seed", "1", "--prime", "ab"]
    (one,) = answer("sample", "crlf", *always, "--keep-stop")
    assert one["text"] in ("\r\n", "\n", "\r")
    (none,) = answer("sample", "crlf", *always)
    assert none["text"] == ""


@every_kind
def test_newlines_that_are_banned_allowed_or_likely(answer: Answer, name: str) -> None:
    ends = set("".join(KINDS[name]))
    (one,) = answer("sample", name, "--ban", "\n", "--length", "300", "--seed", "1")
    assert not ends & set(one["text"])
    (one,) = answer("sample", name, "--allow", "b\n", "--length", "300", "--seed", "1")
    assert set(one["text"]) == {"b", *ends}
    (one,) = answer("sample", name, "--bias", "\n=100", "--length", "30", "--seed", "1")
    assert set(one["text"]) <= ends


def test_a_bias_of_cr_alone_stands(answer: Answer) -> None:
    for order in (["\n=100", "\r=-100"], ["\r=-100", "\n=100"]):
        (one,) = answer("sample", "crlf", *(part for bias in order for part in ("--bias", bias)), "--length", "9")
        assert set(one["text"]) == {"\n"}


@every_kind
def test_a_pattern_is_looked_for_in_lines(answer: Answer, name: str) -> None:
    (one,) = answer("sample", name, "--require", r"(?m)^[abc]?$\n", "--tries", "200", "--seed", "1", "--length", "200",
                    "--allow", "abc\n")  # fmt: skip
    assert re.search(r"(?m)^[abc]?$\n", LineEnds(KINDS[name]).as_newlines(one["text"]))


def test_a_pattern_that_names_cr_is_looked_for_in_the_text_as_it_is(answer: Answer) -> None:
    (one,) = answer("sample", "crlf", "--require", r"\r\n", "--tries", "200", "--seed", "1", "--length", "200")
    assert "\r\n" in one["text"]


@every_kind
def test_a_beam_ends_before_the_whole_line_end(answer: Answer, name: str) -> None:
    options = ["--beam", "4", "--stop", "\n", "--bias", "\n=9", "--prime", "ab", "--length", "12", "--min-length", "2"]
    (one,) = answer("sample", name, *options)
    (kept,) = answer("sample", name, *options, "--keep-stop")
    assert one["stop"] == kept["stop"] == "\n"
    assert kept["text"].startswith(one["text"])
    assert kept["text"].removeprefix(one["text"]) in ("\r\n", "\n", "\r")


def _evaluated(answer: Answer, name: str, kind: str) -> Any:
    (found,) = answer("eval", name, f"{kind}.txt", "--protocol", "stateful")
    return (found["stateful"]["nats"], found["stateful"]["chars"])


@pytest.mark.parametrize("name", ["lf", "crlf", "cr", "bytes"])
@pytest.mark.parametrize(
    "say",
    [
        _evaluated,
        lambda answer, name, kind: [{**one, "source": ""} for one in answer("score", name, f"{kind}.txt")[:8]],
        lambda answer, name, kind: answer("score", name, f"{kind}.txt", "--by", "document")[0]["text"],
        lambda answer, name, kind: [
            {**one, "source": ""}
            for one in answer("classify", f"{kind}.txt", "--model", f"a={name}", "--model", f"b={name}")[:8]
        ],
        lambda answer, name, kind: answer("inspect", name, f"{kind}.txt", "--length", "40")[0]["characters"],
        lambda answer, name, kind: answer("inspect", name, f"{kind}.txt", "--length", "300", "--find")[0]["features"],
        lambda answer, name, kind: answer("memory", name, f"{kind}.txt", "--places", "2")[0]["contexts"],
    ],
    ids=["eval", "score", "score a document", "classify", "inspect", "inspect --find", "memory"],
)
def test_a_text_is_the_same_whatever_ends_its_lines(
    answer: Answer, say: Callable[[Answer, str, str], object], name: str
) -> None:
    assert say(answer, name, "lf") == say(answer, name, "crlf") == say(answer, name, "cr")


def test_a_text_that_ends_its_lines_with_cr_has_lines(answer: Answer) -> None:
    for name in KINDS:
        found = answer("score", name, "cr.txt")[:5]
        assert [(one["line"], one["text"]) for one in found] == list(enumerate([*LINES, "ab"], 1))


@every_kind
def test_a_line_that_is_typed_in_play(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ab\\nc\n/set stop \\n\n\n/text\n")))
    assert main(["play", str(folder / name), "--seed", "1", "--set", "sample.length=9"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.decode().startswith(f"ab{KINDS[name][0]}c")
    assert b"can't occur" not in err


@pytest.mark.parametrize("name", ["lf", "crlf", "cr", "bytes"])
def test_what_is_copied_is_found_whatever_ends_the_lines(answer: Answer, folder: Path, name: str) -> None:
    (one,) = answer("sample", name, "--allow", "abc\n", "--seed", "3", "--length", "60")
    for newlines in ("\n", "\r\n", "\r"):
        text = re.sub(r"\r\n|\n|\r", newlines, LineEnds((KINDS[name][0],)).typed(one["text"]))
        (folder / "corpus").write_bytes(text.encode())
        (again,) = answer("sample", name, "--allow", "abc\n", "--seed", "3", "--length", "60", "--novelty", "corpus")
        least = max(map(len, re.split(r"[\r\n]+", one["text"])), default=0)
        assert again["novelty"]["longest"] >= least
        if "\r" not in one["text"].replace("\r\n", "") and "\n" not in one["text"].replace("\r\n", ""):
            assert again["novelty"]["longest"] == len(one["text"])
