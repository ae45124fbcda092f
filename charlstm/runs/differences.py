"""What sets runs apart: the settings in which they differ, and a name for each that says so.

Knows: settings as `section.key`, which of them make a curve another one.
Does not know: files, how anything is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from charlstm.config import Config, is_path

Settings = Mapping[str, object]
"""Values by `section.key`."""
_BESIDE = ("sample.", "track.", "train.keep", "train.save_every", "train.style")
"""What is set here leaves a curve as it is."""


def settings_of(config: Config) -> dict[str, object]:
    """All settings of a configuration.

    >>> settings_of(Config())["model.hidden_size"]
    512
    """
    return {f"{section}.{key}": value for section, keys in config for key, value in keys}


def differing(runs: Sequence[Settings]) -> list[str]:
    """The names of the settings that are not the same in all of them, in the order of a configuration."""
    names = dict.fromkeys(name for settings in runs for name in settings)
    return [name for name in names if len({(name in settings, settings.get(name)) for settings in runs}) > 1]


def labels(paths: Sequence[Path], configs: Sequence[Config | None]) -> list[str]:
    """A unique label a run: its name, and the settings in which it differs from the others, where these are known."""
    known = {i: settings_of(config) for i, config in enumerate(configs) if config}
    keys = [name for name in differing(list(known.values())) if not name.startswith(_BESIDE)]
    names = _names(paths)
    said = [", ".join(_said(key, known[i][key]) for key in keys) if i in known else "" for i in range(len(paths))]
    return [f"{name}: {text}" if text else name for name, text in zip(names, said, strict=True)]


def text_name(text: Sequence[str]) -> str:
    """The name of a text: that of its file, or of its first one and how many more there are."""
    first = Path(text[0]).name if is_path(text[0]) else text[0]
    return f"{first} +{len(text) - 1}" if len(text) > 1 else first


def _names(paths: Sequence[Path]) -> list[str]:
    """The names of folders; the whole path where two have the same."""
    names = [path.resolve().name for path in paths]
    times = Counter(names)
    return [name if name and times[name] == 1 else str(path) for name, path in zip(names, paths, strict=True)]


def _said(key: str, value: object) -> str:
    short = key.partition(".")[2]
    if key == "data.text" and isinstance(value, tuple):
        return text_name(value)
    return f"{short} {value:g}" if isinstance(value, float) else f"{short} {value}"
