"""How a model reads another text than the one it learned from.

| settings of [data] | whose they are |
|---|---|
| newlines, separator, normalize | the model's: it should meet what it has learned |
| encoding, errors | the text's: they tell how its bytes lie on the disk, and not what they mean |
| unit, min_count | the vocabulary's, which whoever encodes the text has |

What someone asks for comes before either.

Knows: which settings belong to a model and which to a text.
Does not know: files, what a text is read for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from charlstm.config import DataConfig, load_config

_NOTHING: Mapping[str, object] = MappingProxyType({})


def as_trained(models: Sequence[DataConfig], asked: Mapping[str, object] = _NOTHING) -> DataConfig:
    """The [data] to read a text by, for models that were trained with theirs; `asked` are keys of it that someone set.

    Several models get one text, or they could not be compared: where one of them knows only LF, or only composed characters,
    all get these. ConfigError where `asked` is wrong.

    >>> data = as_trained([DataConfig(newlines="lf", encoding="cp1252"), DataConfig()], {"errors": "replace"})
    >>> data.newlines, data.encoding, data.errors
    ('lf', 'utf-8', 'replace')
    """
    own = {
        "newlines": "lf" if any(data.newlines == "lf" for data in models) else "keep",
        "normalize": "nfc" if any(data.normalize == "nfc" for data in models) else "none",
        "separator": models[0].separator,
    }
    return load_config(data={**own, **asked}).data
