"""A text for programs and notebooks, which are warned of what of it was not read.

Knows: what is worth a warning.
Does not know: how a text is read, what it is for.
"""

from __future__ import annotations

import warnings

from charlstm.text.corpus import Corpus


def warned_of(corpus: Corpus) -> Corpus:
    """A text that was read, after a warning each for runs and the like in it, and for files that were named twice."""
    from charlstm.views.left_out import rows_of_left_out

    for name, what in rows_of_left_out((), corpus.left_out, corpus.repeated):
        warnings.warn(f"{name}: {what}", stacklevel=2)
    return corpus
