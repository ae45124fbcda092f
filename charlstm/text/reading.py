"""How a model reads another text than the one it learned from.

| settings of [data] | whose they are |
|---|---|
| newlines, separator, normalize | the model's: it should meet what it has learned, see `line_ends` |
| encoding, errors | the text's: they tell how its bytes lie on the disk, and not what they mean |
| unit | the model's: whether what is no text can be read |
| min_count | the vocabulary's, which whoever encodes the text has |

What someone asks for comes before either.

Knows: which settings belong to a model and which to a text.
Does not know: files, what a text is read for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from charlstm.config import DataConfig, load_config
from charlstm.text.line_ends import common_newlines, with_line_ends
from charlstm.text.vocabulary import Vocabulary

_NOTHING: Mapping[str, object] = MappingProxyType({})


def as_trained(
    models: Sequence[DataConfig], asked: Mapping[str, object] = _NOTHING, vocabularies: Sequence[Vocabulary] = ()
) -> DataConfig:
    """The [data] to read a text by, for models that were trained with theirs; `asked` are keys of it that someone set.

    `vocabularies`, one for each model, tell which line ends those learned that kept them as they were.
    Several models get one text, or they could not be compared: where one of them knows only LF, or only composed characters,
    all get these. Where all of them know bytes, any bytes are read. ConfigError where `asked` is wrong.

    >>> data = as_trained([DataConfig(newlines="lf", encoding="cp1252"), DataConfig()], {"errors": "replace"})
    >>> data.newlines, data.encoding, data.errors
    ('lf', 'utf-8', 'replace')
    """
    each = [data.newlines for data in models]
    learned = [vocabulary.line_ends.newlines for vocabulary in vocabularies]
    newlines = common_newlines([mine if mine != "keep" else kind for mine, kind in zip(each, learned or each, strict=True)])
    own = {
        "unit": "byte" if vocabularies and all(vocabulary.unit == "byte" for vocabulary in vocabularies) else "char",
        "newlines": newlines,
        "normalize": "nfc" if any(data.normalize == "nfc" for data in models) else "none",
        "separator": with_line_ends(models[0].separator, newlines if each[0] == "keep" else "keep"),
    }
    return load_config(data={**own, **asked}).data
