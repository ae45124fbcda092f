"""A text made ready to learn from: its split and layout, and the settings that it asks for.

Knows: how a text, its batches and settings fit together.
Does not know: models, devices, training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from charlstm.asked import Asked
from charlstm.config import Config
from charlstm.errors import TextError
from charlstm.sampling.controls import Controls
from charlstm.text.batches import MIN_CHARACTERS, Layout, fit_layout
from charlstm.text.corpus import Corpus
from charlstm.text.line_ends import LineEnds, learned_kinds
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.training.size_defaults import fit_scale
from charlstm.values import escape_hint

SEARCH_SHARE = 0.1
"""The share of the training part, at its end, by which recipes are compared."""


@dataclass(frozen=True)
class Prepared:
    """`ids[:split]` is learned from, `ids[split:end]` is for validation, and what follows is kept for a test."""

    corpus: Corpus
    vocabulary: Vocabulary
    ids: Ids
    split: int
    end: int
    layout: Layout
    config: Config
    """As asked, with what this text decides: passes, batch and dropout where nobody set them, the batch and sequence that it
    is long enough for, its prime, its vocabulary's unit and normalisation."""
    chosen: tuple[str, ...]
    """The keys that were chosen by the length of the text."""

    @property
    def digest(self) -> str:
        """Tells this text from any other, see `Corpus`."""
        return self.corpus.digest

    @property
    def total_steps(self) -> int:
        """The steps of a whole training on it."""
        train = self.config.train
        steps = self.layout.steps * train.epochs
        return min(steps, train.max_steps or steps)


def prepare(corpus: Corpus, asked: Asked) -> Prepared:
    """Cut a text into batches. TextError where it is too short, or lacks the prime.

    CharlstmError where [sample] can't be used with its characters.
    """
    vocabulary = _knowing_line_ends(corpus)
    # Only to find what is wrong with them before hours of training, not in a preview.
    Controls(asked.config.sample, vocabulary)
    split, end = corpus.split(asked.config.data, MIN_CHARACTERS)
    config, chosen = fit_scale(asked, split)
    layout = fit_layout(split, config.train.batch_size, config.train.seq_len)
    config = _resolve(config, layout, corpus, vocabulary)
    return Prepared(corpus, vocabulary, corpus.ids, split, end, layout, config, chosen)


def prepare_for_search(corpus: Corpus, asked: Asked) -> Prepared:
    """The training part of a text cut once more, into a part to learn from and one to compare recipes by.

    What a run with this configuration is validated on is not in it: a recipe that was chosen by that part would look better
    on it than on any other text. TextError as for `prepare`.
    """
    split, _ = corpus.split(asked.config.data, MIN_CHARACTERS)
    data = asked.config.data.model_copy(update={"validation": SEARCH_SHARE, "test": 0})
    part = replace(asked, config=asked.config.model_copy(update={"data": data}))
    return prepare(replace(corpus, ids=corpus.ids[:split]), part)


def _knowing_line_ends(corpus: Corpus) -> Vocabulary:
    """The vocabulary of a text, with what its symbols don't tell: which line ends it is that use both LF and CR."""
    vocabulary = corpus.vocabulary
    if not all(_has_own_id(c, vocabulary) for c in "\n\r"):
        return vocabulary
    lf, cr = vocabulary.encode("\n\r").tolist()
    return vocabulary.knowing(LineEnds(learned_kinds(corpus.ids, lf, cr)))


def _resolve(config: Config, layout: Layout, corpus: Corpus, vocabulary: Vocabulary) -> Config:
    fitted = {
        "data": {"unit": vocabulary.unit, "normalize": vocabulary.normalize},
        "train": {"batch_size": layout.batch_size, "seq_len": layout.seq_len},
        "sample": {"prime": _prime(corpus, config, vocabulary)},
    }
    sections = {name: getattr(config, name).model_copy(update=values) for name, values in fitted.items()}
    return config.model_copy(update=sections)


def _prime(corpus: Corpus, config: Config, vocabulary: Vocabulary) -> str:
    prime = config.sample.prime
    if missing := vocabulary.unknown(vocabulary.line_ends.typed(prime)):
        hint = escape_hint(prime) if "\\" in missing else ""
        raise TextError(f"the text never uses {describe(missing)}", key="sample.prime", value=prime, remedy=hint)
    return prime or ("A" if _has_own_id("A", vocabulary) else vocabulary.decode(corpus.ids[:1].tolist()))


def _has_own_id(character: str, vocabulary: Vocabulary) -> bool:
    """False also where U+FFFD stands for it."""
    return not vocabulary.unknown(character) and vocabulary.decode(vocabulary.encode(character).tolist()) == character
