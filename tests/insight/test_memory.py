"""How long a model remembers: planted models whose memory is known, and the slow way to each number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from charlstm.insight import memory
from charlstm.insight.memory import CONTEXTS, REACH, READ_BEFORE, Context, Mean, Memory, least_ids, measure_memory
from charlstm.model.char_lstm import CharLSTM

V, PLACES = 5, 6
IDS = np.random.default_rng(0).integers(0, V, least_ids(PLACES) + 300).astype(np.uint8)


def log_probabilities(model: CharLSTM, ids: np.ndarray) -> torch.Tensor:
    """After the last ids of each row, one column of characters at a time: (rows, V)."""
    logits, state = torch.empty(0), None
    with torch.no_grad():
        for column in ids.T:
            logits, state = model(torch.from_numpy(column.astype(np.int64))[None], state)
    return torch.log_softmax(logits[0].double(), 1)


def remembers(model: CharLSTM, forget: float) -> CharLSTM:
    """A model whose cells keep a known share of what they held: gates do not look at anything, only the candidate at the input.

    With the input and output gates open and no recurrence, c = forget * c + tanh(W x).
    """
    H = model.config.hidden_size
    weight, bias = (model.lstm.get_parameter(name) for name in ("weight_ih_l0", "bias_ih_l0"))
    with torch.no_grad():
        for zero in (model.lstm.get_parameter("weight_hh_l0"), model.lstm.get_parameter("bias_hh_l0"), bias):
            zero.zero_()
        weight[: 2 * H].zero_()
        weight[3 * H :].zero_()
        bias[:H], bias[3 * H :] = 40.0, 40.0
        bias[H : 2 * H] = -200.0 if forget == 0 else math.log(forget / (1 - forget))
    return model


def test_each_number_is_what_the_slow_way_finds(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model(V, hidden_size=8, num_layers=2)
    memory = measure_memory(model, IDS, PLACES)
    targets = np.linspace(READ_BEFORE + REACH, len(IDS) - 1, PLACES).astype(int)

    def surprises(context: int) -> np.ndarray:
        before = np.stack([IDS[p - context : p] for p in targets])
        nats: np.ndarray = -log_probabilities(model, before).numpy()[np.arange(PLACES), IDS[targets]]
        return nats

    for number, c in enumerate((1, 2, 64)):
        context = memory.contexts[(0, 1, 6)[number]]
        assert context.chars == c
        losses = surprises(c)
        assert context.loss.nats == pytest.approx(losses.mean(), rel=1e-5)
        assert context.loss.stderr == pytest.approx(losses.std(ddof=1) / math.sqrt(PLACES), rel=1e-4)
    assert memory.carried.nats == pytest.approx(surprises(REACH + READ_BEFORE).mean(), rel=1e-5)


def test_the_effect_is_the_divergence_after_another_character(make_model: Callable[..., CharLSTM]) -> None:
    """Only two characters: the planted one is known."""
    model = make_model(2, hidden_size=8)
    ids = IDS % 2
    memory = measure_memory(model, ids, 2)
    for distance in (1, 2, 5):
        planted = [p - REACH for p in (READ_BEFORE + REACH, len(ids) - 1)]
        read = np.stack([ids[s - READ_BEFORE : s + distance] for s in planted])
        own = log_probabilities(model, read)
        read[:, READ_BEFORE] = 1 - read[:, READ_BEFORE]
        other = log_probabilities(model, read)
        found = (own.exp() * (own - other)).sum(1).mean().item()
        assert memory.effect[distance - 1].nats == pytest.approx(found, rel=1e-3)


def test_a_model_that_forgets_at_once_needs_no_context(make_model: Callable[..., CharLSTM]) -> None:
    memory = measure_memory(remembers(make_model(V, num_layers=1), 0), IDS, PLACES)
    assert {round(context.excess.nats, 6) for context in memory.contexts} == {0}
    assert memory.effect[0].nats > 0.01
    assert max(mean.nats for mean in memory.effect[1:]) < 1e-12
    assert (memory.enough(0.01), memory.falls_below(1 / math.e), memory.within(0.99)) == (1, 2, 1)


def test_an_effect_fades_as_the_forget_gate_says(make_model: Callable[..., CharLSTM]) -> None:
    """Each step multiplies what is left in the cells by f, and the divergence of near distributions goes by the square."""
    model = remembers(make_model(V, num_layers=1), 0.9)
    effect = [mean.nats for mean in measure_memory(model, IDS, 40).effect]
    for begin, end in ((30, 40), (40, 50)):
        assert math.log(effect[begin - 1] / effect[end - 1]) / (end - begin) == pytest.approx(-2 * math.log(0.9), rel=0.2)


def test_a_longer_memory_shows_longer(make_model: Callable[..., CharLSTM]) -> None:
    found = [measure_memory(remembers(make_model(V, num_layers=1), f), IDS, PLACES).within(0.99) for f in (0.3, 0.9, 0.97)]
    known = [chars for chars in found if chars is not None]
    assert known == sorted(set(known))
    assert len(known) == 3


def test_a_model_that_reads_nothing_has_no_effect(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model(V)
    torch.nn.init.zeros_(model.head.weight)
    memory = measure_memory(model, IDS, PLACES)
    assert memory.carried.nats == pytest.approx(math.log(V))
    assert (memory.enough(0.01), memory.within(0.5), memory.falls_below(0.5)) == (1, None, None)


def test_other_characters_are_other_and_as_frequent_as_in_the_text() -> None:
    ids = np.array([0] * 700 + [1] * 200 + [2] * 100, np.uint8)
    positions = np.full(3000, 999)  # where a 2 stands
    found = memory._others(ids, positions, np.random.default_rng(0))
    assert set(found) == {0, 1}
    assert (found == 0).mean() == pytest.approx(7 / 9, abs=0.03)


def test_what_is_read_at_once_changes_nothing(make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(V, dropout=0.5).train()
    whole = measure_memory(model, IDS, PLACES)
    monkeypatch.setattr(memory, "steps_at_once", lambda model, lanes: 100)
    seen: list[tuple[int, int | None]] = []
    parts = measure_memory(model, IDS, PLACES, progress=lambda done, total: seen.append((done, total)))
    assert model.training
    assert parts.carried.nats == pytest.approx(whole.carried.nats, rel=1e-6)
    assert parts.effect[200].nats == pytest.approx(whole.effect[200].nats, rel=1e-3, abs=1e-12)
    done = [chars for chars, _ in seen]
    assert done == sorted(done)
    assert {total for _, total in seen} == {done[-1]}


def memory_of(excesses: list[float], effect: list[float]) -> Memory:
    nats = [Mean(value, 0.0) for value in excesses]
    contexts = [Context(c, mean, mean) for c, mean in zip(CONTEXTS, nats, strict=False)]
    return Memory(2, tuple(contexts), Mean(0, 0), tuple(Mean(value, 0) for value in effect))


def test_summaries_by_hand() -> None:
    memory = memory_of([0.5, 0.001, 0.2, 0.009, -0.3], [8, 2, 3, 1, 1, 1])
    assert memory.enough(0.01) == 8  # not 2, after which 4 is worse again
    assert memory.enough(0.3) == 2
    rough = replace(memory, contexts=tuple(replace(c, excess=replace(c.excess, stderr=0.2)) for c in memory.contexts))
    assert rough.enough(0.3) == 8, "a standard error has room below it"
    assert memory_of([0.5, 0.5], [1]).enough(0.01) is None
    assert memory.falls_below(0.3) == 4  # 2 falls below 2.4, but 3 does not
    assert memory.falls_below(0.1) is None
    assert [memory.within(share) for share in (0.5, 0.8, 0.99)] == [1, 3, 6]
