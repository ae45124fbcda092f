"""What can be set, in which range, and where a run's settings come from: defaults < TOML file < `--set KEY=VALUE`.

Knows: the names, types, ranges and defaults of all settings, TOML, and how to say which one is wrong.
Does not know: torch, texts, models.
"""

from __future__ import annotations

import difflib
import glob
import math
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import tomli_w
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from charlstm.errors import Argument, ConfigError, shown
from charlstm.values import MANY, character_bias, one_or_many, parse_bias, part_or_none, stop_text, text_encoding, unicode

BUILTIN = "builtin:python-docs"
LONGEST = 1_000_000_000
"""Characters that a text can be asked to have, at most."""
_INTERVAL = r"^((0\.\d{0,8}[1-9]\d{0,8}|[1-9]\d{0,8}(\.\d{1,9})?) min|[1-9]\d{0,11} steps)$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class DataConfig(_Section):
    """[data]: which text, and how it is cut."""

    text: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = Field((BUILTIN,), min_length=1)
    """Files, folders, globs, `-`, `builtin:NAME` or `data:NAME`; in a config file, relative to that file."""
    unit: Literal["char", "byte"] = "char"
    """What one id stands for: a Unicode code point, or a byte of UTF-8, or of any file as it is."""
    validation: Annotated[float | int, BeforeValidator(part_or_none)] = 0.1
    """What is scored and not learned from: a share or so many characters, or bytes, at the end but for `test`; 0 for none."""
    test: Annotated[float | int, BeforeValidator(part_or_none)] = 0
    """What is neither learned from nor scored in training, counted likewise, at the very end; for `charlstm eval --test`."""
    encoding: Annotated[str, AfterValidator(text_encoding)] = "utf-8"
    """How the text's bytes are read; with the default UTF-16 and UTF-32 are told by a byte order mark or zero bytes."""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """Bytes that the encoding does not allow: an error, U+FFFD in their place, or nothing."""
    newlines: Literal["keep", "lf", "crlf", "cr"] = "keep"
    """Leave line ends as they are, or make each of them, be it LF, CRLF or a lone CR, the same one."""
    normalize: Literal["none", "nfc"] = "none"
    """Unicode normalisation of the text, and of every prime that the model is given."""
    separator: Annotated[str, AfterValidator(unicode)] = "\n"
    """What stands between one file and the next."""
    min_count: int = Field(1, ge=1, le=MANY)
    """Characters that occur less often become U+FFFD; needs `data.unit` to be `char`."""

    @model_validator(mode="after")
    def _rare_characters_need_characters(self) -> Self:
        if self.unit == "byte" and self.min_count > 1:
            raise ConfigError(
                "bytes are never rare",
                key="data.min_count",
                value=self.min_count,
                remedy=("leave it at 1, or have ", Argument("data.unit", "char")),
            )
        return self


class ModelConfig(_Section):
    """[model]: the network."""

    embedding_size: int = Field(128, ge=0, le=8192)
    """Width of the input embedding; 0 feeds one-hot vectors."""
    hidden_size: int = Field(512, ge=1, le=8192)
    """Units in each LSTM layer."""
    num_layers: int = Field(2, ge=1, le=16)
    """LSTM layers."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of units dropped after each layer, and a third of it in the embedding; by the text's length unless set."""


