from __future__ import annotations

import pytest

from charlstm.model.types import Loss
from charlstm.runs.position import Meter, Position


def test_a_meter_weighs_each_step_by_what_counts_in_it() -> None:
    meter = Meter()
    assert meter.loss.mean == 0
    meter.add(Loss(20.0, 10), 10, 0.5, 7.0)
    meter.add(Loss(100.0, 20), 50, 0.25, 3.0)
    assert meter == Meter(nats=120.0, count=30, characters=60, seconds=0.75, grad_norm=3.0)
    assert meter.loss == Loss(120.0, 30)
    assert meter.loss.mean == 4


def test_steps_and_epochs_are_counted() -> None:
    position = Position()
    position.begin_epoch(5)
    position.count_step(Loss(20.0, 10), 10, 0.5, 7.0)
    position.count_step(Loss(40.0, 10), 10, 0.5, 1.0)
    assert (position.step, position.epoch, position.batch, position.offset) == (2, 1, 2, 5)
    assert (position.characters, position.seconds, position.meter.loss.mean) == (20, 1.0, 3.0)
    position.begin_epoch(3)
    assert (position.step, position.epoch, position.batch, position.offset) == (2, 2, 0, 3)


def test_evaluations_are_counted_and_the_best_is_kept() -> None:
    position = Position(evaluation_due=True)
    found = []
    for loss in (3.0, 2.0, 2.0, 2.5, 1.0):
        position.count_step(Loss(40.0, 10), 10, 0.5, 1.0)
        is_best = position.count_evaluation(loss, 1.5)
        found.append((is_best, position.best_loss, position.without_best))
    assert found == [(True, 3.0, 0), (True, 2.0, 0), (False, 2.0, 1), (False, 2.0, 2), (True, 1.0, 0)]
    assert (position.train_loss, position.validation_loss, position.seconds) == (4.0, 1.0, 10.0)
    assert position.meter == Meter()
    assert not position.evaluation_due


@pytest.mark.parametrize(
    ("step", "without_best", "patience", "due", "finished"),
    [
        (9, 0, 0, False, False),
        (10, 0, 0, False, True),
        (10, 0, 0, True, False),
        (3, 99, 0, False, False),
        (3, 1, 2, False, False),
        (3, 2, 2, False, True),
        (3, 2, 2, True, False),
    ],
)
def test_the_end_is_the_last_step_evaluated_or_the_end_of_patience(
    step: int, without_best: int, patience: int, due: bool, finished: bool
) -> None:
    position = Position(step=step, without_best=without_best, evaluation_due=due)
    assert position.is_finished(10, patience) == finished
