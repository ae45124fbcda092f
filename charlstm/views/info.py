"""The answer of `info`: all that a model file says of itself.

Knows: the words and the rows; how a model and a loss are said in one line.
Does not know: torch; what a curve means.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

from charlstm.config import ModelConfig
from charlstm.model.shapes import count_parameters
from charlstm.runs.diagnosis import Diagnosis
from charlstm.runs.model_file import Weights
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.console import print_facts, print_json, print_line
from charlstm.words import counted


def print_info(path: Path, weights: Weights, diagnosis: Diagnosis | None, to_try: str | None, as_json: bool) -> None:
    """What a model file says of itself; of a run also what its curves say and what to try next."""
    config = weights.config.model_dump(mode="json", exclude={"data": {"text"}, "track": True})
    if as_json:
        print_json(
            {
                "path": str(path),
                "parameters": count_parameters(weights.vocabulary.size, weights.config.model),
                **asdict(weights.facts),
                "vocabulary": weights.vocabulary.to_json(),
                "config": config,
                "diagnosis": diagnosis and {**asdict(diagnosis), "command": to_try},
            }
        )
        return
    facts, loss = weights.facts, weights.facts.validation_loss
    steps, characters = counted(facts.step, "step"), counted(facts.characters, "character")
    trained = f"{steps}, {characters}, in epoch {facts.epoch} of {weights.config.train.epochs}"
    rows = [
        ("model", model_in_words(weights.vocabulary.size, weights.config.model)),
        ("vocabulary", _vocabulary_facts(weights.vocabulary)),
        ("trained", trained),
        ("train loss", "none yet" if facts.train_loss is None else f"{facts.train_loss:.4f} nats, with dropout"),
        ("validation", _validation(weights, loss)),
    ]
    if diagnosis:
        rows.append(("curves", diagnosis.sentence))
    rows += [(f"[{section}]", ", ".join(f"{k} {v!r}" for k, v in keys.items())) for section, keys in config.items()]
    print_facts(rows, stderr=False)
    if to_try:
        print_line(f"to try: {to_try}", stderr=False)


def _validation(weights: Weights, loss: float | None) -> str:
    if loss is None:
        return "none yet" if weights.config.data.validation else "none: no part of the text is kept for it"
    return f"{loss_in_words(loss, weights.vocabulary.noun)}, stateful"


def loss_in_words(nats: float, noun: str) -> str:
    """A loss in nats, and in bits.

    >>> loss_in_words(math.log(2), "character")
    '0.6931 nats, 1.0000 bits per character'
    """
    return f"{nats:.4f} nats, {nats / math.log(2):.4f} bits per {noun}"


def model_in_words(vocabulary_size: int, config: ModelConfig) -> str:
    """A model's shape and size.

    >>> model_in_words(65, ModelConfig())
    'LSTM 2 x 512, embedding 128, dropout 0.3, 3,457,729 parameters'
    """
    source = f"embedding {config.embedding_size}" if config.embedding_size else "one-hot"
    layers, count = f"{config.num_layers} x {config.hidden_size}", count_parameters(vocabulary_size, config)
    return f"LSTM {layers}, {source}, dropout {config.dropout:g}, {count:,} parameters"


def _vocabulary_facts(vocabulary: Vocabulary) -> str:
    if vocabulary.unit == "byte":
        return "the 256 bytes"
    symbols = str(vocabulary.to_json()["symbols"])
    return f"{vocabulary.size} characters: {symbols[:100]!r}{'...' if len(symbols) > 100 else ''}"
