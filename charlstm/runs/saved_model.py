"""A model file as a model: `model_file.py` with torch.

Knows: how weights become a model, and a model weights.
Does not know: the file format; what training, sampling or evaluating do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from charlstm.config import Config
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts, Weights, explained, read_weights, write_weights
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class SavedModel:
    """A model and all that belongs to it."""

    model: CharLSTM
    vocabulary: Vocabulary
    config: Config
    facts: Facts


def save_model(path: Path, saved: SavedModel) -> None:
    """Write a model file. SaveError where it can't be written; a file that was there before then stays as it was."""
    weights = {name: p.detach().cpu().numpy() for name, p in saved.model.state_dict().items()}
    write_weights(path, weights, saved.vocabulary, saved.config, saved.facts)


def load_model(path: Path, device: torch.device | None = None) -> SavedModel:
    """Read a run folder (its best model) or a model file, ready to use. ModelError says what is wrong with it."""
    weights = read_weights(path)
    with explained(path):
        model = model_of(weights, device)
    return SavedModel(model, weights.vocabulary, weights.config, weights.facts)


def model_of(weights: Weights, device: torch.device | None = None) -> CharLSTM:
    """The model with these weights, ready to use."""
    model = CharLSTM(weights.vocabulary.size, weights.config.model)
    model.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in weights.tensors.items()})
    return model.to(device or torch.device("cpu")).eval()
