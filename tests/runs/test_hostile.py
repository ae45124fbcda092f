"""Files that a stranger made: each is refused in one line and at once, or is the model that it says."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
import re
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from charlstm.config import Config, ModelConfig, load_config
from charlstm.errors import ModelError, SaveError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts, read_tensors, write_tensors
from charlstm.runs.saved_model import SavedModel, load_model, save_model
from charlstm.runs.tensor_header import MAX_HEADER
from charlstm.text.vocabulary import CharVocabulary

SETTINGS = ModelConfig(embedding_size=2, hidden_size=3, num_layers=2)
TYPES = {"F32": "float32", "U8": "uint8", "F64": "float64", "F16": "float16", "I32": "int32"}


@dataclass
class Forgery:
    """A model file made by hand: whole and valid until someone changes a part. Its SHA-256 always fits what it says."""

    about: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]
    dtypes: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps(self.about)

    def entries(self) -> dict[str, Any]:
        entries, place = {}, 0
        for name, array in self.arrays.items():
            offsets = [place, place + array.nbytes]
            entries[name] = {"dtype": self.dtypes.get(name, "F32"), "shape": list(array.shape), "data_offsets": offsets}
            place += array.nbytes
        return entries

    def digest(self, text: str) -> str:
        sha = hashlib.sha256(text.encode())
        for name in sorted(self.arrays):
            kind = TYPES[self.dtypes.get(name, "F32")]
            sha.update(f"\0{name}\0torch.{kind}\0{self.arrays[name].shape}\0".encode() + self.arrays[name].tobytes())
        return sha.hexdigest()

    def data(self) -> bytes:
        return b"".join(array.tobytes() for array in self.arrays.values())

    def header(self, text: str | None = None) -> dict[str, Any]:
        text = self.text() if text is None else text
        return {"__metadata__": {"charlstm": f"{self.digest(text)} {text}"}, **self.entries()}

    def file(self) -> bytes:
        return pack(self.header(), self.data())


def pack(header: object, data: bytes = b"") -> bytes:
    """A file with this header: bytes as they are, anything else as JSON."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def forgery() -> Forgery:
    model = CharLSTM(4, SETTINGS, torch.Generator().manual_seed(5))
    about = {
        "format_version": 1,
        "config": load_config(None, model=SETTINGS.model_dump()).model_dump(mode="json", exclude={"data": {"text"}}),
        "vocabulary": {"unit": "char", "symbols": "abcé"},
        "facts": asdict(Facts(3, 1, 99, 2.5, 2.25)),
    }
    return Forgery(about, {name: p.detach().numpy().copy() for name, p in model.state_dict().items()})


def load_or_refuse(file: Path, data: bytes) -> SavedModel | str:
    """The model in a file of these bytes, or why it was refused. Whatever the bytes are, nothing else may come of it."""
    file.write_bytes(data)
    begin = time.process_time()  # which other work on the machine does not lengthen
    try:
        return load_model(file)
    except ModelError as error:
        reason = str(error)
    assert time.process_time() - begin < 1
    assert reason.isprintable(), "one line"
    assert len(reason) < 1000
    assert str(file) in reason
    return reason


