from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from charlstm.errors import DivergedError
from charlstm.model.char_lstm import CharLSTM
from charlstm.scoring.dynamic import Dynamic, dynamic
from charlstm.scoring.evaluation import stateful

IDS = np.random.default_rng(0).integers(0, 11, 400).astype(np.uint8)


def weights(model: CharLSTM) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("first", [1, 2, 30, 51, 120])
def test_what_is_learned_from_was_predicted_before(make_model: Callable[..., CharLSTM], first: int) -> None:
    """The only segment is scored with the weights as they came, whatever was read before it."""
    model = make_model()
    result = dynamic(model, IDS[: first + 50], first, Dynamic(learning_rate=1.0, segment=50))
    assert result.chars == 50
    assert result.nats == pytest.approx(stateful(model, IDS[: first + 50], first).nats, rel=1e-5)


def test_the_future_does_not_count(make_model: Callable[..., CharLSTM]) -> None:
    """Losses of a beginning are the same, whatever follows it."""
    model, other = make_model(), IDS.copy()
    other[203:] = 10 - other[203:]
    losses = []
    for ids in (IDS, other):
        whole = dynamic(model, ids, settings=Dynamic(segment=20)).nats
        losses.append((dynamic(model, ids[:203], settings=Dynamic(segment=20)).nats, whole))
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]


def test_without_learning_it_is_the_stateful_loss(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model(num_layers=3, dropout=0.5)
    result = dynamic(model, IDS, 33, Dynamic(learning_rate=0.0, segment=7))
    assert result.nats == pytest.approx(stateful(model, IDS, 33).nats, rel=1e-5)
    assert result.chars == 400 - 33
    assert result.seconds > 0


def test_a_text_that_repeats_itself_is_learned(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(), np.tile(IDS[:40], 25)
    assert dynamic(model, ids, settings=Dynamic(learning_rate=0.01, segment=20)).loss < stateful(model, ids).loss - 0.3


@pytest.mark.parametrize("mode", [True, False])
def test_the_model_and_torch_stay_as_they_were(make_model: Callable[..., CharLSTM], mode: bool) -> None:
    model = make_model(dropout=0.5).train(mode)
    before, random = weights(model), torch.random.get_rng_state()
    with torch.no_grad():  # learning is the learner's own affair
        dynamic(model, IDS)
        assert not torch.is_grad_enabled()
    assert all(torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert model.training == mode
    assert torch.equal(random, torch.random.get_rng_state())


def test_steps_worked_out_by_hand(make_model: Callable[..., CharLSTM]) -> None:
    """A segment of context, two that are scored and learned from, and one that tells by its loss where the weights are then."""
    ids, settings = torch.from_numpy(IDS[:41].astype(np.int64)), Dynamic(learning_rate=0.02, decay=0.9, segment=10)
    model = make_model()
    trained, squares, nats, state = weights(model), [torch.zeros_like(p) for p in model.parameters()], 0.0, None
    for number, start in enumerate((0, 10, 20, 30), start=1):
        logits, (h, c) = model(ids[start : start + 10, None], state)
        loss, state = F.cross_entropy(logits[:, 0], ids[start + 1 : start + 11]), (h.detach(), c.detach())
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        squares = [s + g**2 for s, g in zip(squares, gradients, strict=True)]
        if start == 0:
            continue
        nats += 10 * loss.item()
        rms = [(s / number).sqrt() for s in squares]
        mean = torch.cat([r.flatten() for r in rms]).mean()
        with torch.no_grad():
            for w, w0, g, r in zip(model.parameters(), trained, gradients, rms, strict=True):
                w.add_(-0.02 * g / (r + 0.1 * mean) + torch.clamp(0.9 * r / mean, max=1.0) * (w0 - w))
    result = dynamic(make_model(), IDS[:41], 11, settings)
    assert result.nats == pytest.approx(nats, rel=1e-5)
    assert result.nats != pytest.approx(dynamic(make_model(), IDS[:41], 11, Dynamic(0.02, 0.0, 10)).nats, rel=1e-4)


def test_a_text_without_surprises(make_model: Callable[..., CharLSTM]) -> None:
    """One symbol is always certain: no gradients, and nothing to divide by."""
    assert dynamic(make_model(1), np.zeros(200, np.uint8)).nats == 0


def test_progress_is_told_and_may_leave(make_model: Callable[..., CharLSTM]) -> None:
    told: list[tuple[int, int]] = []
    dynamic(make_model(), IDS[:120], 21, Dynamic(segment=20), lambda done, total: told.append((done, total)))
    assert told == [(0, 99), (20, 99), (40, 99), (60, 99), (80, 99), (99, 99)]

    def leave(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dynamic(make_model(), IDS, progress=leave)


def test_a_loss_that_is_no_number_is_said(make_model: Callable[..., CharLSTM]) -> None:
    with pytest.raises(DivergedError, match=r"not a finite number after \d+ of 399 characters, learning rate inf: "):
        dynamic(make_model(), IDS, settings=Dynamic(learning_rate=math.inf, segment=20))