class TrainConfig(_Section):
    """[train]: the optimisation."""

    batch_size: int = Field(32, ge=1, le=65536)
    """Parallel streams of text; chosen by the text's length unless set."""
    seq_len: int = Field(64, ge=2, le=65536)
    """Characters in one step of truncated backpropagation through time."""
    epochs: int = Field(6, ge=1, le=1_000_000)
    """Passes over the training part; chosen by the text's length unless set."""
    max_steps: int = Field(0, ge=0, le=MANY)
    """Stop after so many steps even in mid-epoch; 0 for no limit. The learning rate's decay ends there too."""
    learning_rate: float = Field(3e-3, gt=0, le=10)
    """The highest learning rate, reached after the warm-up."""
    warmup_steps: int = Field(100, ge=0, le=MANY)
    """Steps over which the learning rate rises from zero."""
    final_rate: float = Field(0.02, ge=0, le=1)
    """Where the cosine decay ends, as a share of `learning_rate`; 1 keeps it constant."""
    weight_decay: float = Field(0.05, ge=0, le=10)
    """Decoupled decay (AdamW), on matrices only; 0 makes it plain Adam."""
    beta2: float = Field(0.99, gt=0, lt=1)
    """Adam's decay rate of the second moment."""
    grad_clip: float = Field(1.0, ge=0)
    """Largest norm of the gradient; 0 for no limit."""
    eval_every: int = Field(0, ge=0, le=MANY)
    """Evaluate every so many steps within an epoch too; 0 for only at its end, with looks within long ones."""
    save_every: str = Field("1 min", pattern=_INTERVAL)
    """Save for a resume after so many minutes (`min`) or steps (`steps`); it is saved at every evaluation too."""
    keep: int = Field(0, ge=0, le=MANY)
    """Keep the models of so many newest evaluations too, with their step and loss in the name; 0 for only `best` and `last`."""
    reset: float = Field(0.02, ge=0, le=1)
    """Probability that a stream forgets its carried state before a step, so that a cold start is practised too."""
    average: float = Field(0.99, ge=0, lt=1)
    """Decay, a step, of the running average of the weights, which is scored, sampled and saved as the model; 0 for none."""
    patience: int = Field(0, ge=0, le=MANY)
    """Stop after so many evaluations in a row without a new best; 0 for never."""
    seed: int = Field(1, ge=0, lt=2**63)
    """Decides the initial weights, the offsets, the resets and the dropout."""
    style: Literal["table", "lesson"] = "table"
    """How progress is written: one line an epoch with a sample, or the lines of the classic lesson."""


class SampleConfig(_Section):
    """[sample]: how text is written, in previews and by `charlstm sample`."""

    prime: Annotated[str, AfterValidator(unicode)] = ""
    """The text to start from; empty for `A`, or else the first character of the training text."""
    length: int = Field(500, ge=1, le=LONGEST)
    """Characters to write after the prime."""
    top_k: int = Field(0, ge=0, le=MANY)
    """Draw from the k most probable characters; 0 for all."""
    temperature: float = Field(0.8, ge=0, le=100)
    """Below 1 is more cautious, above 1 more daring; 0 takes the most probable character."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Draw from the fewest most probable characters that together have this probability; 1 for all."""
    min_p: float = Field(0.0, ge=0, le=1)
    """Leave out characters with less than this share of the probability of the most probable one."""
    typical_p: float = Field(1.0, gt=0, le=1)
    """Draw from the characters that surprise about as much as expected and together have this probability; 1 for all."""
    repetition_penalty: float = Field(1.0, ge=0.01, le=100)
    """Above 1 makes characters of the last `penalty_window` less probable, below 1 more; 1 for no difference."""
    penalty_window: int = Field(64, ge=1, le=10_000)
    """How many characters back the repetition penalty looks."""
    no_repeat_ngram: int = Field(0, ge=0, le=1000)
    """No so many characters in a row twice within the last 10,000; 0 to allow it."""
    ban: Annotated[str, AfterValidator(unicode)] = ""
    """Characters that are never written."""
    allow: Annotated[str, AfterValidator(unicode)] = ""
    """The only characters that may be written; empty for all."""
    bias: Annotated[tuple[Annotated[str, AfterValidator(character_bias)], ...], BeforeValidator(one_or_many)] = ()
    """What is added to the logits of characters: `CHAR=NUMBER`, or a list of those."""
    stop: Annotated[tuple[Annotated[str, AfterValidator(stop_text)], ...], BeforeValidator(one_or_many)] = ()
    """A text, or a list of texts, that ends what is written where it occurs."""
    min_length: int = Field(0, ge=0, le=LONGEST)
    """No stop text ends what is written before so many characters."""
    keep_stop: bool = False
    """The stop text that ends what is written stays at its end."""

    @model_validator(mode="after")
    def _controls_agree(self) -> Self:
        if self.min_length > self.length:
            raise ConfigError(f"more than sample.length = {self.length}", key="sample.min_length", value=self.min_length)
        if both := [c for c in self.allow if c in self.ban]:
            raise ConfigError(
                f"it has {shown(both[0])}, which sample.ban has too",
                key="sample.allow",
                value=self.allow,
                remedy="leave it out of one of them",
            )
        for c, times in Counter(parse_bias(text)[0] for text in self.bias).items():
            if times > 1:
                raise self._wrong_bias(f"it has {shown(c)} twice", "give each character one number")
            if c in self.ban or (self.allow and c not in self.allow):
                ruled_out = f"it has {shown(c)}, which sample.ban or sample.allow rules out"
                raise self._wrong_bias(ruled_out, "leave it out of one")
        return self

    def _wrong_bias(self, problem: str, remedy: str) -> ConfigError:
        return ConfigError(problem, key="sample.bias", value=self.bias, remedy=remedy)