def is_same(one: SavedModel, other: SavedModel) -> bool:
    weights, others = one.model.state_dict(), other.model.state_dict()
    return (one.vocabulary, one.config, one.facts) == (other.vocabulary, other.config, other.facts) and all(
        torch.equal(weights[name], others[name]) for name in [*weights, *others]
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    saved = load_or_refuse(tmp_path_factory.mktemp("hostile") / "original.safetensors", forgery().file())
    assert isinstance(saved, SavedModel)
    return saved


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "m.safetensors"


def test_the_forger_can_write_a_valid_file(original: SavedModel) -> None:
    ids = torch.randint(4, (9, 2))
    reference = CharLSTM(4, SETTINGS, torch.Generator().manual_seed(5)).eval()
    assert torch.equal(original.model(ids)[0], reference(ids)[0])


# What is wrong with the bytes: name -> (how the file is made, what the refusal says).

HEAD = pack(forgery().header())[8:]
RAW: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "header length"),
    "seven bytes": (b"\x02" + b"\0" * 6, "header length"),
    "no header": (b"\0" * 8, "header length of 0"),
    "huge header length": (b"\xff" * 8 + b"{}", "header length of 18,446,744,073,709,551,615"),
    "header longer than the file": ((1000).to_bytes(8, "little") + b"{}", "at most 2 are possible"),
    "header over 1 MB": (pack(b" " * (MAX_HEADER + 1)), "at most 1,048,576"),
    "header cut short": (forgery().file()[:200], "header length"),
    "text": (b"hello, this is not a model at all", "header length"),
    "bad JSON": (pack(b'{"a": }'), "not valid JSON"),
    "no object": (pack(b"[1, 2, 3]"), "not a JSON object"),
    "two objects": (pack(b"{}{}"), "not valid JSON"),
    "not UTF-8": (pack(b'{"a\xff": 3}'), "not UTF-8 (offset 3)"),
    "UTF-16": (pack('{"a": 3}'.encode("utf-16")), "not a JSON object"),
    "deeply nested": (pack(b'{"a":' * 200_000), "not valid JSON"),
    "deeply nested lists": (pack(b'{"a":' + b"[" * 1_000_000), "not valid JSON"),
    "a number of a million digits": (pack(b'{"a":' + b"9" * 1_000_000 + b"}"), "not valid JSON"),
    "NaN": (pack(b'{"a": NaN}'), "NaN is not a number"),
    "another's file": (pack({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"1234"), "not one of charlstm's"),
    "metadata without the key": (pack({"__metadata__": {"format": "pt"}}), "not one of charlstm's"),
    "metadata of another type": (pack({"__metadata__": [1]}), "not one of charlstm's"),
    "metadata that is a number": (pack({"__metadata__": {"charlstm": 3}}), "not a SHA-256"),
    "metadata without a digest": (pack({"__metadata__": {"charlstm": "{}"}}), "not a SHA-256"),
    "metadata key twice": (pack(HEAD.replace(b'{"charlstm"', b'{"charlstm": "x", "charlstm"')), "'charlstm' twice"),
    "tensor name twice": (pack(HEAD[:-1] + b', "head.bias": 3}'), "'head.bias' twice"),
    "entry key twice": (pack(HEAD.replace(b'{"dtype"', b'{"dtype": "F32", "dtype"')), "'dtype' twice"),
    "10,000 tensors": (
        pack(
            {**forgery().header(), **{f"t{i}": {"dtype": "U8", "shape": [], "data_offsets": [i, i + 1]} for i in range(10_000)}}
        ),
        "does not begin where",
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_model_file(scratch: Path, name: str) -> None:
    data, reason = RAW[name]
    refusal = load_or_refuse(scratch, data)
    assert isinstance(refusal, str)
    assert reason in refusal


def test_200_000_tensors(scratch: Path) -> None:
    header = {f"t{i}": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(200_000)}
    assert "at most 1,048,576" in str(load_or_refuse(scratch, pack(header, b"x" * 200_000)))


ENTRY = "head.bias"
"""The last tensor: 4 numbers, 16 bytes, up to the end of the file."""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": [5]}, "does not take the bytes"),
        ({"shape": [2**62 + 1]}, "does not take the bytes"),  # 4 modulo 2**64, counted in bytes
        ({"shape": [2**32, 2**32, 4]}, "does not take the bytes"),
        ({"shape": [0, 2**62]}, "each from 1"),
        ({"shape": [-2, -2]}, "each from 1"),
        ({"shape": [4.0]}, "each from 1"),
        ({"shape": [True, 4]}, "each from 1"),
        ({"shape": [1] * 100_000 + [4]}, "at most four sizes"),
        ({"shape": "4"}, "at most four sizes"),
        ({"shape": [2, 2]}, "expected F32 (4,)"),
        ({"shape": [4, 1]}, "expected F32 (4,)"),
        ({"dtype": "F64"}, "expected F32 or U8"),
        ({"dtype": "F32\n"}, "expected F32 or U8"),
        ({"dtype": None}, "expected F32 or U8"),
        ({"dtype": ["F32"]}, "expected F32 or U8"),
        ({"dtype": "U8", "shape": [16]}, "is U8 (16,), expected F32 (4,)"),
        ({"more": 1}, "with the keys dtype, shape, data_offsets"),
        ({"shift": [-4, -4]}, "does not begin where"),
        ({"shift": [4, 4]}, "does not begin where"),
        ({"shift": [-(10**6), -(10**6)]}, "expected two whole numbers"),
        ({"shift": [0.0, 0.0]}, "expected two whole numbers"),
        ({"data_offsets": [False, True]}, "expected two whole numbers"),
        ({"data_offsets": [0]}, "expected two whole numbers"),
        ({"data_offsets": [10**400, 10**400 + 16]}, "does not begin where"),
        ({"data_offsets": {"begin": 0}}, "expected two whole numbers"),
    ],
    ids=str,
)
def test_lies_about_a_tensor(scratch: Path, change: dict[str, Any], reason: str) -> None:
    forged = forgery()
    header = forged.header()
    shift = change.pop("shift", [0, 0]) if "shift" in change else [0, 0]
    entry = header[ENTRY]
    entry["data_offsets"] = [place + by for place, by in zip(entry["data_offsets"], shift, strict=True)]
    entry.update(change)
    refusal = load_or_refuse(scratch, pack(header, forged.data()))
    assert isinstance(refusal, str)
    assert reason in refusal


