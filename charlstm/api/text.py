"""A text for programs and notebooks, which are warned of what of it was not read.

Knows: what is worth a warning.
Does not know: what the text is for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from charlstm.config import DataConfig
from charlstm.text.corpus import Corpus, read_corpus
from charlstm.text.vocabulary import Vocabulary


def read_and_warn(
    text: Sequence[str],
    data: DataConfig,
    vocabulary: Vocabulary | None = None,
    extend: bool = False,
    skip_unknown: bool = False,
    as_before: bool = False,
) -> Corpus:
    """Read a text, see `read_corpus`; a warning each for runs and the like in it, and for files that were named twice."""
    from charlstm.views.left_out import rows_of_left_out

    corpus = read_corpus(text, data, vocabulary, extend, skip_unknown=skip_unknown, as_before=as_before)
    for name, what in rows_of_left_out((), corpus.left_out, corpus.repeated):
        warnings.warn(f"{name}: {what}", stacklevel=2)
    return corpus