class TrackConfig(_Section):
    """[track]: what is kept of a training to be looked at, beside the logs."""

    curves: bool = True
    """Redraw `curves.png` in the run folder as training goes on, where matplotlib is installed."""
    tensorboard: bool = False
    """Write scalars, samples and histograms of the weights for TensorBoard, to `tensorboard` in the run folder."""
    service: Literal["none", "wandb", "trackio"] = "none"
    """Send the same to a service, by its own package, under the account and address that is set up for that."""


class Config(_Section):
    """All settings of a run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    sample: SampleConfig = SampleConfig()
    track: TrackConfig = TrackConfig()

    @model_validator(mode="after")
    def _patience_needs_losses(self) -> Self:
        if self.train.patience and not self.data.validation:
            raise ConfigError(
                "patience waits for a better validation loss, and with data.validation = 0 there is none",
                key="train.patience",
                value=self.train.patience,
                remedy=("leave it at 0, or keep a part with ", Argument("data.validation", 0.1)),
            )
        return self

    def to_toml(self) -> str:
        """Every key with its value, as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json"))


def load_config(file: Path | None = None, assignments: Iterable[str] = (), **sections: Mapping[str, Any]) -> Config:
    """Defaults, then `file`, then `sections` (keys from flags), then `assignments` (`section.key=value`).

    ConfigError names the key, its value, what is allowed, the nearest valid key.
    """
    return validate(merged(read_settings(file), assignments, sections))


