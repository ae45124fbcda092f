"""A model reads another text in one way, whichever command gives it to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from charlstm.cli import main
from charlstm.config import Config, DataConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.sampling.novelty import index_corpus
from charlstm.text.vocabulary import CharVocabulary

TEXT = "one green\r\nbottle\ron the wall\r\n" * 60
Answer = Callable[..., list[Any]]


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """What a command says in JSON, an object a line; or all of it as one."""

    def run(*arguments: object) -> list[Any]:
        assert main(list(map(str, arguments))) == 0
        out = capsys.readouterr().out
        try:
            return [json.loads(out)]
        except ValueError:
            return [json.loads(line) for line in out.splitlines()]

    return run


def model(place: Path, newlines: Literal["keep", "lf"], make_model: Callable[..., CharLSTM]) -> Path:
    """A model of the characters that it meets, or would, in that text."""
    vocabulary = CharVocabulary(TEXT if newlines == "keep" else TEXT.replace("\r", ""))
    config = Config(data=DataConfig(newlines=newlines))
    network = make_model(vocabulary.size)
    config = config.model_copy(update={"model": network.config})
    save_model(place, SavedModel(network, vocabulary, config, Facts(1, 1, 1)))
    return place


@pytest.mark.parametrize(("newlines", "asked"), [("lf", None), ("keep", None), ("keep", "lf")])
def test_all_commands_read_a_text_alike(
    tmp_path: Path, make_model: Callable[..., CharLSTM], answer: Answer, newlines: Literal["keep", "lf"], asked: str | None
) -> None:
    """By the length of what they read, and by what it costs or by its characters where they say so."""
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    flags = ["--newlines", asked] if asked else []
    one, text = model(tmp_path / "m", newlines, make_model), tmp_path / "a.txt"
    read = TEXT if (asked or newlines) == "keep" else TEXT.replace("\r\n", "\n").replace("\r", "\n")

    [scored] = answer("score", one, text, "--by", "document", "--json", *flags)
    assert (scored["text"], scored["chars"]) == (read, len(read)), "each follows a newline"
    [judged] = answer("classify", text, "--model", f"a={one}", "--model", f"b={one}", "--by", "document", "--json", *flags)
    assert (judged["text"], judged["chars"]) == (read, len(read))
    assert judged["nats"]["a"] == pytest.approx(scored["nats"] * len(read), rel=1e-5)
    [evaluated] = answer("eval", one, text, "--protocol", "stateful", "--json", *flags)
    assert evaluated["stateful"]["chars"] == len(read) - 1, "the first is only read"
    [inspected] = answer("inspect", one, text, "--json", *flags)
    assert "".join(symbol["character"] for symbol in inspected["characters"]) == read
    [measured] = answer("memory", one, text, "--places", "2", "--json", *flags)
    assert measured["characters"] == len(read)
    lines = answer("score", one, text, "--json", *flags)
    assert [line["text"] for line in lines] == [line.removesuffix("\r") for line in read.split("\n")[:-1]]


@pytest.mark.parametrize("newlines", ["lf", "keep"])
def test_so_is_a_text_in_an_argument(
    tmp_path: Path, make_model: Callable[..., CharLSTM], answer: Answer, newlines: Literal["keep", "lf"]
) -> None:
    one = model(tmp_path / "m", newlines, make_model)
    [explained] = answer("explain", one, "green\r\non", "--json")
    assert "".join(explained["text"]) == ("green\r\non" if newlines == "keep" else "green\non")


def test_so_is_a_corpus_that_texts_are_compared_with(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    vocabulary = CharVocabulary(TEXT)
    for trained, copied in ((DataConfig(newlines="lf"), "green\nbottle\non"), (DataConfig(), "green\r\nbottle\ron")):
        index = index_corpus([str(tmp_path / "a.txt")], trained, vocabulary)
        assert index.measure(copied).longest == len(copied)


def test_models_that_read_line_ends_differently_are_given_one_text(
    tmp_path: Path, make_model: Callable[..., CharLSTM], answer: Answer
) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    lf, keep = model(tmp_path / "lf", "lf", make_model), model(tmp_path / "keep", "keep", make_model)
    for first, second in ((lf, keep), (keep, lf)):
        [judged] = answer(
            "classify", tmp_path / "a.txt", "--model", f"a={first}", "--model", f"b={second}", "--by", "document", "--json"
        )
        assert "\r" not in judged["text"]
