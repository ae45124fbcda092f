"""A remedy in the words of the command that says it: it names an option which that command has, and helps there.

One mistake goes through several commands here; tests/test_remedies.py has a case for each place in the program.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import charlstm
from charlstm.cli import main
from charlstm.cli.wording import said
from charlstm.config import load_config
from charlstm.errors import Argument, CharlstmError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.text.vocabulary import CharVocabulary

NEWLINE = "a shell's way to write a newline is $'\\n'"
UNKNOWN = ["inspect", "score", "eval", "memory"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of some letters and a newline, and texts with one letter more and with a byte that is no UTF-8."""
    folder = tmp_path_factory.mktemp("remedies")
    config = load_config(None, ("model.embedding_size=8", "model.hidden_size=8", "sample.prime=ab", "sample.length=9"))
    vocabulary = CharVocabulary("abcdent\n")
    model = CharLSTM(vocabulary.size, config.model, torch.Generator().manual_seed(3))
    save_model(folder / "m", SavedModel(model, vocabulary, config, Facts(1, 1, 1)))
    (folder / "more").write_text("abc\u2605dent\n" * 300, encoding="utf-8")
    (folder / "bytes").write_bytes(b"abcdent\n" * 300 + "“bad”\n".encode() * 9 + b"\x81\n")
    (folder / "windows").write_bytes("“A bad tan,” he said – ‘a dent.’\n".encode("cp1252") * 100)
    return folder


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    monkeypatch.chdir(folder)
    capfd.readouterr()
    return main(arguments), capfd.readouterr().err


FOLLOWED = {
    "prime": (["sample", "m", "--prime", r"nd\n"], NEWLINE, ["sample", "m", "--prime", "nd\n"]),
    "ban": (["sample", "m", "--ban", r"\n"], NEWLINE, ["sample", "m", "--ban", "\n"]),
    "allow": (["sample", "m", "--allow", r"a\n"], NEWLINE, ["sample", "m", "--allow", "a\n"]),
    "bias": (["sample", "m", "--bias", r"\n=4"], NEWLINE, ["sample", "m", "--bias", "\n=4"]),
    "stop": (["sample", "m", "--stop", r"\n"], NEWLINE, ["sample", "m", "--stop", "\n"]),
    "prime of another kind": (
        ["sample", "m", "--prime", "ax"],
        "--unknown skip",
        ["sample", "m", "--prime", "ax", "--unknown", "skip"],
    ),
    "a tab": (["sample", "m", "--prime", r"a\t"], "a shell's way to write a tab is $'\\t'", []),
    "explain": (["explain", "m", r"ab\n"], NEWLINE, ["explain", "m", "ab\n"]),
    "explain another": (["explain", "m", "abx"], "--unknown skip", ["explain", "m", "abx", "--unknown", "skip"]),
    "compare": (["compare", "m", "m", "--prime", r"a\n"], NEWLINE, ["compare", "m", "m", "--prime", "a\n"]),
    "play": (["play", "m", "--set", r"sample.ban=\n"], NEWLINE, ["play", "m", "--set", "sample.ban=\n"]),
    **{
        f"{name} more": (
            [name, "m", "more", *(["--places", "2"] if name == "memory" else [])],
            "--unknown skip",
            [name, "m", "more", "--unknown", "skip", *(["--places", "2"] if name == "memory" else [])],
        )
        for name in UNKNOWN
    },
    **{
        f"{name} bytes": (
            [name, "m", "bytes", *(["--places", "2"] if name == "memory" else [])],
            "--errors replace",
            [name, "m", "bytes", "--errors", "replace", "--unknown", "skip", *(["--places", "2"] if name == "memory" else [])],
        )
        for name in UNKNOWN
    },
    "novelty bytes": (
        ["sample", "m", "--novelty", "bytes"],
        "--errors replace",
        ["sample", "m", "--novelty", "bytes", "--errors", "replace"],
    ),
    "novelty encoding": (
        ["sample", "m", "--novelty", "windows"],
        "--encoding cp1252",
        ["sample", "m", "--novelty", "windows", "--encoding", "cp1252"],
    ),
    "prime encoding": (
        ["sample", "m", "--prime-file", "windows", "--unknown", "skip"],
        "--encoding cp1252",
        ["sample", "m", "--prime-file", "windows", "--unknown", "skip", "--encoding", "cp1252"],
    ),
    "primes encoding": (
        ["sample", "m", "--primes", "windows", "--unknown", "skip"],
        "--encoding cp1252",
        ["sample", "m", "--primes", "windows", "--unknown", "skip", "--encoding", "cp1252"],
    ),
    "encoding of nothing": (
        ["sample", "m", "--encoding", "latin-1"],
        "--encoding does nothing without --novelty",
        ["sample", "m"],
    ),
}
"""A command line, what its message must name, and the command line that follows it."""