def merged(
    settings: Mapping[str, Any], assignments: Iterable[str], sections: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What was set, by section and key, as it was given: `settings`, in whose place `sections` stand, then `assignments`."""
    values = dict(settings)
    for name, keys in sections.items():
        values[name] = {**_section_of(values.get(name, {}), name), **keys}
    for assignment in assignments:
        section, key, value = _parse_assignment(assignment)
        values[section] = {**_section_of(values.get(section, {}), section), key: value}
    return values


def validate(values: Mapping[str, Any]) -> Config:
    """A nested mapping -> Config. ConfigError describes the first thing that is wrong with it."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise _explained(error.errors()[0]) from None


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file as a mapping, the paths under `data.text` resolved against its folder."""
    try:
        values = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"no such config file: {file}") from None
    except OSError as error:
        raise ConfigError(f"can't read the config file {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 (offset {error.start})") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or brackets nested as deeply, too
        raise ConfigError(f"{file} is not valid TOML: {error}") from None
    data = values.get("data")
    if isinstance(data, dict) and "text" in data:
        data["text"] = _relative_to(file.parent, data["text"])
    return values


def read_settings(file: Path | None) -> dict[str, Any]:
    """The same without [tune], which is a search's; nothing where there is no file."""
    return {name: keys for name, keys in read_toml(file).items() if name != "tune"} if file else {}


def save_interval(text: str) -> tuple[float, int]:
    """`train.save_every` as seconds (infinite where it counts steps) and steps (0 where it counts minutes).

    >>> save_interval("1.5 min"), save_interval("20 steps")
    ((90.0, 0), (inf, 20))
    """
    number, unit = text.split()
    return (float(number) * 60, 0) if unit == "min" else (math.inf, int(number))


def is_path(source: str) -> bool:
    """Whether a TEXT argument names a file, folder or glob (and not standard input, a built-in text or a data set)."""
    return source != "-" and not source.startswith(("builtin:", "data:"))


def placed_in(folder: Path, source: str) -> str:
    """A TEXT argument that is meant from a folder. In the name of that folder nothing is a pattern.

    >>> placed_in(Path("poems [old]"), "*.txt"), placed_in(Path("poems [old]"), "/a/*.txt"), placed_in(Path("a"), "b.txt")
    ('poems [[]old]/*.txt', '/a/*.txt', 'a/b.txt')
    """
    is_pattern = glob.has_magic(source) and not os.path.exists(folder / source)  # noqa: PTH110 (which raises for no name)
    return str(Path(glob.escape(str(folder)) if is_pattern else folder, source))


def _relative_to(folder: Path, text: object) -> object:
    sources = one_or_many(text)
    if not isinstance(sources, tuple):
        return text  # the wrong type: validation says so
    return [placed_in(folder, s) if isinstance(s, str) and is_path(s) else s for s in sources]


def _section_of(value: object, section: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{_key_name([section])} = {shown(value)}: expected a section, with keys under it")
    return value


def _parse_assignment(assignment: str) -> tuple[str, str, Any]:
    name, equals, value = assignment.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not section:
        raise ConfigError("expected SECTION.KEY=VALUE, such as train.epochs=3", key="set", value=assignment)
    if not dot or not key:
        raise _unknown([section], value)
    try:
        return section, key, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return section, key, value  # a bare word is a string, as a shell user expects


def _explained(error: ErrorDetails) -> ConfigError:
    # A list is one setting: which of its values is wrong shows in the value.
    path, value = [part for part in error["loc"] if isinstance(part, str)], error["input"]
    if error["type"] == "extra_forbidden":
        return _unknown(path, value)
    if not path:
        return ConfigError(f"a configuration can't be {shown(value)}: expected the sections {', '.join(Config.model_fields)}")
    if len(path) == 1:
        return ConfigError(f"{path[0]} = {shown(value)}: expected a section, [{path[0]}], with keys under it")
    if error["type"] == "value_error":
        problem, *remedy = error["ctx"]["error"].args
        return ConfigError(problem, key=".".join(path), value=value, remedy="".join(remedy))
    return ConfigError(f"expected {_what_is_expected(error['type'], path)}", key=".".join(path), value=value)


def _what_is_expected(kind: str, path: Sequence[str]) -> str:
    """What the key at `path` takes, said to someone who gave it something wrong of that kind."""
    field = Config.model_fields[path[0]].annotation.model_fields[path[1]]  # type: ignore[union-attr]
    if kind == "literal_error":
        return " or ".join(map(repr, get_args(field.annotation)))
    if kind == "string_pattern_mismatch":
        return "a number of minutes or steps, such as '2 min' or '500 steps'"
    if path[:2] == ["data", "text"]:
        return "one or more files, folders, globs, '-', 'builtin:NAME' or 'data:NAME'"
    return f"{_type_name(field.annotation)}{_bounds(field.metadata)}"


def _unknown(path: Sequence[str], value: object) -> ConfigError:
    """No such section, or no such key in one."""
    keys = {name: list(field.annotation.model_fields) for name, field in Config.model_fields.items()}  # type: ignore[union-attr]
    if len(path) == 1:
        # A key written without its section is the likelier slip than a misspelt section.
        everywhere = [f"{s}.{k}" for s in keys for k in keys[s]]
        near = [name for name in everywhere if name.endswith(f".{path[0]}")] or difflib.get_close_matches(path[0], keys, 1)
        given = f" (= {shown(value)})" if not isinstance(value, dict) else ""
        return ConfigError(f"{_key_name(path)}{given}: no such section", remedy=f"{_hint(near)}allowed: {', '.join(keys)}")
    section, key = path
    near = [f"{section}.{k}" for k in difflib.get_close_matches(key, keys[section], 1)]
    near = near or [f"{s}.{key}" for s in keys if key in keys[s]]
    remedy = f"{_hint(near)}allowed in [{section}]: {', '.join(keys[section])}"
    return ConfigError("no such key", key=_key_name(path), value=... if isinstance(value, dict) else value, remedy=remedy)


def _hint(near: Sequence[str]) -> str:
    return f"did you mean {near[0]}? " if near else ""


def _key_name(path: Sequence[str]) -> str:
    name = ".".join(path)
    return name if name.isprintable() and len(name) <= 80 else shown(name)


def _type_name(annotation: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
    names[tuple] = "a text in quotes, or a list of them"
    return names.get(annotation if isinstance(annotation, type) else get_origin(annotation), "another type")  # type: ignore[arg-type]


def _bounds(metadata: Sequence[object]) -> str:
    """Pydantic's bounds in words: ` from 2 to 64`, ` above 0, at most 0.5`."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [f"{word} {getattr(m, name)}" for name, word in words.items() for m in metadata if hasattr(m, name)]
    return f" {', '.join(bounds)}" if bounds else ""
