"""A text made ready to learn from: vocabulary, ids, split and layout, and the settings that this text asks for.

Knows: how the rooms of text and batches fit together.
Does not know: models, devices, training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlstm.batches import MIN_CHARACTERS, Layout, fit_layout
from charlstm.config import Config
from charlstm.corpus import Corpus
from charlstm.errors import TextError
from charlstm.vocabulary import ByteVocabulary, CharVocabulary, Ids, Vocabulary, describe


@dataclass(frozen=True)
class Material:
    """`ids[:split]` is learned from, `ids[split:]` is for validation."""

    corpus: Corpus
    vocabulary: Vocabulary
    ids: Ids
    split: int
    layout: Layout
    config: Config
    """As asked, with the batch, sequence and prime that this text allows."""


def prepare(corpus: Corpus, config: Config) -> Material:
    """Learn the vocabulary of a text, encode it, and cut it. TextError where it is too short, or lacks the prime."""
    vocabulary: Vocabulary = CharVocabulary(corpus.text) if config.data.unit == "char" else ByteVocabulary()
    cut = corpus.split(config.data.validation)
    train, validation = vocabulary.encode(corpus.text[:cut]), vocabulary.encode(corpus.text[cut:])
    ids, split = np.concatenate([train, validation]), len(train)
    if split < MIN_CHARACTERS or split == len(ids):
        least = next(n for n in range(MIN_CHARACTERS, 100) if MIN_CHARACTERS <= int(n * (1 - config.data.validation)) < n)
        raise TextError(f"the text has {len(corpus.text)} characters; the minimum to train on is {least}")
    layout = fit_layout(split, config.train.batch_size, config.train.seq_len)
    return Material(corpus, vocabulary, ids, split, layout, _resolve(config, layout, _prime(corpus, vocabulary, config)))


def _resolve(config: Config, layout: Layout, prime: str) -> Config:
    train = config.train.model_copy(update={"batch_size": layout.batch_size, "seq_len": layout.seq_len})
    return config.model_copy(update={"train": train, "sample": config.sample.model_copy(update={"prime": prime})})


def _prime(corpus: Corpus, vocabulary: Vocabulary, config: Config) -> str:
    prime = config.sample.prime
    if missing := vocabulary.unknown(prime):
        raise TextError(f"sample.prime = {prime!r}: the text never uses {describe(missing)}")
    return prime or (corpus.text[0] if vocabulary.unknown("A") else "A")
