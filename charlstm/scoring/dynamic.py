"""Loss of a model that goes on learning from the text it is scored on: dynamic evaluation.

The text is read once, in order, in segments. A segment is predicted first, and that loss counts; then a copy of the model
learns from it. So each character is predicted from those before it alone, as in any evaluation with the state carried.

    g     gradient of the segment's mean loss
    rms   root mean square of each weight's gradients so far, this one among them
    w  <- w - learning_rate * g / (rms + epsilon) + min(1, decay * rms / mean of all rms) * (trained w - w)

Of a weight that matters much the steps are short, and it is pulled back the harder to what training made of it.

Source: Krause, Kahembwe, Murray and Renals, Dynamic Evaluation of Neural Sequence Models, ICML 2018 (arXiv:1709.07432),
section 5. One thing differs: they take `rms` from the training text once and for all. Here it begins with the end of the
context, which is training text where a validation part is scored, and every scored segment adds its own. A text may then be
scored without any other one; and where it is unlike the training text, weights whose gradients were next to nothing there
make no giant steps.

Knows: the rule, and the order of predicting and learning.
Does not know: the protocols without learning, files, training, how a number is shown.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.errors import DivergedError
from charlstm.model.char_lstm import CharLSTM, State, detach
from charlstm.model.device import threads_for
from charlstm.scoring.totals import Evaluation
from charlstm.text.batches import let_go
from charlstm.text.types import Ids

_EPSILON = 0.1  # of the mean of all rms, so that no unit of a loss matters


@dataclass(frozen=True)
class Dynamic:
    """How a model learns from what it is scored on.

    Tuned on the last tenth of tiny Shakespeare's training part, with models that had not read it.
    """

    learning_rate: float = 5e-4
    decay: float = 0.002
    """How much of the way back to the trained weights each step takes them, of a weight with the mean rms."""
    segment: int = 32
    """Characters. With 20, as in the paper, a model of 2x256 came 0.0015 nats lower in half as much time again; with 50 it came
    0.005 higher in three quarters of the time."""
    context: int = 100
    """At most so many segments before the first scored one begin `rms`, and the hidden state."""


def _no_progress(done: int, total: int) -> None:
    pass


def dynamic(
    model: CharLSTM,
    ids: Ids,
    first: int = 1,
    settings: Dynamic = Dynamic(),
    progress: Callable[[int, int], None] = _no_progress,
) -> Evaluation:
    """Score ids (N,) from `first` (>= 1) on, learning on the way; `model` itself stays as it is.

    `progress` is called after every segment with the characters scored so far and in all, and may raise.
    DivergedError where a loss is not finite.
    """
    since, scored = time.perf_counter(), len(ids) - first
    learner, state, nats = _Learner(model, settings), None, 0.0
    before = min(settings.context, math.ceil((first - 1) / settings.segment))
    with threads_for(model.multiplied, 1):
        for start in range(first - before * settings.segment, len(ids), settings.segment):
            segment = ids[max(0, start - 1) : start + settings.segment]
            loss, gradients, state = learner.read(segment, state)
            learner.observe(gradients)
            if start >= first:
                if not math.isfinite(loss):
                    raise DivergedError(
                        f"the loss of dynamic evaluation is not a finite number after {start - first:,} of {scored:,} "
                        f"characters, learning rate {settings.learning_rate:g}",
                        remedy="take a lower one, or score without learning",
                    )
                nats += loss * (len(segment) - 1)
                learner.learn(gradients)
            let_go(ids)
            progress(max(0, min(start + settings.segment, len(ids)) - first), scored)
    return Evaluation(nats, scored, time.perf_counter() - since)


class _Learner:
    """A copy of a model, and what it needs to learn by the rule above."""

    def __init__(self, model: CharLSTM, settings: Dynamic) -> None:
        self._settings = settings
        self._model = copy.deepcopy(model).eval()
        for module in self._model.modules():
            if isinstance(module, nn.LSTM):
                module.train()  # cuDNN gives gradients in training mode alone; the model's dropout follows the model's mode
        self._weights: list[Tensor] = list(self._model.parameters())
        self._trained = [w.detach().clone() for w in self._weights]
        self._squares = [torch.zeros_like(w) for w in self._trained]
        self._observed = 0

    @torch.enable_grad()
    def read(self, segment: Ids, state: State | None) -> tuple[float, tuple[Tensor, ...], State]:
        """Predict ids (T + 1,) but the first from those before -> the mean loss, its gradients, the state after them."""
        column = torch.from_numpy(segment.astype(np.int64)).to(self._weights[0].device)[:, None]
        logits, state = self._model(column[:-1], state)
        loss = F.cross_entropy(logits[:, 0], column[1:, 0])
        return float(loss.detach()), torch.autograd.grad(loss, self._weights), detach(state)

    @torch.no_grad()
    def observe(self, gradients: tuple[Tensor, ...]) -> None:
        """Add gradients to the statistics."""
        torch._foreach_addcmul_(self._squares, gradients, gradients)
        self._observed += 1

    @torch.no_grad()
    def learn(self, gradients: tuple[Tensor, ...]) -> None:
        """One step by the rule above."""
        rms = torch._foreach_sqrt(self._squares)  # times the root of how many there are, here and in the mean
        mean = max(float(sum(r.sum() for r in rms)) / sum(r.numel() for r in rms), 1e-30)  # 0 where nothing is uncertain
        pull = torch._foreach_mul(rms, self._settings.decay / mean)
        torch._foreach_clamp_max_(pull, 1.0)
        torch._foreach_lerp_(self._weights, self._trained, pull)
        torch._foreach_add_(rms, _EPSILON * mean)
        rate = self._settings.learning_rate * math.sqrt(self._observed)
        torch._foreach_addcdiv_(self._weights, gradients, rms, -rate)
