"""Errors carry their parts as values, the core names no flag, and each side words them in its own way."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm import errors
from charlstm.asked import ask
from charlstm.cli.wording import said
from charlstm.commands.common import require_neuron
from charlstm.commands.outputs import require_place
from charlstm.commands.train import start_run
from charlstm.config import Config, DataConfig, ModelConfig, load_config
from charlstm.errors import Argument, CharlstmError
from charlstm.model.device import find_device
from charlstm.model.shapes import refuse_too_large
from charlstm.runs.claiming import newest_run
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import Inputs
from charlstm.text.corpus import read_corpus
from charlstm.text.counting import choose_vocabulary
from charlstm.text.excerpts import read_excerpt
from charlstm.text.vocabulary import CharVocabulary
from charlstm.training.finetune import settle
from charlstm.training.resume import refuse_another
from charlstm.tuning.space import read_space

PACKAGE = Path(errors.__file__).parent
OTHERS = ("cli", "commands", "views")
CORE = [file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).parts[0] not in OTHERS]
FLAG = re.compile(r"(?<![\w-])--[a-z]")
COMMAND = re.compile(r"charlstm \w+ --[\w-]+")
"""One that is named whole, to be typed into a shell: it helps those too who work elsewhere."""


def flags(tree: ast.AST) -> Iterator[ast.Constant]:
    """The texts in a program that name a flag, those of f-strings too, but not its docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    for node in texts:
        if id(node) not in docstrings and FLAG.search(COMMAND.sub("", str(node.value))):
            yield node


