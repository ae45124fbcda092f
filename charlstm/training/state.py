"""What a training consists of while it runs.

Knows: the parts that change from step to step.
Does not know: how a step changes them, how they are saved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from charlstm.model.char_lstm import CharLSTM, State
from charlstm.runs.position import Position


@dataclass
class Training:
    """The moving parts of a training."""

    model: CharLSTM
    optimizer: torch.optim.Optimizer
    offsets: np.random.Generator
    position: Position
    average: CharLSTM | None
    """The running average of the model's weights; None where none is kept."""
    state: State | None = None
    """The carried hidden and cell state; None at the start of an epoch."""

    @property
    def result(self) -> CharLSTM:
        """What is scored, sampled from and saved as the model."""
        return self.average or self.model
