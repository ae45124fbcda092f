"""Settings as keyword arguments: their names and types, and which section of a configuration each belongs to.

`Unpack` of these gives a function its keywords, so that an editor completes them and a type checker checks them. A test holds
them equal to the configuration's.

Knows: that no two sections have a setting of the same name.
Does not know: what a setting means, in which range it may be.
"""

from __future__ import annotations

import difflib
import numbers
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from charlstm.config import Config
from charlstm.errors import ConfigError, TextError


class GenerationSettings(TypedDict, total=False):
    """How text is generated: the settings of [sample] but its prime. docs/settings.md says what each means."""

    length: int
    top_k: int
    temperature: float
    top_p: float
    min_p: float
    typical_p: float
    repetition_penalty: float
    penalty_window: int
    no_repeat_ngram: int
    ban: str
    allow: str
    bias: str | Sequence[str]
    stop: str | Sequence[str]
    min_length: int
    keep_stop: bool


class TrainingSettings(GenerationSettings, total=False):
    """All settings of a training but its text: those of [data], [model], [train], [sample] and [track]."""

    prime: str
    unit: Literal["char", "byte"]
    validation: float | int
    test: float | int
    encoding: str
    errors: Literal["strict", "replace", "ignore"]
    newlines: Literal["keep", "lf", "crlf", "cr"]
    normalize: Literal["none", "nfc"]
    separator: str
    min_count: int
    embedding_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    batch_size: int
    seq_len: int
    epochs: int
    max_steps: int
    learning_rate: float
    warmup_steps: int
    final_rate: float
    weight_decay: float
    beta2: float
    grad_clip: float
    eval_every: int
    save_every: str
    keep: int
    reset: float
    average: float
    patience: int
    seed: int
    style: Literal["table", "lesson"]
    curves: bool
    tensorboard: bool
    service: Literal["none", "wandb", "trackio"]


def plain_number(value: object) -> Any:
    """A number as Python's own: settings are strict, and NumPy has integers and floats that are none of Python's."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool | int) else value


def plain(settings: Mapping[str, object]) -> dict[str, Any]:
    """Settings as a configuration takes them: numbers as Python's own, several texts as a list."""
    return {key: list(value) if isinstance(value, tuple) else plain_number(value) for key, value in settings.items()}


def require_text(key: str, value: object) -> None:
    """TextError where a text is none: a path, a number, several of them."""
    if not isinstance(value, str):
        remedy = "read the file first" if isinstance(value, os.PathLike) else ""
        raise TextError("expected one text, as a str", key=key, value=value, remedy=remedy)


SECTION_OF = {
    key: section
    for section, field in Config.model_fields.items()
    for key in field.annotation.model_fields  # type: ignore[union-attr]
    if key != "text"
}
"""The section of each setting; which text it is, is no keyword."""


def in_sections(settings: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Keyword arguments by section, as `load_config` takes them, `max_steps` or `train.max_steps`, as a diagnosis has them.

    ConfigError where there is no such setting.

    >>> in_sections({"epochs": 3, "top_k": 5})
    {'train': {'epochs': 3}, 'sample': {'top_k': 5}}
    """
    sections: dict[str, dict[str, Any]] = {}
    for name, value in plain(settings).items():
        key = name.rpartition(".")[2] if SECTION_OF.get(name.rpartition(".")[2]) == name.partition(".")[0] else name
        if key not in SECTION_OF:
            near = difflib.get_close_matches(key, SECTION_OF, 1)
            remedy = f"did you mean {near[0]}?" if near else "docs/settings.md lists them"
            raise ConfigError("no such setting", key=key, value=value, remedy=remedy)
        sections.setdefault(SECTION_OF[key], {})[key] = value
    return sections
