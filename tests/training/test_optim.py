from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from charlstm.config import TrainConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.training.optim import learning_rate_at, make_optimizer, update_average

CONFIG = TrainConfig(learning_rate=1.0, warmup_steps=10, final_rate=0.1)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (10 + 495, 0.55), (1000, 0.1), (5000, 0.1)]
)
def test_warm_up_then_cosine(step: int, rate: float) -> None:
    assert learning_rate_at(step, 1000, CONFIG) == pytest.approx(rate)


def test_it_only_rises_in_the_warm_up_and_only_falls_after_it() -> None:
    rates = [learning_rate_at(step, 300, CONFIG) for step in range(301)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_short_training_has_a_short_warm_up() -> None:
    assert learning_rate_at(1, 20, CONFIG) == pytest.approx(1.0)
    assert learning_rate_at(0, 1, CONFIG) > 0


def test_a_final_rate_of_one_is_constant() -> None:
    config = TrainConfig(learning_rate=1e-3, warmup_steps=0, final_rate=1.0)
    assert {learning_rate_at(step, 100, config) for step in range(101)} == {1e-3}


def test_only_matrices_decay(make_model: Callable[..., CharLSTM]) -> None:
    matrices, vectors = make_optimizer(make_model(), TrainConfig(weight_decay=0.3)).param_groups
    assert matrices["weight_decay"] == 0.3
    assert all(p.ndim == 2 for p in matrices["params"])
    assert vectors["weight_decay"] == 0.0
    assert all(p.ndim == 1 for p in vectors["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(make_model().parameters()))


def test_the_average_forgets_how_weights_began_and_then_follows_at_its_decay() -> None:
    model, average = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    means = []
    for step, value in enumerate([3.0, 5.0, 5.0] + [5.0] * 2000 + [7.0], start=1):
        nn.init.constant_(model.weight, value)
        update_average(average, model, step, decay=0.9)
        means.append(average.weight.item())
    assert means[0] == 3
    assert means[1] == pytest.approx(3 / 11 + 5 * 10 / 11)
    assert means[-2] == pytest.approx(5)
    assert means[-1] == pytest.approx(0.9 * 5 + 0.1 * 7)
