from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import Config, load_config, validate
from charlstm.errors import CharlstmError, ConfigError
from charlstm.values import is_unicode


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config.toml"


def test_defaults_then_file_then_flags_then_assignments(tmp_path: Path) -> None:
    file = write(tmp_path, "[train]\nepochs = 3\nseq_len = 30\nbatch_size = 7")
    config = load_config(file, ["train.epochs=5"], train={"epochs": 4, "seq_len": 40})
    assert (config.train.epochs, config.train.seq_len, config.train.batch_size) == (5, 40, 7)
    assert config.model == Config().model


def test_resolved_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    config = load_config(None, ["train.learning_rate=1e-3", "sample.prime='\"ROMEO:\"\n'", "data.text=-"])
    assert load_config(write(tmp_path, config.to_toml())) == config


@pytest.mark.parametrize(
    ("assignment", "parts"),
    [
        ("train.learning_rat=3", ["train.learning_rat", "3", "did you mean train.learning_rate?", "allowed in [train]"]),
        ("train.hidden_size=3", ["did you mean model.hidden_size?"]),
        ("trian.epochs=3", ["trian", "did you mean train?", "data, model, train, sample"]),
        ("train.epochs=many", ["train.epochs", "'many'", "whole number", "at least 1"]),
        ("train.epochs=true", ["train.epochs", "True", "whole number"]),
        ("train.epochs='3'", ["train.epochs", "'3'", "whole number"]),
        ("train.epochs=1.5", ["train.epochs", "1.5", "whole number"]),
        ("train.learning_rate=-1", ["train.learning_rate", "-1", "a number above 0"]),
        ("train.learning_rate=nan", ["train.learning_rate", "nan"]),
        ("model.dropout=1", ["model.dropout", "at least 0", "below 1"]),
        ("data.unit=word", ["data.unit", "'word'", "'char' or 'byte'"]),
        ("data.encoding=latin1x", ["data.encoding", "'latin1x'", "no such encoding", "did you mean latin_1?"]),
        ("data.encoding=rot13", ["data.encoding", "'rot13'", "no such encoding of texts"]),
        ("data.encoding=hex", ["data.encoding", "'hex'", "no such encoding of texts"]),
        ("data.encoding=idna", ["data.encoding", "'idna'", "no such encoding of texts"]),
        ('data.encoding="a\\u0000b"', ["data.encoding", "no such encoding of texts"]),
        ("data.errors=skip", ["data.errors", "'skip'", "'strict' or 'replace' or 'ignore'"]),
        ("data.min_count=0", ["data.min_count", "at least 1"]),
        ("data.text=[]", ["data.text", "files, folders, globs"]),
        ("data.text=3", ["data.text", "3"]),
        ("sample.prime=3", ["sample.prime", "a text in quotes"]),
        ("sample.prime=caf\udce9", ["sample.prime", "'caf\\udce9'", "UTF-8"]),
        ("train.max_steps=0x" + "f" * 5000, ["train.max_steps", "more than 80 digits", "at most 1000000000000"]),
        ("train.learning_rate=0x" + "f" * 5000, ["train.learning_rate", "at most 10"]),
        ("a\nb.c=3", ["'a\\nb'", "no such section"]),
        ("epochs=3", ["epochs", "did you mean train.epochs?"]),
        ("train.epochs=" + "9" * 5000, ["train.epochs"]),
        ("train.epochs=" + "[" * 5000, ["train.epochs"]),
        ("data.validation=1e-17", ["data.validation = 1e-17: expected a share from 0.001 to 0.5, or a whole number"]),
        ("data.validation=-1", ["data.validation = -1", "a whole number of characters from 1, or 0 for none"]),
        ("data.validation=many", ["data.validation = 'many'", "a share from 0.001 to 0.5"]),
        ("data.test=0.7", ["data.test = 0.7", "a share from 0.001 to 0.5", "or 0 for none"]),
        ("sample.top_p=0", ["sample.top_p = 0", "a number above 0, at most 1"]),
        ("sample.min_p=1.5", ["sample.min_p = 1.5", "at least 0, at most 1"]),
        ("sample.repetition_penalty=0", ["sample.repetition_penalty = 0", "at least 0.01"]),
        ("sample.bias=e", ["sample.bias = 'e': expected CHAR=NUMBER, such as e=-0.5"]),
        ('sample.bias=["e=1", "ab=1"]', ["sample.bias = 'ab=1': expected CHAR=NUMBER"]),
        ("sample.bias=e=inf", ["sample.bias = 'e=inf'", "a number from -1000 to 1000"]),
        ("sample.bias=e=nan", ["sample.bias = 'e=nan'", "a number from -1000 to 1000"]),
        ("sample.bias=''", ["sample.bias = ''", "CHAR=NUMBER"]),
        ('sample.bias=["e=1", "e=2"]', ["sample.bias = ('e=1', 'e=2'): it has 'e' twice"]),
        ("sample.stop=['']", ["sample.stop = '': expected at least one character"]),
        ("sample.stop=[3]", ["sample.stop = 3: expected a text in quotes, or a list of them"]),
        ("sample.stop=3", ["sample.stop = 3: expected a text in quotes, or a list of them"]),
        ("sample.ban=caf\udce9", ["sample.ban", "UTF-8"]),
        ("sample.min_length=501", ["sample.min_length = 501: more than sample.length = 500"]),
        ("train.epochs", ["train.epochs", "SECTION.KEY=VALUE"]),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(assignment: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, [assignment])
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"ban": "xe", "allow": "abe"}, "sample.allow = 'abe': it has 'e', which sample.ban has too"),
        ({"ban": "\n", "bias": ("\n=1",)}, r"sample.bias = ('\n=1',): it has '\n', which sample.ban or sample.allow rules out"),
        ({"allow": "ab", "bias": ("e=1",)}, "sample.bias = ('e=1',): it has 'e', which sample.ban or sample.allow rules out"),
    ],
)
def test_controls_that_contradict_each_other(settings: dict[str, object], part: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(part)):
        load_config(None, sample=settings)


