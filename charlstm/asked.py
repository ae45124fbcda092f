"""What a user asked for, setting by setting, told apart from what holds because nobody did.

Where nothing is asked, something else decides: how long the text is, the model that a training begins with, or the settings of
the run that a text is generated from. A value that is asked for stands even where it is the default.

Knows: what was set by a file, by flags or keywords and by assignments, in this order of precedence; how that stands above a
trained model's own settings.
Does not know: what decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from charlstm.config import LONGEST, Config, SampleConfig, merged, read_settings, validate


@dataclass(frozen=True)
class Asked:
    """A configuration, and which of its settings somebody asked for.

    >>> asked = ask(None, ["train.epochs=3"])
    >>> asked.config.train.epochs, asked.has("train.epochs"), asked.has("train.batch_size")
    (3, True, False)
    """

    config: Config = field(default_factory=Config)
    keys: frozenset[str] = frozenset()
    """The settings that were asked for, as `section.key`."""

    @classmethod
    def all_of(cls, config: Config) -> Self:
        """Every setting of a configuration: one that was settled before, and stands from then on."""
        return cls(config, _keys(config.model_dump()))

    def has(self, key: str) -> bool:
        """Whether a setting, `section.key`, was asked for."""
        return key in self.keys

    def over(self, own: SampleConfig) -> SampleConfig:
        """A model's own [sample] with what was asked for in its place. ConfigError where the two contradict each other.

        >>> ask_sampling(length=20, ban="").over(SampleConfig(length=40, ban="e", top_k=5)).model_dump(exclude_defaults=True)
        {'length': 20, 'top_k': 5}
        """
        asked = {key: value for key, value in self.config.sample.model_dump().items() if self.has(f"sample.{key}")}
        return validate({"sample": {**own.model_dump(), **asked}}).sample


def ask(file: Path | None = None, assignments: Iterable[str] = (), **sections: Mapping[str, Any]) -> Asked:
    """What a TOML file, flags or keywords by section, and assignments ask for. ConfigError as for `load_config`."""
    values = merged(read_settings(file), assignments, sections)
    return Asked(validate(values), _keys(values))


def ask_sampling(file: Path | None = None, assignments: Iterable[str] = (), **keys: Any) -> Asked:
    """The same for a trained model, whose own [sample] holds where nothing is asked; `keys` are of that section.

    How long a text may be is open until the model's own length is known: `min_length` alone contradicts nothing. In a file an
    empty prime asks for nothing, as it does for a training.
    """
    settings = read_settings(file)
    if isinstance(sample := settings.get("sample"), dict) and sample.get("prime") == "":
        settings["sample"] = {key: value for key, value in sample.items() if key != "prime"}
    values = merged(settings, assignments, {"sample": keys})
    asked = _keys(values)
    return Asked(validate({**values, "sample": {"length": LONGEST, **values["sample"]}}), asked)


def _keys(values: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(f"{section}.{key}" for section, keys in values.items() if isinstance(keys, dict) for key in keys)
