"""One step of truncated backpropagation through time: forward, backward, the optimizer, the average.

Knows: how a batch changes the moving parts of a training.
Does not know: which batch comes next, what is counted, evaluated or saved.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.config import TrainConfig
from charlstm.errors import DivergedError
from charlstm.model.char_lstm import State, detach
from charlstm.training.optim import update_average
from charlstm.training.state import Training


def take_step(training: Training, x: Tensor, y: Tensor, rate: float, config: TrainConfig) -> tuple[float, float]:
    """Learn to predict y from x, ids (T, B) each, at a learning rate -> the loss (nats per character), the gradient's norm.

    The carried state becomes that after x; the norm is that before clipping. DivergedError where either is not finite; the
    weights are then as they were.
    """
    number, device = training.position.step + 1, training.device
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    training.optimizer.zero_grad()
    logits, state = training.model(x.to(device), some_reset(training.state, config.reset, training.resets), training.dropout)
    loss = F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten())
    loss.backward()
    training.state = detach(state)
    nats = float(loss.detach())
    grad_norm = float(nn.utils.clip_grad_norm_(training.model.parameters(), config.grad_clip or math.inf))
    if not math.isfinite(nats) or not math.isfinite(grad_norm):
        what = "gradient" if math.isfinite(nats) else "loss"
        raise DivergedError(f"the {what} of step {number:,} is not a finite number, learning rate {rate:.2g}")
    training.optimizer.step()
    if training.average:
        update_average(training.average, training.model, number, config.average)
    return nats, grad_norm


def some_reset(state: State | None, probability: float, generator: torch.Generator) -> State | None:
    """The carried state, with streams now and then sent back to the zero state that every text begins with."""
    if state is None or not probability:
        return state
    kept = (torch.rand(state[0].shape[1], 1, generator=generator) >= probability).to(state[0])
    return state[0] * kept, state[1] * kept