def test_one_text_or_a_list_of_them(tmp_path: Path) -> None:
    assert load_config(None, ['sample.stop=["a","b"]']).sample.stop == ("a", "b")
    assert load_config(None, ["sample.stop=a", "sample.bias=e=-0.5"]).sample.bias == ("e=-0.5",)
    file = write(tmp_path, '[sample]\nstop = ["\\n\\n", "THE END"]\nbias = "==2"')
    assert load_config(file).sample.stop == ("\n\n", "THE END")
    assert load_config(write(tmp_path, load_config(file).to_toml())).sample == load_config(file).sample


def test_a_configuration_from_before_a_setting_existed_still_loads() -> None:
    values = Config().model_dump(mode="json")
    values["sample"] = {key: values["sample"][key] for key in ("prime", "length", "top_k", "temperature")}
    assert validate(values) == Config()


def test_bytes_are_never_rare() -> None:
    with pytest.raises(ConfigError, match=r"data\.min_count = 2: bytes are never rare"):
        load_config(None, ["data.unit=byte", "data.min_count=2"])


def test_a_key_without_its_section_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("did you mean train.epochs?")):
        load_config(write(tmp_path, "epochs = 3"))


@pytest.mark.parametrize(
    ("text", "part"),
    [("[train\n", "line 1"), ("[train]\nepochs = = 3", "line 2"), ("train = 3", "expected a section"), ("x" * 3, "TOML")],
)
def test_a_broken_file_is_named_with_the_line(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        load_config(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="can't read"):
        load_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"[data]\ntext = '\xe9'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "latin.toml")


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    text = load_config(write(tmp_path, '[data]\ntext = ["a.txt", "-", "builtin:python-docs", "/b.txt"]')).data.text
    assert text == (str(tmp_path / "a.txt"), "-", "builtin:python-docs", "/b.txt")


def load_or_refuse(file: Path | None, *assignments: str) -> None:
    """Only two things may come of any settings: one line that refuses them, or a configuration that can be kept."""
    try:
        config = load_config(file, assignments)
    except CharlstmError as error:
        reason = str(error)
    else:
        assert read_back(config) == config
        return
    assert reason.isprintable(), "one line"
    assert len(reason) < 1000


def read_back(config: Config) -> Config:
    text = config.to_toml()
    if is_unicode("".join(config.data.text)):  # a file's name may be any bytes: for that there is an error of its own
        text = text.encode().decode()
    return validate(tomllib.loads(text))


KEYS = [f"{section}.{key}" for section in Config().model_dump() for key in Config().model_dump()[section]]
VALUES = st.one_of(
    st.one_of(st.integers(), st.floats(), st.sampled_from([2**63, 2**64, 10**400, -(10**400), 0, 1])).map(str),
    st.integers(0, 2**70).map(hex),
    st.sampled_from(
        ["0x" + "f" * 4000, "[" * 400 + "]" * 400, "{a={b={}}}", "1979-05-27T07:32:00Z", "07:32:00", "'''", "1e999"]
    ),
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zl"])),
    st.lists(st.text(max_size=3), max_size=3).map(repr),
)


@given(st.lists(st.one_of(st.text(), st.builds("{}={}".format, st.sampled_from(KEYS) | st.text(), VALUES)), max_size=4))
def test_no_assignment_raises_anything_else(assignments: list[str]) -> None:
    load_or_refuse(None, *assignments)


@given(st.one_of(st.text(max_size=60), st.text(alphabet="[]=.\"'\n\\ {}atrin,0123#\0é", max_size=60)), st.booleans())
def test_no_file_raises_anything_else(scratch: Path, text: str, in_train: bool) -> None:
    scratch.write_bytes(("[train]\n" * in_train + text).encode())
    load_or_refuse(scratch)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(scratch: Path, data: bytes) -> None:
    scratch.write_bytes(data)
    load_or_refuse(scratch)


LINES = st.lists(st.tuples(st.sampled_from([*KEYS, "data", "model", "train", '"a\\nb"', "'x'.y"]), VALUES), max_size=3)


@given(LINES, st.lists(VALUES, max_size=2))
def test_no_value_in_a_file_raises_anything_else(scratch: Path, lines: list[tuple[str, str]], assigned: list[str]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in lines)
    scratch.write_bytes(text.encode(errors="surrogatepass"))
    load_or_refuse(scratch, *(f"train.epochs={value}" for value in assigned))


def test_every_key_has_a_description_and_a_default() -> None:
    for section in Config().model_dump():
        fields = type(getattr(Config(), section)).model_fields
        assert all(field.description for field in fields.values())
    assert tomllib.loads(Config().to_toml())["model"] == Config().model.model_dump()