@pytest.mark.parametrize("file", CORE, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_the_core_names_no_flag(file: Path) -> None:
    found = [f"line {node.lineno}: {node.value!r}" for node in flags(ast.parse(file.read_text(encoding="utf-8")))]
    assert not found


def test_a_flag_would_be_found() -> None:
    named = 'raise E(f"{x}: try " "--set")\ny = f"--run {x}"\nz = "charlstm train --run x --set"'
    others = '"""Of --set."""\nx = "a--b"\n"""For --set."""\ny = "charlstm train --run x"'
    assert {node.value for node in flags(ast.parse(named))} == {": try --set", "--run ", "charlstm train --run x --set"}
    assert not list(flags(ast.parse(others)))


def kinds(kind: type[CharlstmError] = CharlstmError) -> Iterator[type[CharlstmError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def test_the_table_of_kinds_is_true() -> None:
    rows = re.findall(r"^\| (`.*`) \| .* \| (\d) \|$", errors.__doc__ or "", re.MULTILINE)
    documented = {name: int(code) for names, code in rows for name in re.findall(r"`(\w+)`", names)}
    assert documented == {kind.__name__: kind.exit_code for kind in kinds() if kind.__module__ == errors.__name__}


@dataclass(frozen=True)
class Case:
    """Something wrong, and the error that it must give: its key, its value, and its line for either side."""

    do: Callable[[Path], object]
    key: str | None
    value: object
    in_python: str
    on_command_line: str | None = None
    """None where it is the same."""


def read_part(begin: int) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / "a.txt").write_text("abcx", encoding="utf-8")
        return read_excerpt([str(folder / "a.txt")], DataConfig(), CharVocabulary("abcx" if begin else "abc"), begin, 3)

    return read


def read_latin(folder: Path) -> object:
    (folder / "a.txt").write_bytes(b"caf\xe9 au lait")
    return read_corpus([str(folder / "a.txt")])


def hold_a_run(folder: Path) -> None:
    RunFolder(folder).write_config(Config())
    RunFolder(folder).refuse_held(overwrite=False)


def search(table: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / "c.toml").write_text(f"[tune]\n{table}\n", encoding="utf-8")
        return read_space(folder / "c.toml", (), Config())

    return read


def begin_without_a_model(_: Path) -> object:
    nothing = {"run": None, "overwrite": False, "model": None, "device": "cpu", "dry_run": True}
    return start_run((), None, (), {}, extend=True, **nothing)  # type: ignore[arg-type]


MANY = {chr(0x4E00 + i): 1 for i in range(5)}
LARGE = ModelConfig(embedding_size=8192, hidden_size=8192, num_layers=16)
CASES = {
    "no device": Case(
        lambda _: find_device("tpu"),
        "device",
        "tpu",
        "device='tpu': expected auto, cpu, cuda, mps, or the number of a GPU, such as cuda:1",
        "--device tpu: expected auto, cpu, cuda, mps, or the number of a GPU, such as cuda:1",
    ),
    "a setting out of range": Case(
        lambda _: load_config(None, ["train.epochs=0"]),
        "train.epochs",
        0,
        "train.epochs = 0: expected a whole number at least 1, at most 1000000",
    ),
    "an encoding": Case(
        lambda _: load_config(None, data={"encoding": "latin1x"}),
        "data.encoding",
        "latin1x",
        "data.encoding = 'latin1x': no such encoding of texts; did you mean latin_1? try utf-8, latin-1 or cp1252",
    ),
    "an unknown setting": Case(
        lambda _: load_config(None, track={"curve": True}),
        "track.curve",
        True,
        "track.curve = True: no such key; did you mean track.curves? allowed in [track]: curves, tensorboard, service",
    ),
    "a contradiction": Case(
        lambda _: load_config(None, sample={"length": 3, "min_length": 5}),
        "sample.min_length",
        5,
        "sample.min_length = 5: more than sample.length = 3",
    ),
    "rare bytes": Case(
        lambda _: load_config(None, ["data.unit=byte", "data.min_count=2"]),
        "data.min_count",
        2,
        "data.min_count = 2: bytes are never rare; leave it at 1, or have data.unit='char'",
        "data.min_count = 2: bytes are never rare; leave it at 1, or have --set data.unit=char",
    ),
    "an assignment": Case(
        lambda _: load_config(None, ["train.epochs"]),
        "set",
        "train.epochs",
        "set='train.epochs': expected SECTION.KEY=VALUE, such as train.epochs=3",
        "--set train.epochs: expected SECTION.KEY=VALUE, such as train.epochs=3",
    ),
    "unknown characters": Case(
        read_part(0),
        None,
        ...,
        "the text has characters that are not in the model's vocabulary: 'x' (U+0078); "
        "unknown='skip' leaves such characters out",
        "the text has characters that are not in the model's vocabulary: 'x' (U+0078); "
        "--unknown skip leaves such characters out",
    ),
    "a part beyond the end": Case(
        read_part(9),
        "begin",
        9,
        "begin=9: the text has 4 characters, counted from 0, and at least 2 must follow",
        "--from 9: the text has 4 characters, counted from 0, and at least 2 must follow",
    ),
    "bytes of another encoding": Case(
        read_latin,
        None,
        ...,
        "a.txt is not UTF-8: byte 0xe9 at offset 3; name its encoding (probably encoding='cp1252')",
        "a.txt is not UTF-8: byte 0xe9 at offset 3; name its encoding (probably --encoding cp1252)",
    ),
    "too many characters": Case(
        lambda _: choose_vocabulary(MANY, DataConfig()),
        None,
        ...,
        "the text has 5 different characters; the most is 4: data.unit='byte' needs only 256, "
        "data.min_count=2 leaves out rare ones",
        "the text has 5 different characters; the most is 4: --set data.unit=byte needs only 256, "
        "--set data.min_count=2 leaves out rare ones",
    ),
    "a run that is there": Case(
        hold_a_run,
        None,
        ...,
        "FOLDER holds a run already: resume=True continues it, overwrite=True replaces it, another run spares it",
        "FOLDER holds a run already: --resume continues it, --overwrite replaces it, another --run spares it",
    ),
    "no run": Case(
        newest_run,
        None,
        ...,
        "no run to resume in FOLDER: name its folder with run",
        "no run to resume in FOLDER: name its folder with --run",
    ),
    "another model": Case(
        lambda _: refuse_another(Config(), load_config(None, ["model.hidden_size=3"])),
        "model.hidden_size",
        3,
        "model.hidden_size = 3: it is 512 in this run and can't become another; start a new run for that",
    ),
    "rare characters of a vocabulary that stays": Case(
        lambda _: settle(ask(None, ["data.min_count=3"]), Config(), extend=False),
        "data.min_count",
        3,
        "data.min_count = 3: it chooses among new characters, and without extend_vocabulary=True there are none",
        "data.min_count = 3: it chooses among new characters, and without --extend-vocabulary there are none",
    ),
    "a choice that can't be": Case(
        search('"model.dropout" = [0.1, 3]'),
        "model.dropout",
        3,
        "[tune] model.dropout = 3: expected a number at least 0, below 1",
    ),
    "a model too large": Case(
        lambda _: refuse_too_large(65, LARGE),
        None,
        ...,
        "a model of 8,592,048,193 parameters for 65 symbols: at most 1,073,741,824 are possible; "
        "lower model.hidden_size, model.num_layers or model.embedding_size",
    ),
    "no such neuron": Case(
        lambda _: require_neuron(2, 0, ModelConfig()),
        "neuron",
        "2:0",
        "neuron='2:0': there is no layer 2; the model has 2 layers, counted from 0",
        "--neuron 2:0: there is no layer 2; the model has 2 layers, counted from 0",
    ),
    "no such place": Case(
        lambda _: require_place("html", Path("no where/a.html"), Inputs()),
        "html",
        "no where/a.html",
        "html='no where/a.html': there is no folder 'no where'",
        "--html 'no where/a.html': there is no folder 'no where'",
    ),
    "no model to begin with": Case(
        begin_without_a_model,
        "extend_vocabulary",
        True,
        "extend_vocabulary=True: it needs a trained model; name one with begin",
        "--extend-vocabulary: it needs a trained model; name one with --from",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_parts_of_an_error_and_its_line_for_either_side(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.text.counting.MAX_SYMBOLS", 4)
    with pytest.raises(CharlstmError) as raised:
        case.do(tmp_path)
    error = raised.value
    assert (error.key, error.value) == (case.key, case.value)

    def bare(line: str) -> str:
        return line.replace(f"{tmp_path}/", "").replace(str(tmp_path), "FOLDER")

    assert bare(str(error)) == case.in_python
    assert bare(said(error)) == (case.on_command_line or case.in_python)


VALUES = st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.text(), max_size=3), st.just(...))


@given(st.sampled_from(["tries", "train.epochs", "text", None]), VALUES, VALUES, st.booleans())
def test_a_message_is_one_line_whatever_the_values(key: str | None, value: object, other: object, helps: bool) -> None:
    remedy = ("try ", Argument("sample.stop", other), " or ", Argument("begin", other)) if helps else ""
    error = CharlstmError("it can't be", key=key, value=value, remedy=remedy)
    for line in (str(error), said(error)):
        assert line.isprintable()
        assert line.count("it can't be") == 1
        assert len(line) < 500


def test_a_remedy_is_joined_by_the_sign_that_is_free() -> None:
    assert str(CharlstmError("wrong", remedy="mend it")) == "wrong: mend it"
    assert str(CharlstmError("wrong", key="tries", value=0, remedy="mend it")) == "tries=0: wrong; mend it"
    assert str(CharlstmError("wrong", where="a.toml: ", remedy="mend it")) == "a.toml: wrong; mend it"
