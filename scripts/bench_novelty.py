"""Measure how long it takes to find what 100 texts have copied from a corpus of 10 MB.

python scripts/bench_novelty.py
"""

from __future__ import annotations

import resource
import time

import numpy as np
from report import row

from charlstm.config import Config
from charlstm.sampling.novelty import CopyIndex
from charlstm.text.corpus import read_corpus
from charlstm.text.vocabulary import CharVocabulary

SIZE, TEXTS, LENGTH = 10_000_000, 100, 1_000


def novelty() -> None:
    """The built-in text again and again, each time with other characters changed, so that no two copies are the same."""
    builtin = read_corpus(Config().data.text)
    vocabulary = builtin.vocabulary
    assert isinstance(vocabulary, CharVocabulary)
    generator = np.random.default_rng(0)
    copies = [_changed(builtin.ids, 0.05, generator) for _ in range(-(-SIZE // len(builtin.ids)))]
    ids = np.concatenate(copies)[:SIZE]
    places = generator.integers(0, len(builtin.ids) - LENGTH, TEXTS)
    texts = [vocabulary.decode(_changed(builtin.ids[i : i + LENGTH], 0.1, generator)) for i in places]

    memory, begin = _peak(), time.perf_counter()
    index = CopyIndex(ids, vocabulary)
    built = time.perf_counter()
    found = [index.measure(text) for text in texts]
    end = time.perf_counter()
    longest = sorted(copied.longest for copied in found)[TEXTS // 2]
    row(
        f"what {TEXTS} texts of {LENGTH:,} characters have copied from {SIZE / 1e6:.0f} MB",
        f"{end - begin:.1f} s ({built - begin:.1f} s for the index, {(_peak() - memory) / SIZE:.0f} bytes a character; "
        f"half of the longest runs over {longest})",
        "10 s",
    )


def _changed(ids: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A share of the characters replaced, by characters as frequent as they are in the text."""
    return np.where(generator.random(len(ids)) < share, generator.choice(ids, len(ids)), ids)


def _peak() -> int:
    """The most bytes that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    novelty()
