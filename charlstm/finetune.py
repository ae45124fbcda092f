"""A new training that begins with the weights of a trained model, also where the new text has more characters.

Knows: which weights belong to which character.
Does not know: files, the loop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from charlstm.config import ModelConfig
from charlstm.errors import ConfigError
from charlstm.model import CharLSTM
from charlstm.store import SavedModel
from charlstm.vocabulary import CharVocabulary, Vocabulary

_SHAPE = ("embedding_size", "hidden_size", "num_layers")


def shape_of(trained: ModelConfig, asked: ModelConfig) -> ModelConfig:
    """The asked settings, with the trained model's shape. ConfigError where another shape was asked for."""
    for key in _SHAPE:
        if key in asked.model_fields_set and getattr(asked, key) != getattr(trained, key):
            raise ConfigError(
                f"model.{key} = {getattr(asked, key)}: the model to start from has {getattr(trained, key)}, "
                "and its weights fit nothing else: leave the setting out"
            )
    return asked.model_copy(update={key: getattr(trained, key) for key in _SHAPE})


@torch.no_grad()
def take_weights(model: CharLSTM, vocabulary: Vocabulary, trained: SavedModel) -> None:
    """Copy the trained weights into a model of the same shape.

    What belongs to a character (a row of the embedding, a column of the first layer where input is one-hot, a row of the
    head and its bias) goes to that character's place; characters that the trained model lacks keep their new weights.
    """
    places = _places(trained.vocabulary, vocabulary)
    by_character = {"embedding.weight", "head.weight", "head.bias"}
    for name, p in model.named_parameters():
        source = trained.model.get_parameter(name).to(p.device)
        if name in by_character:
            p[places] = source
        elif name == "lstm.weight_ih_l0" and model.embedding is None:
            p[:, places] = source
        else:
            p.copy_(source)


def _places(old: Vocabulary, new: Vocabulary) -> Tensor:
    """Where each id of the old vocabulary stands in the new one, shape (V_old,)."""
    if not isinstance(old, CharVocabulary) or not isinstance(new, CharVocabulary):
        return torch.arange(old.size)
    return torch.tensor([new.symbols.index(symbol) for symbol in old.symbols])
