"""A new training that begins with the weights of a trained model, also where the new text has more characters.

Knows: which weights belong to which character.
Does not know: files, the loop.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from charlstm.asked import Asked
from charlstm.config import Config
from charlstm.errors import Argument, ConfigError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.saved_model import SavedModel
from charlstm.text.vocabulary import CharVocabulary, Vocabulary, code_points

_FIXED = {"data": ("unit", "normalize"), "model": ("embedding_size", "hidden_size", "num_layers")}
"""Settings that the weights and the vocabulary decide."""
_USUAL = {"data": ("newlines", "separator")}
"""Settings that are the trained model's unless another value is asked for."""


def settle(asked: Asked, trained: Config, extend: bool) -> Asked:
    """What was asked for, with the settings that a trained model decides. ConfigError where another value was asked for."""
    if asked.config.data.min_count > 1 and not extend:
        without = ("it chooses among new characters, and without ", Argument("extend_vocabulary", True), " there are none")
        raise ConfigError(without, key="data.min_count", value=asked.config.data.min_count)
    sections = {}
    for section, keys in _FIXED.items():
        wanted, given = getattr(asked.config, section), getattr(trained, section)
        taken = [key for key in _USUAL.get(section, ()) if not asked.has(f"{section}.{key}")]
        for key in keys:
            value, fixed = getattr(wanted, key), getattr(given, key)
            if asked.has(f"{section}.{key}") and value != fixed:
                has = f"the model to start from has {fixed!r}"
                raise ConfigError(has, key=f"{section}.{key}", value=value, remedy="leave the setting out")
        sections[section] = wanted.model_copy(update={key: getattr(given, key) for key in (*keys, *taken)})
    return replace(asked, config=asked.config.model_copy(update=sections))


@torch.no_grad()
def take_weights(model: CharLSTM, vocabulary: Vocabulary, trained: SavedModel) -> None:
    """Copy the trained weights into a model of the same shape.

    What belongs to a character (a row of the embedding, a column of the first layer where input is one-hot, a row of the
    head and its bias) goes to that character's place; characters that the trained model lacks keep their new weights.
    """
    places = _new_places(trained.vocabulary, vocabulary)
    by_character = {"embedding.weight", "head.weight", "head.bias"}
    for name, p in model.named_parameters():
        source = trained.model.get_parameter(name).to(p.device)
        if name in by_character:
            p[places] = source
        elif name == "lstm.weight_ih_l0" and model.embedding is None:
            p[:, places] = source
        else:
            p.copy_(source)


def _new_places(old: Vocabulary, new: Vocabulary) -> Tensor:
    """Where each id of the old vocabulary stands in the new one, shape (V_old,)."""
    if not isinstance(old, CharVocabulary) or not isinstance(new, CharVocabulary):
        return torch.arange(old.size)
    return torch.from_numpy(new.table(code_points(old.symbols)).astype("int64"))
