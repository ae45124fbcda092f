from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from charlstm.config import Config
from charlstm.errors import ConfigError
from charlstm.model import shapes
from charlstm.runs.model_file import Facts
from charlstm.runs.position import Position
from charlstm.runs.saved_model import SavedModel
from charlstm.training.prepared import Prepared
from charlstm.training.state import Training, new_training
from tests.conftest import VERSE, prepare_text

CPU = torch.device("cpu")


def draws(training: Training) -> list[object]:
    """What its generators give next."""
    return [training.offsets.integers(10**9), *torch.rand(3, generator=training.resets).tolist()]


def test_the_seed_alone_decides_how_a_training_begins(make_config: Callable[..., Config]) -> None:
    one, two, other = (new_training(prepare_text(VERSE, make_config(f"train.seed={seed}")), CPU) for seed in (1, 1, 2))
    assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), two.model.parameters(), strict=True))
    assert any(not torch.equal(p, q) for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True))
    assert draws(one) == draws(two) != draws(other)


def test_a_new_training_stands_at_the_beginning(prepared: Prepared) -> None:
    training = new_training(prepared, CPU)
    assert training.position == Position()
    assert training.state is None
    assert training.dropout is training.resets
    assert training.device == CPU


def test_the_average_begins_as_the_model_and_is_the_result(make_config: Callable[..., Config]) -> None:
    training = new_training(prepare_text(VERSE, make_config("train.average=0.9")), CPU)
    assert training.result is training.average is not None
    for mean, p in zip(training.average.parameters(), training.model.parameters(), strict=True):
        assert mean is not p
        assert torch.equal(mean, p)
    plain = new_training(prepare_text(VERSE, make_config("train.average=0")), CPU)
    assert plain.average is None
    assert plain.result is plain.model


def test_trained_weights_are_taken_over_into_model_and_average(prepared: Prepared) -> None:
    trained = copy.deepcopy(new_training(prepared, CPU).model)
    with torch.no_grad():
        for p in trained.parameters():
            p.add_(1)
    training = new_training(prepared, CPU, SavedModel(trained, prepared.vocabulary, prepared.config, Facts(1, 1, 1)))
    for model in (training.model, training.result):
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), trained.parameters(), strict=True))


def test_a_copy_draws_the_same_without_the_original(prepared: Prepared) -> None:
    training = new_training(prepared, CPU)
    copied = copy.deepcopy(training)
    assert copied.dropout is copied.resets
    assert draws(copied) == draws(training)


def test_a_model_that_is_too_large_is_refused_before_it_is_made(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MAX_PARAMETERS", 100)
    with pytest.raises(ConfigError, match="at most 100 are possible"):
        new_training(prepared, CPU)
