"""What a training consists of while it runs, and how it begins.

Knows: the parts that change from step to step, and where the first of each comes from.
Does not know: how a step changes them, how they are saved.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch

from charlstm.model.char_lstm import CharLSTM, State
from charlstm.model.shapes import refuse_too_large
from charlstm.runs.position import Position
from charlstm.runs.saved_model import SavedModel
from charlstm.training.finetune import take_weights
from charlstm.training.optim import make_optimizer
from charlstm.training.prepared import Prepared


@dataclass
class Training:
    """The moving parts of a training. Whatever is drawn is drawn from its own generators, and from no other."""

    model: CharLSTM
    optimizer: torch.optim.Optimizer
    average: CharLSTM | None
    """The running average of the model's weights; None where none is kept."""
    offsets: np.random.Generator
    """Draws where each epoch begins."""
    resets: torch.Generator
    """Draws which streams forget their state; on the CPU."""
    dropout: torch.Generator
    """Draws which units are dropped; on the model's device, and the same as `resets` where that is the CPU."""
    position: Position
    state: State | None = None
    """The carried hidden and cell state; None at the start of an epoch."""

    @property
    def result(self) -> CharLSTM:
        """What is scored, sampled from and saved as the model."""
        return self.average or self.model

    @property
    def device(self) -> torch.device:
        """Where the model is, and the carried state."""
        return self.model.head.weight.device


def new_training(prepared: Prepared, device: torch.device, trained: SavedModel | None = None) -> Training:
    """A training before its first step, from initial weights or from those of a trained model; `train.seed` decides it all.

    ConfigError where the model would be too large.
    """
    config, seed = prepared.config, prepared.config.train.seed
    refuse_too_large(prepared.vocabulary.size, config.model)
    model = CharLSTM(prepared.vocabulary.size, config.model, torch.Generator().manual_seed(seed)).to(device)
    if trained:
        take_weights(model, prepared.vocabulary, trained)
    resets = torch.Generator().manual_seed(seed)
    return Training(
        model,
        make_optimizer(model, config.train),
        average=copy.deepcopy(model) if config.train.average else None,
        offsets=np.random.default_rng(seed),
        resets=resets,
        dropout=resets if device.type == "cpu" else torch.Generator(device).manual_seed(seed),
        position=Position(),
    )
