"""What several commands need: a text read with a bar, and how this program is called.

Knows: how to show that a text is being read.
Does not know: what the text is for.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from charlstm.config import DataConfig
from charlstm.corpus import Corpus, read_corpus
from charlstm.vocabulary import Vocabulary


def read_text(text: Sequence[str], data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False) -> Corpus:
    """Read a text, with a bar where it is long; see `read_corpus`."""
    from charlstm.views.reading import reading_bar

    with reading_bar() as progress:
        return read_corpus(text, data, vocabulary, extend, progress)


def program() -> str:
    """How the user can call this program again: by name where the shell finds it, else as it was called."""
    if shutil.which("charlstm"):
        return "charlstm"
    called = sys.argv[0]
    return shlex.join([sys.executable, "-m", "charlstm"] if Path(called).name == "__main__.py" else [called])