def test_holes_overlaps_and_bytes_left_over(scratch: Path) -> None:
    forged = forgery()
    header, data = forged.header(), forged.data()
    for more, reason in [(b"\0", "bytes, but"), (b"\0" * 4096, "bytes, but")]:
        assert reason in str(load_or_refuse(scratch, pack(header, data + more)))
    assert "bytes, but" in str(load_or_refuse(scratch, pack(header, data[:-1])))
    both = copy.deepcopy(header)  # two tensors of the same shape on the same bytes
    both["lstm.bias_hh_l0"]["data_offsets"] = both["lstm.bias_ih_l0"]["data_offsets"]
    assert "does not begin where" in str(load_or_refuse(scratch, pack(both, data)))
    late = copy.deepcopy(header)  # all of them after a hole that nobody would see
    for name in forged.arrays:
        late[name]["data_offsets"] = [place + 8 for place in late[name]["data_offsets"]]
    assert "does not begin where" in str(load_or_refuse(scratch, pack(late, b"PAYLOAD!" + data)))


def test_a_sparse_file_of_a_terabyte_is_refused_before_it_is_read(scratch: Path) -> None:
    header = {**forgery().header(), ENTRY: {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}
    for name in forgery().arrays.keys() - {ENTRY}:
        del header[name]
    raw = pack(header)
    scratch.write_bytes(raw)
    os.truncate(scratch, len(raw) + 2**40)
    begin = time.process_time()  # which other work on the machine does not lengthen
    with pytest.raises(ModelError, match="is missing"):
        load_model(scratch)
    assert time.process_time() - begin < 1
    scratch.unlink()


def changed(path: str, value: object) -> Callable[[Forgery], None]:
    """Put a value under a dotted path of what the file says about its model."""

    def change(forged: Forgery) -> None:
        *parents, last = path.split(".")
        place = forged.about
        for key in parents:
            place = place[key]
        place[last] = value

    return change


def without(path: str) -> Callable[[Forgery], None]:
    def change(forged: Forgery) -> None:
        *parents, last = path.split(".")
        place = forged.about
        for key in parents:
            place = place[key]
        del place[last]

    return change


def with_weight(value: float) -> Callable[[Forgery], None]:
    def change(forged: Forgery) -> None:
        forged.arrays["lstm.weight_hh_l1"][2, 1] = value

    return change


def with_tensor(name: str) -> Callable[[Forgery], None]:
    def change(forged: Forgery) -> None:
        forged.arrays[name] = np.zeros((2, 2), dtype=np.float32)

    return change


def _missing(forged: Forgery) -> None:
    del forged.arrays["lstm.weight_hh_l1"]


def _bytes(forged: Forgery) -> None:
    forged.arrays["head.bias"] = forged.arrays["head.bias"].view(np.uint8)
    forged.dtypes["head.bias"] = "U8"


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG: list[tuple[Callable[[Forgery], None], str]] = [
    (changed("format_version", 2), "format version 2, expected 1"),
    (changed("format_version", True), "format version True"),
    (changed("format_version", 1.0), "format version 1.0"),
    (changed("format_version", "1" * 10_000), "format version '111"),
    (without("format_version"), "format version None"),
    (changed("code", "import os"), "and no others"),
    (without("facts"), "with the keys"),
    (changed("config", 3), "expected the sections"),
    (changed("config", None), "expected the sections"),
    (changed("config.extra", 3), "extra"),
    (changed("config.a\nb\x1b[31m", 3), "no such section"),
    (changed("config.model.extra", 3), "model.extra"),
    (changed("config.model.\ud800", 3), "model = "),
    (changed("config.model.hidden_size", 0), "at least 1"),
    (changed("config.model.hidden_size", -(10**4000)), "at least 1"),
    (changed("config.model.hidden_size", 10**4000), "at most 8192"),
    (changed("config.model.hidden_size", True), "a whole number"),
    (changed("config.model.hidden_size", 3.0), "a whole number"),
    (changed("config.model.hidden_size", _nested(300)), "a whole number"),
    (changed("config.model.dropout", 1e300), "below 1"),
    (changed("config.sample.prime", "\ud800"), "sample.prime"),
    (changed("config.data.unit", "word"), "'char' or 'byte'"),
    (changed("config.model", {"embedding_size": 2, "hidden_size": 8192, "num_layers": 16}), "parameters"),
    (changed("config.model.hidden_size", 4), "expected F32"),
    (changed("config.model.num_layers", 1), "does not belong"),
    (changed("config.model.num_layers", 3), "is missing"),
    (changed("config.model.embedding_size", 0), "lstm.weight_ih_l0"),
    (changed("vocabulary", None), "vocabulary"),
    (changed("vocabulary", "abcé"), "vocabulary"),
    (changed("vocabulary.symbols", "abc"), "expected F32 (3, 2)"),
    (changed("vocabulary.symbols", "abcdé"), "expected F32 (5, 2)"),
    (changed("vocabulary.symbols", "bacé"), "not sorted"),
    (changed("vocabulary.symbols", "aabc"), "occur twice"),
    (changed("vocabulary.symbols", ["a", "b", "c", "é"]), "vocabulary"),
    (changed("vocabulary.symbols", ""), "vocabulary"),
    (changed("vocabulary.more", 3), "vocabulary"),
    (changed("vocabulary", {"unit": "byte"}), "expected F32 (256, 2)"),
    (changed("vocabulary", {"unit": "byte", "symbols": "abcé"}), "vocabulary"),
    (changed("vocabulary.symbols", "".join(map(chr, range(0x4E00, 0x9000)))), "expected F32 (16896, 2)"),
    (changed("facts", []), "facts"),
    (changed("facts.path", "/home/someone"), "and no others"),
    (without("facts.epoch"), "facts"),
    (changed("facts.step", "3"), "step = '3'"),
    (changed("facts.step", -1), "step = -1"),
    (changed("facts.step", 3.0), "step = 3.0"),
    (changed("facts.step", False), "step = False"),
    (changed("facts.characters", 2**63), "characters = 9223372036854775808"),
    (changed("facts.validation_loss", -0.5), "validation_loss = -0.5"),
    (changed("facts.validation_loss", "low"), "validation_loss = 'low'"),
    (changed("facts.train_loss", float("nan")), "NaN is not a number"),
    (changed("facts.train_loss", float("inf")), "Infinity is not a number"),
    (with_weight(float("nan")), "lstm.weight_hh_l1 has numbers that are infinite"),
    (with_weight(float("-inf")), "lstm.weight_hh_l1 has numbers that are infinite"),
    (with_tensor("extra"), "'extra' does not belong"),
    (with_tensor("a\nb\x1b]0;title\x07"), "does not belong"),
    (with_tensor("lstm.weight_hh_l2"), "does not belong"),
    (_missing, "lstm.weight_hh_l1 is missing"),
    (_bytes, "is U8 (16,), expected F32 (4,)"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG, ids=[f"{i}-{r[:24]}" for i, (_, r) in enumerate(WRONG)])
def test_whole_files_that_say_what_is_not_so(scratch: Path, change: Callable[[Forgery], None], reason: str) -> None:
    forged = forgery()
    change(forged)
    refusal = load_or_refuse(scratch, forged.file())
    assert isinstance(refusal, str)
    assert reason in refusal


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"epoch": 1', '"epoch": 1, "epoch": 2', "'epoch' twice"),
        ('"config": {', '"config": {}, "config": {', "'config' twice"),
        ('"epoch": 1', '"epoch": 1' + "0" * 5000, "not valid JSON"),
        ('"train_loss": 2.5', '"train_loss": 1e999', "train_loss = inf"),
        ('"train_loss": 2.5', '"train_loss": ' + "[" * 100_000, "not valid JSON"),
        ('"hidden_size": 3', '"hidden_size": ' + "[" * 900 + "]" * 900, ""),
        ('"format_version"', "format_version", "not valid JSON"),
        ('{"format_version"', '[{"format_version"', "not valid JSON"),
    ],
    ids=lambda part: part[:30],
)
def test_the_inner_json_is_no_better_believed(scratch: Path, old: str, new: str, reason: str) -> None:
    forged = forgery()
    assert old in forged.text()
    text = forged.text().replace(old, new, 1)
    refusal = load_or_refuse(scratch, pack(forged.header(text), forged.data()))
    assert isinstance(refusal, str)
    assert reason in refusal


