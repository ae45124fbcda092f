from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from charlstm import evaluate
from charlstm.errors import TextError
from charlstm.evaluate import Evaluation, cold, evaluate_text, stateful
from charlstm.model import CharLSTM, State

IDS = np.random.default_rng(0).integers(0, 11, 3001).astype(np.uint8)


def surprise(model: CharLSTM, ids: np.ndarray, begin: int, end: int) -> float:
    """Summed loss of ids[begin + 1 : end], read one character at a time from a zero state before ids[begin]."""
    nats, state = 0.0, None
    with torch.no_grad():
        for i in range(begin, end - 1):
            logits, state = model(torch.tensor([[int(ids[i])]]), state)
            nats -= torch.log_softmax(logits[0, 0].double(), 0)[int(ids[i + 1])].item()
    return nats


def test_stateful_in_one_lane_is_the_sum_along_the_text(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    result = stateful(model, IDS[:500])
    assert result.chars == 499
    assert result.nats == pytest.approx(surprise(model, IDS, 0, 500), rel=1e-5)


def test_stateful_in_lanes_agrees_with_one_lane(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    result = stateful(model, IDS)  # 3,000 scored characters make 5 lanes
    assert result.chars == 3000
    assert result.nats == pytest.approx(surprise(model, IDS, 0, 3001), rel=1e-5)


@pytest.mark.parametrize("first", [1, 2, 700, 2999])
def test_context_is_read_but_not_scored(make_model: Callable[..., CharLSTM], first: int) -> None:
    model = make_model()
    result = stateful(model, IDS, first)
    expected = surprise(model, IDS, 0, 3001) - surprise(model, IDS, 0, first)
    assert result.chars == 3001 - first
    assert result.nats == pytest.approx(expected, rel=1e-5)


def test_cold_windows_start_from_nothing(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model()
    result = cold(model, IDS[:100], first=10, window=40)
    expected = surprise(model, IDS, 9, 50) + surprise(model, IDS, 49, 90) + surprise(model, IDS, 89, 100)
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
    monkeypatch.setattr(evaluate, "_MAX_WORK", 200 * model.parameters_count)
    read, most = [0], [0]
    forward = model.forward

    def counting(ids: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
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
