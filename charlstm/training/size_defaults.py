"""Settings that follow from how long a text is, where nobody set them.

A short text needs many passes, and dropout against learning it by heart; a long one need not be read twice. docs/quality.md
says which rows are measured.

Knows: the table.
Does not know: texts, models, how a setting is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from charlstm.asked import Asked
from charlstm.config import Config


@dataclass(frozen=True)
class Scale:
    """What suits a text with up to so many characters (or bytes) to learn from."""

    characters: float
    epochs: int
    batch_size: int
    dropout: float


SCALES = (
    Scale(30_000, epochs=25, batch_size=8, dropout=0.5),
    Scale(100_000, epochs=15, batch_size=8, dropout=0.5),
    Scale(400_000, epochs=10, batch_size=16, dropout=0.4),
    Scale(1_500_000, epochs=6, batch_size=32, dropout=0.3),
    Scale(5_000_000, epochs=3, batch_size=32, dropout=0.1),
    Scale(20_000_000, epochs=2, batch_size=64, dropout=0.0),
    Scale(inf, epochs=1, batch_size=128, dropout=0.0),
)


def fit_scale(asked: Asked, characters: int) -> tuple[Config, tuple[str, ...]]:
    """The configuration for so many characters to learn from, and the keys that were chosen because nobody set them.

    >>> config, chosen = fit_scale(Asked(), 1_003_854)
    >>> config.train.epochs, config.train.batch_size, config.model.dropout, chosen
    (6, 32, 0.3, ('train.epochs', 'train.batch_size', 'model.dropout'))
    """
    scale = next(scale for scale in SCALES if characters <= scale.characters)
    sections: dict[str, object] = {}
    chosen: tuple[str, ...] = ()
    for section, keys in {"train": ("epochs", "batch_size"), "model": ("dropout",)}.items():
        free = [key for key in keys if not asked.has(f"{section}.{key}")]
        sections[section] = getattr(asked.config, section).model_copy(update={key: getattr(scale, key) for key in free})
        chosen += tuple(f"{section}.{key}" for key in free)
    return asked.config.model_copy(update=sections), chosen
