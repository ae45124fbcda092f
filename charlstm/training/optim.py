"""The optimizer, the learning rate and the average of the weights.

Knows: which weights decay, the learning rate at every step, and how fast the average follows.
Does not know: losses, data, when to stop.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from charlstm.config import TrainConfig
from charlstm.library_folders import own_folder


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with decay on matrices only: a decayed bias would close the forget gates again."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    with own_folder(
        "TORCHINDUCTOR_CACHE_DIR", "torch"
    ):  # which the first optimizer makes, and nothing fills: nothing is compiled
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move an exponential average of the weights one step on (Polyak and Juditsky 1992); `step` counts from 1.

    Until `decay` is reached it reaches back over about a tenth of the steps so far, so that nothing stays of how the weights
    began.
    """
    decay = min(decay, (step - 1) / (step + 9))
    for mean, p in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(p, 1 - decay)


def learning_rate_at(step: int, total_steps: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine (Loshchilov and Hutter 2017) down to `final_rate` of the highest rate.

    `step` counts from 0, so that the first step already moves: it has 1 / warmup_steps of the highest rate.
    A training shorter than ten warm-ups warms up over a tenth of its steps.
    """
    warmup = min(config.warmup_steps, total_steps // 10)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * cosine)
