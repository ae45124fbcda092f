from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from charlstm.config import Config, load_config
from charlstm.runs.diagnosis import Diagnosis, diagnose
from charlstm.runs.records import Point


def curve(*losses: tuple[float, float], steps: int = 500) -> list[Point]:
    """An evaluation an epoch."""
    return [Point(steps * epoch, epoch, train, validation) for epoch, (train, validation) in enumerate(losses, start=1)]


def run(points: Sequence[Point], *settings: str) -> Diagnosis:
    """Of a run that ended with the last point."""
    return diagnose(points, config(points[-1].epoch, *settings))


def config(epochs: int, *settings: str) -> Config:
    return load_config(None, [f"train.epochs={epochs}", *settings])


LEARNING = curve((1.89, 1.60), (1.62, 1.50), (1.55, 1.45), (1.50, 1.427))
APART = curve((1.89, 1.60), (1.42, 1.50), (1.31, 1.445), (1.25, 1.427))
OVERFITTING = curve((1.9, 1.7), (1.6, 1.55), (1.4, 1.50), (1.2, 1.52), (1.0, 1.60), (0.8, 1.75))
UNDERFITTING = curve((2.1, 1.9), (1.83, 1.80), (1.81, 1.79), (1.80, 1.785), (1.79, 1.78), (1.79, 1.78))
LEVEL = curve((1.8, 1.6), (1.5, 1.45), (1.42, 1.42), (1.37, 1.41), (1.35, 1.405), (1.34, 1.404))
UNSTEADY = curve((2.0, 1.8), (1.8, 1.7), (2.4, 2.3), (2.5, 2.4))


@pytest.mark.parametrize(
    ("points", "settings", "kind", "part", "to_try", "goes_on"),
    [
        (LEARNING, (), "still learning", "took 0.073 off", {"train.epochs": 8}, True),
        (APART, (), "still learning", "more dropout", {"model.dropout": 0.5, "train.epochs": 8}, False),
        (APART, ("model.dropout=0.5",), "still learning", "more passes", {"train.epochs": 8}, True),
        (OVERFITTING, (), "overfitting", "since epoch 3: ", {"model.dropout": 0.5}, False),
        (OVERFITTING, ("model.dropout=0.4",), "overfitting", "from 1.500 to 1.750", {"model.dropout": 0.5}, False),
        (OVERFITTING, ("model.dropout=0.5",), "overfitting", "training loss fell", {"model.hidden_size": 256}, False),
        (UNDERFITTING, (), "underfitting", "less dropout", {"model.dropout": 0.1}, False),
        (UNDERFITTING, ("model.dropout=0",), "underfitting", "1.790, is no lower", {"model.hidden_size": 1024}, False),
        (LEVEL, (), "well trained", "levelled off at 1.404", {}, False),
        (UNSTEADY, (), "unsteady", "since epoch 2: ", {"train.learning_rate": 0.0015}, False),
    ],
)
def test_every_kind(
    points: list[Point], settings: tuple[str, ...], kind: str, part: str, to_try: dict[str, float], goes_on: bool
) -> None:
    found = run(points, *settings)
    assert (found.kind, found.settings_to_try, found.goes_on) == (kind, to_try, goes_on)
    assert found.sentence.startswith(kind)
    assert part in found.sentence


@pytest.mark.parametrize("points", [[], LEARNING[:1], LEARNING[:2]])
def test_a_curve_takes_three_evaluations(points: list[Point]) -> None:
    found = diagnose(points, config(2))
    assert found.kind == "too early"
    assert found.goes_on
    assert found.settings_to_try == ({"train.epochs": 4} if len(points) == 2 else {})


@pytest.mark.parametrize("points", [LEARNING, APART, UNDERFITTING])
def test_a_run_that_was_stopped_goes_on_as_it_is(points: list[Point]) -> None:
    found = diagnose(points, config(50))
    assert found.goes_on
    assert not found.settings_to_try


def test_a_plateau_in_the_first_steps_is_no_lack_of_size() -> None:
    """Three epochs of eight steps: all that is known are the frequencies of characters."""
    found = run(curve((3.5, 3.40), (3.4, 3.381), (3.42, 3.376), (3.38, 3.375), steps=8))
    assert found.kind == "underfitting"
    assert found.settings_to_try == {"train.epochs": 8}


def test_the_limit_that_ended_the_run_is_raised() -> None:
    assert run(LEARNING, "train.max_steps=1800").settings_to_try == {"train.epochs": 8, "train.max_steps": 3600}
    assert not diagnose(LEARNING, config(9, "train.max_steps=9000")).settings_to_try
    assert diagnose(LEARNING, config(9, "train.max_steps=2000")).settings_to_try == {"train.max_steps": 4000}


def test_the_last_epoch_is_not_over_at_its_first_evaluation() -> None:
    within = [replace(point, epoch=1, ends_epoch=False) for point in LEARNING]
    found = diagnose(within, config(1))
    assert (found.goes_on, found.settings_to_try) == (True, {})
    assert "more passes" not in found.sentence


def test_a_run_that_ran_out_of_patience_goes_on_without_it() -> None:
    points = curve((2.0, 1.80), (1.7, 1.70), (1.65, 1.701))
    assert diagnose(points, config(50, "train.patience=2")).settings_to_try == {}
    ended = diagnose(points, config(50, "train.patience=1"))
    assert (ended.settings_to_try, ended.goes_on) == ({"train.patience": 0}, True)


def test_a_flat_training_loss_above_the_validation_loss_asks_for_less_dropout() -> None:
    flat = curve((2.5, 1.9), (1.95, 1.52), (1.91, 1.505), (1.9, 1.5), (1.9, 1.5), (1.9, 1.5))
    assert run(flat, "model.dropout=0.5").settings_to_try == {"model.dropout": 0.3}


def test_dropout_that_only_training_has_is_no_gap() -> None:
    """Trained with much dropout, the training loss stays above the validation loss: that is not a lack of size or passes."""
    assert run(curve((2.5, 2.0), (2.1, 1.7), (1.9, 1.55), (1.8, 1.45)), "model.dropout=0.5").kind == "still learning"


def test_chance_is_no_overfitting() -> None:
    points = curve((1.8, 1.6), (1.5, 1.45), (1.42, 1.42), (1.37, 1.404), (1.35, 1.403), (1.34, 1.405))
    assert run(points).kind == "well trained"


def test_what_is_suggested_is_allowed() -> None:
    """At the ends of every range."""
    largest = ("model.hidden_size=8192", "model.dropout=0.99", "train.max_steps=1")
    for points in (LEARNING, APART, OVERFITTING, UNDERFITTING, LEVEL, UNSTEADY):
        for settings in (largest, ("model.hidden_size=1", "model.dropout=0.5"), ("train.learning_rate=1e-9",)):
            given = load_config(None, ["train.epochs=1000000", *settings])
            at_end = [*points[:-1], Point(points[-1].step, 1_000_000, points[-1].train_loss, points[-1].validation_loss)]
            found = diagnose(at_end, given)
            load_config(None, [f"{key}={value}" for key, value in found.settings_to_try.items()])