@pytest.mark.parametrize("case", FOLLOWED.values(), ids=FOLLOWED)
def test_a_remedy_is_one(
    case: tuple[list[str], str, list[str]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    wrong, remedy, right = case
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    code, err = call(folder, monkeypatch, capfd, *wrong)
    assert (code, err.count("\n")) == (0 if "--stop" in wrong else 2, 1)
    assert remedy in err
    if right:
        code, err = call(folder, monkeypatch, capfd, *right)
        assert code == 0
        assert "warning" not in err


@pytest.mark.parametrize("name", UNKNOWN)
def test_so_does_one_for_standard_input(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    more = ["--places", "2"] if name == "memory" else []
    for skip, code in (([], 2), (["--unknown", "skip"], 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "more").read_bytes())))
        assert call(folder, monkeypatch, capfd, name, "m", "-", *more, *skip)[0] == code


def test_what_was_skipped_is_said_of_a_prime_with_a_backslash(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, err = call(folder, monkeypatch, capfd, "sample", "m", "--prime", r"nd\n", "--unknown", "skip")
    assert (code, err) == (0, f"warning: of the prime 'nd\\\\n' the backslash was left out; {NEWLINE}\n")


def test_a_remedy_that_a_command_has_no_option_for_is_left_out() -> None:
    error = CharlstmError("it is so", remedy=("use ", Argument("unknown", "skip")))
    assert said(error) == said(error, {"--unknown"}) == "it is so: use --unknown skip"
    assert said(error, {"--json"}) == "it is so"
    coded = CharlstmError("it is so", remedy=("use ", Argument("encoding", "cp1252")))
    assert said(coded, {"--set"}) == "it is so: use --set data.encoding=cp1252"
    assert said(coded, {"--encoding", "--set"}) == "it is so: use --encoding cp1252"
    unit = CharlstmError("it is so", remedy=(Argument("data.unit", "byte"), " helps"))
    assert said(unit, {"--json"}) == "it is so"
    assert said(unit, {"--set"}) == "it is so: --set data.unit=byte helps"


def test_a_command_names_only_its_own_options(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A text for a training goes through what reads one for `eval`, and that has no `--unknown`."""
    for name, option in (("eval", "--encoding"), ("train", "--encoding"), ("tune", "--set data.encoding")):
        arguments = ["eval", "m", "windows"] if name == "eval" else [name, "windows"] if name == "train" else [name, "c"]
        (folder / "c").write_text('[data]\ntext = "windows"\n[tune]\n"model.dropout" = [0.1, 0.2]\n', encoding="utf-8")
        code, err = call(folder, monkeypatch, capfd, *arguments)
        assert code == 2
        if "Optuna" not in err:
            assert re.search(rf"{option}[ =]", err)


def test_in_python_too(folder: Path) -> None:
    model = charlstm.load(folder / "m")
    wrongs: list[Callable[[], str]] = [lambda: model.generate(r"a\n"), lambda: model.generate("a", ban=r"\n")]
    for wrong in wrongs:
        with pytest.raises(CharlstmError, match="way to write a newline"):
            wrong()
    with pytest.raises(CharlstmError, match="unknown='skip'"):
        model.evaluate(folder / "more")
    found = model.evaluate(folder / "more", unknown="skip")["stateful"]
    assert (found.skipped, found.chars) == (300, 300 * 8 - 1)
    assert model.evaluate(folder / "bytes", errors="ignore", unknown="skip")["stateful"].skipped == 18
    assert model.memory(folder / "more", places=2, unknown="skip").places == 2
    assert model.completions(novelty=folder / "bytes", encoding="latin-1", length=5)


def test_eval_says_how_many_characters_were_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["eval", "m", "more", "--unknown", "skip", "--json"]) == 0
    out, err = capfd.readouterr()
    assert {(one["chars"], one["skipped"]) for one in json.loads(out).values()} == {(300 * 8 - 1, 300)}
    assert err == ("left out: 300 of the text's 2,700 characters, which the model never saw; losses are over the others\n")
    (folder / "less").write_text("abcdent\n" * 300, encoding="utf-8")
    assert main(["eval", "m", "less", "--json"]) == 0
    plain, skipped = json.loads(capfd.readouterr().out), json.loads(out)
    for name, one in plain.items():
        assert "skipped" not in one
        assert one["nats"] == skipped[name]["nats"]
        assert one["bpc"] == skipped[name]["bpc"]
