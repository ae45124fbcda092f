"""What a search may choose from: the [tune] table of a config file, checked before anything is trained.

    [tune]
    "model.dropout" = [0.1, 0.2, 0.4]                                 # choices
    "train.learning_rate" = { low = 1e-3, high = 1e-2, log = true }   # a range

Knows: which settings can be searched, how choices and ranges are written, and how to say which one is wrong.
Does not know: how anything is searched; torch, Optuna.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.config import Config, read_toml, validate
from charlstm.errors import CharlstmError, ConfigError, shown

Value = bool | int | float | str
_SECTIONS = ("model", "train")
NO_BETTER = ("train.eval_every", "train.keep", "train.patience", "train.save_every", "train.seed", "train.style")
"""Settings that make no recipe better: what they change is luck, or how a training is watched."""
_SHOWN_DIGITS = 4  # more of them tell no two recipes apart, and are hard to read
_EXAMPLE = '"train.learning_rate" = { low = 1e-3, high = 1e-2, log = true } or "model.dropout" = [0.1, 0.2, 0.4]'


@dataclass(frozen=True)
class Choices:
    """Some values, none of them twice."""

    values: tuple[Value, ...]

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    def draw(self, generator: np.random.Generator) -> Value:
        """Any of them."""
        return self.values[generator.integers(len(self.values))]

    def as_json(self) -> object:
        """As it can stand in a file."""
        return list(self.values)

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.values[:-1]))} or {self.values[-1]}"


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, or all whole ones: both ends are of the type that the setting takes."""

    low: float
    high: float
    log: bool = False
    """Whether as much is tried between 1 and 10 as between 10 and 100."""

    @property
    def is_whole(self) -> bool:
        """Whether it is of whole numbers."""
        return isinstance(self.low, int)

    @property
    def count(self) -> float:
        """How many values there are."""
        return self.high - self.low + 1 if self.is_whole else math.inf

    def draw(self, generator: np.random.Generator) -> Value:
        """Any whole number of a range of them."""
        return int(generator.integers(int(self.low), int(self.high), endpoint=True))

    def rounded(self, value: float) -> float:
        """A number of the range with as few digits as a person would write.

        >>> Range(0.001, 0.01).rounded(0.0034218765), Range(0.00123446, 0.01).rounded(0.00123447)
        (0.003422, 0.00123446)
        """
        return value if self.is_whole else min(max(float(f"{value:.{_SHOWN_DIGITS}g}"), self.low), self.high)

    def as_json(self) -> object:
        """As it can stand in a file."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', logarithmic' if self.log else ''}"


DEFAULT_TRIALS = 20
"""Where neither a number nor a time is given: enough for the sampler to have learned from the first ten."""
_MOST_MINUTES = 1_000_000  # about two years; a timer can't wait for ever

Space = Mapping[str, Choices | Range]
"""What may be chosen for each setting, by its name: `section.key`."""


def require_budget(trials: int | None, minutes: float | None) -> None:
    """CharlstmError where a search can't have so many trials or minutes."""
    if trials is not None and trials < 1:
        raise CharlstmError("expected a whole number, at least 1", key="trials", value=trials)
    if minutes is not None and not 0 < minutes <= _MOST_MINUTES:
        raise CharlstmError(f"expected a number above 0, at most {_MOST_MINUTES}", key="minutes", value=minutes)


def read_space(file: Path, assignments: Iterable[str], config: Config) -> Space:
    """The [tune] table of a config file whose other settings are `config`.

    ConfigError names the key, what is wrong with it and what is allowed; also a key that an assignment sets already.
    """
    table = read_toml(file).get("tune", {})
    if not isinstance(table, dict) or not table:
        no_table = f"{file} does not say what to search"
        raise ConfigError(no_table, remedy=f"give it a table [tune] with lines such as {_EXAMPLE}")
    try:
        space = {name: _parse(name, value, config) for name, value in _flat(table)}
    except ConfigError as error:
        error.where = "[tune] "
        raise
    for assignment in assignments:
        if (name := assignment.partition("=")[0].strip()) in space:
            raise ConfigError(f"[tune] in {file} searches it too", key=name, remedy="take one of them away")
    return space


def with_values(config: Config, values: Mapping[str, Value]) -> Config:
    """The same configuration with some settings, by `section.key`, changed. ConfigError where one does not fit."""
    sections = config.model_dump(mode="json")
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections[section][key] = value
    return validate(sections)


def _flat(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """TOML makes a table in a table of `model.dropout` without quotes: it means the same."""
    for name, value in table.items():
        if name in Config.model_fields and isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _parse(name: str, value: object, config: Config) -> Choices | Range:
    kind = _kind(name, value)
    if isinstance(value, list):
        return _choices(name, value, config)
    if isinstance(value, dict):
        return _range_from(name, value, kind, config)
    raise ConfigError(f"expected a list of choices or a range, such as {_EXAMPLE}", key=name, value=value)


def _kind(name: str, value: object) -> object:
    """What the setting takes. ConfigError where there is none of that name, or none that can be searched."""
    section, _, key = name.partition(".")
    keys = type(getattr(Config(), section)).model_fields if section in Config.model_fields else {}
    if key not in keys:
        validate({section: {key: value} if key else value})  # which says what is wrong, and what is nearest
    if section not in _SECTIONS or name in NO_BETTER:
        others = f"the settings of {' and '.join(f'[{s}]' for s in _SECTIONS)} but {', '.join(NO_BETTER)}"
        raise ConfigError("it can't be searched, no model is better for it", key=name, remedy=f"expected one of {others}")
    return keys[key].annotation


def _choices(name: str, values: Sequence[Any], config: Config) -> Choices:
    for value in values:
        with_values(config, {name: value})
    if len(values) < 2 or len(set(values)) < len(values):
        raise ConfigError("expected at least two choices, none of them twice", key=name, value=values)
    return Choices(tuple(values))


def _range_from(name: str, table: Mapping[str, Any], kind: object, config: Config) -> Range:
    allowed = [field.name for field in fields(Range)]
    for key, value in table.items():
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(f"{shown(key)} = {shown(value)}", key=name, remedy=f"{hint}a range has {', '.join(allowed)}")
    if kind not in (int, float) or not {"low", "high"} <= set(table):
        raise ConfigError(
            "expected low and high, of a setting that is a number", key=name, value=table, remedy="else list choices"
        )
    for end in ("low", "high"):
        with_values(config, {name: table[end]})
    low, high, log = table["low"], table["high"], table.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"log = {shown(log)}: expected true or false", key=name)
    if low >= high or (log and low <= 0):
        expected = f"expected low below high{', and above 0 where log is true' if log else ''}"
        raise ConfigError(expected, key=name, value=table)
    return Range(low, high, log) if kind is int else Range(float(low), float(high), log)