def test_lone_surrogates_in_the_header_are_no_way_in(scratch: Path) -> None:
    """In the outer JSON they stand for themselves and can't be hashed; in the inner JSON an escape stays an escape."""
    header, data = forgery().header(), forgery().data()
    text = header["__metadata__"]["charlstm"]
    vocabulary = copy.deepcopy(header)
    vocabulary["__metadata__"]["charlstm"] = text.replace(r"abc\u00e9", "abc\ud800")
    assert "lone surrogate" in str(load_or_refuse(scratch, pack(vocabulary, data)))
    name = {key.replace("head.bias", "head.\udfff"): value for key, value in header.items()}
    assert "lone surrogate" in str(load_or_refuse(scratch, pack(name, data)))
    with pytest.raises(ModelError, match="lone surrogate"):
        read_tensors(scratch)


def test_pickles_are_never_opened(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os._exit, ("boom",)

    for new in (True, False):
        torch.save({"model": Bomb()}, scratch, _use_new_zipfile_serialization=new)
        assert "not a model file" in str(load_or_refuse(scratch, scratch.read_bytes()))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/stdin")):
        for read in (load_model, read_tensors):
            with pytest.raises(ModelError):
                read(path)
    with pytest.raises(ModelError, match="no regular file"):
        load_model(Path("/dev/zero"))
    with pytest.raises(ModelError, match="can't be read"):
        read_tensors(tmp_path)


def test_a_saved_model_says_nothing_about_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": "/home/zaphod", "USER": "zaphod", "LOGNAME": "zaphod", "USERNAME": "zaphod"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(socket, "gethostname", lambda: "heartofgold")
    monkeypatch.setattr(platform, "node", lambda: "heartofgold")
    config = load_config(None, ["data.text=/home/zaphod/poems.txt", "sample.prime=O freddled"], model=SETTINGS.model_dump())
    save_model(tmp_path / "m", SavedModel(CharLSTM(2, SETTINGS), CharVocabulary("ab"), config, Facts(1, 1, 1)))
    raw = (tmp_path / "m").read_bytes()
    assert not re.search(rb"zaphod|heartofgold|poems", raw)
    assert str(Path(__file__).parent.parent).encode() not in raw
    about, _ = read_tensors(tmp_path / "m")
    found = set(re.findall(r': "((?:[^"\\]|\\.)*)"', json.dumps(about)))
    assert found == {"char", "utf-8", "strict", "keep", "none", r"\n", "table", "O freddled", "ab", "1 min", ""}


def vocabulary_of(symbols: str) -> SavedModel:
    settings = ModelConfig(embedding_size=1, hidden_size=1, num_layers=1)
    vocabulary = CharVocabulary(symbols)
    model = CharLSTM(vocabulary.size, settings, torch.Generator().manual_seed(0))
    return SavedModel(model, vocabulary, load_config(None, model=settings.model_dump()), Facts(1, 1, 1))


ESCAPED = "".join(map(chr, range(32))) + '"\\\x7f'
ASTRAL = "".join(map(chr, range(0x10000, 0x110000)))


def test_the_largest_vocabulary_fits(tmp_path: Path) -> None:
    saved = vocabulary_of(ESCAPED + ASTRAL[: 200_000 - len(ESCAPED)])
    assert saved.vocabulary.size == 200_000
    save_model(tmp_path / "m", saved)
    assert is_same(load_model(tmp_path / "m"), saved)


def test_a_header_that_would_not_be_believed_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"at most 1,048,576 are possible; .*data.unit='byte'"):
        save_model(tmp_path / "m", vocabulary_of(ASTRAL[: MAX_HEADER // 4]))
    assert list(tmp_path.iterdir()) == []


def test_lone_surrogates_are_kept(tmp_path: Path) -> None:
    saved = vocabulary_of("aé\udc80\udcff😀\\" + ESCAPED)
    save_model(tmp_path / "m", saved)
    assert is_same(load_model(tmp_path / "m"), saved)


tensors = st.builds(
    lambda shape, seed, dtype: (np.random.default_rng(seed).random(tuple(shape)) * 256).astype(dtype),
    st.lists(st.integers(1, 5), max_size=4),
    st.integers(0, 99),
    st.sampled_from(["float32", "uint8"]),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), tensors, max_size=5))
def test_reading_agrees_with_safetensors(scratch: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    write_tensors(scratch, {"a": ["é", 1.5, None]}, tensors)
    about, read = read_tensors(scratch)
    assert about == {"a": ["é", 1.5, None]}
    reference = load_file(scratch)
    assert read.keys() == reference.keys() == tensors.keys()
    assert all(np.array_equal(read[n], reference[n]) and read[n].dtype == reference[n].dtype for n in read)


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_refused(scratch: Path, data: bytes, as_header: bool) -> None:
    assert isinstance(load_or_refuse(scratch, pack(data) if as_header else data), str)


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """A valid file after a few edits: bytes replaced, slices dropped or repeated."""
    data = forgery().file()
    for _ in range(draw(st.integers(1, 3))):
        begin, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        piece = data[begin : begin + length]
        new = draw(
            st.one_of(st.just(b""), st.just(piece * 2), st.binary(max_size=8), st.sampled_from([b'"', b"}", b"0", b"\\"]))
        )
        data = data[:begin] + new + data[begin + length :]
        if draw(st.booleans()):  # a header length that fits again, so that the edit is reached
            data = (len(data) - len(forgery().data()) - 8).to_bytes(8, "little", signed=True) + data[8:]
    return data


@given(edited())
def test_an_edited_file_is_refused_or_the_same(scratch: Path, original: SavedModel, data: bytes) -> None:
    loaded = load_or_refuse(scratch, data)
    assert isinstance(loaded, str) or is_same(loaded, original)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([2**63, 10**40, "F32", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: object) -> list[tuple[Any, Any]]:
    """All containers of a JSON value with each of their keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(value, key), *places(inner)]]


@given(st.data())
def test_a_changed_value_anywhere_is_refused_or_still_a_model(scratch: Path, data: st.DataObject) -> None:
    """Where the SHA-256 fits, another value may be as good as the one before; but nothing half believed comes out."""
    forged = forgery()
    header, inside = forged.header(), data.draw(st.booleans())
    container, key = data.draw(st.sampled_from(places(forged.about if inside else header)))
    container[key] = data.draw(json_values)
    raw = forged.file() if inside else pack(header, forged.data())
    loaded = load_or_refuse(scratch, raw)
    if isinstance(loaded, SavedModel):
        assert isinstance(loaded.config, Config)
        assert is_same(loaded, load_model(scratch))
        assert all(p.isfinite().all() for p in loaded.model.parameters())
        assert loaded.config.model.hidden_size == SETTINGS.hidden_size
