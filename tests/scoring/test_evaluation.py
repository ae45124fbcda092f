from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from charlstm.errors import TextError
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.scoring import evaluation
from charlstm.scoring.evaluation import cold, evaluate_text, stateful
from charlstm.scoring.totals import Evaluation

IDS = np.random.default_rng(0).integers(0, 11, 3001).astype(np.uint8)


def surprises(model: CharLSTM, ids: np.ndarray) -> np.ndarray:
    """The loss of each of ids[1:], read one character at a time from a zero state before ids[0]."""
    nats, state = [], None
    with torch.no_grad():
        for i, following in itertools.pairwise(ids.tolist()):
            logits, state = model(torch.tensor([[i]]), state)
            nats.append(-torch.log_softmax(logits[0, 0].double(), 0)[following].item())
    return np.array(nats)


@pytest.fixture(scope="module")
def along(make_model: Callable[..., CharLSTM]) -> np.ndarray:
    """The losses along the whole text: what each model made here without settings of its own must find."""
    return surprises(make_model(), IDS)


def test_stateful_in_one_lane_is_the_sum_along_the_text(make_model: Callable[..., CharLSTM], along: np.ndarray) -> None:
    result = stateful(make_model(), IDS[:500])
    assert result.chars == 499
    assert result.nats == pytest.approx(along[:499].sum(), rel=1e-5)


def test_stateful_in_lanes_agrees_with_one_lane(make_model: Callable[..., CharLSTM], along: np.ndarray) -> None:
    result = stateful(make_model(), IDS)  # 3,000 scored characters make 5 lanes
    assert result.chars == 3000
    assert result.nats == pytest.approx(along.sum(), rel=1e-5)


@pytest.mark.parametrize("first", [1, 2, 700, 2999])
def test_context_is_read_but_not_scored(make_model: Callable[..., CharLSTM], along: np.ndarray, first: int) -> None:
    result = stateful(make_model(), IDS, first)
    assert result.chars == 3001 - first
    assert result.nats == pytest.approx(along[first - 1 :].sum(), rel=1e-5)


def test_cold_windows_start_from_nothing(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    result = cold(model, IDS[:100], first=10, window=40)
    expected = sum(surprises(model, IDS[begin:end]).sum() for begin, end in ((9, 50), (49, 90), (89, 100)))
    assert result.chars == 90
    assert result.nats == pytest.approx(expected, rel=1e-5)


def test_a_model_that_knows_nothing_costs_ln_v(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    torch.nn.init.zeros_(model.head.weight)
    for result in evaluate_text(model, IDS).values():
        assert result.loss == pytest.approx(math.log(11))
        assert result.bpc == pytest.approx(math.log2(11))


def test_training_mode_is_put_back_and_dropout_is_off_meanwhile(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model(dropout=0.5).train()
    assert stateful(model, IDS[:300]) == stateful(model, IDS[:300])
    assert model.training


def test_check_may_leave_an_evaluation(make_model: Callable[..., CharLSTM]) -> None:
    def leave() -> None:
        raise KeyboardInterrupt

    model = make_model().train()
    with pytest.raises(KeyboardInterrupt):
        stateful(model, IDS, check=leave)
    assert model.training


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_score(make_model: Callable[..., CharLSTM], count: int) -> None:
    with pytest.raises(TextError, match="nothing to score"):
        evaluate_text(make_model(), IDS[:count])
    with pytest.raises(TextError, match="nothing to score"):
        evaluate_text(make_model(), IDS[:50], context=50)


def test_bits_are_nats_over_ln_2() -> None:
    assert Evaluation(nats=3 * math.log(2), chars=2).bpc == pytest.approx(1.5)


def test_no_one_waits_long_for_a_check(make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch) -> None:
    """However few symbols or many weights there are: between two checks no more is read than the bound allows."""
    model = make_model(4, hidden_size=64)
    monkeypatch.setattr(evaluation, "_MAX_WORK", 200 * model.parameters_count)
    read, most = [0], [0]
    forward = model.forward

    def counting(
        ids: torch.Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, State]:
        read[0] += ids.numel()
        most[0] = max(most[0], read[0])
        return forward(ids, state)

    def check() -> None:
        read[0] = 0

    model.forward = counting  # type: ignore[method-assign]
    ids = np.random.default_rng(0).integers(0, 4, 6000).astype(np.uint8)
    for protocol in (stateful, cold):
        protocol(model, ids, 3000, check=check)
        assert 0 < most[0] <= 200
