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
from charlstm.model.device import threads_for
from charlstm.model.types import Loss
from charlstm.text.batches import Batch
from charlstm.training.optim import update_average
from charlstm.training.state import Training


def take_step(training: Training, batch: Batch, rate: float, config: TrainConfig) -> tuple[Loss, float]:
    """Learn to predict the targets of a batch, at a learning rate -> the loss, the gradient's norm before clipping.

    The carried state becomes that after the inputs. DivergedError where loss or norm is not finite; the weights are then as
    they were.
    """
    with threads_for(training.model.multiplied, batch.inputs.shape[1]):
        return _take_step(training, batch, rate, config)


def _take_step(training: Training, batch: Batch, rate: float, config: TrainConfig) -> tuple[Loss, float]:
    number, batch = training.position.step + 1, batch.to(training.device)
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    training.optimizer.zero_grad()
    before = some_reset(begin_anew(training.state, batch.starts), config.reset, training.resets)
    logits, after = training.model(batch.inputs, before, training.dropout)
    mean, count = _mean_loss(logits, batch)
    mean.backward()
    training.state = detach(after)
    loss = Loss(float(mean.detach()) * count, count)
    grad_norm = float(nn.utils.clip_grad_norm_(training.model.parameters(), config.grad_clip or math.inf))
    if not math.isfinite(loss.nats) or not math.isfinite(grad_norm):
        what = "gradient" if math.isfinite(loss.nats) else "loss"
        raise DivergedError(f"the {what} of step {number:,} is not a finite number, learning rate {rate:.2g}")
    training.optimizer.step()
    if training.average:
        update_average(training.average, training.model, number, config.average)
    return loss, grad_norm


def _mean_loss(logits: Tensor, batch: Batch) -> tuple[Tensor, float]:
    """Logits (T, B, V) -> nats per character that counts, to learn from, and how many count."""
    predicted, targets = logits.flatten(0, 1), batch.targets.flatten()
    if batch.weights is None:
        return F.cross_entropy(predicted, targets), batch.characters
    nats = (F.cross_entropy(predicted, targets, reduction="none") * batch.weights.flatten()).sum()
    count = float(batch.weights.sum())
    return nats / (count or 1.0), count  # where none counts, the gradient is zero and not 0 / 0


def begin_anew(state: State | None, starts: Tensor | None) -> State | None:
    """The carried state, zero in the streams that begin anew, bool (B,)."""
    return state if state is None or starts is None else _kept(state, ~starts)


def some_reset(state: State | None, probability: float, generator: torch.Generator) -> State | None:
    """The carried state, with streams now and then sent back to the zero state that every text begins with."""
    if state is None or not probability:
        return state
    return _kept(state, torch.rand(state[0].shape[1], generator=generator) >= probability)


def _kept(state: State, kept: Tensor) -> State:
    """The state of the streams that keep it, bool (B,), and zero in the others."""
    factor = kept[:, None].to(state[0])
    return state[0] * factor, state[1] * factor
