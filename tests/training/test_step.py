"""A step against the same step with every formula written out."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm.config import Config, TrainConfig
from charlstm.errors import DivergedError
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.model.types import Loss
from charlstm.text.batches import Batch
from charlstm.training.state import Training, new_training
from charlstm.training.step import some_reset, take_step
from tests.conftest import VERSE, prepare_text

MakeTraining = Callable[..., tuple[Training, TrainConfig]]
RATES = (3e-3, 1e-2, 1e-4)
"""Of three steps: each other than the rate that the optimizer is made with."""


@pytest.fixture
def make_training(make_config: Callable[..., Config]) -> MakeTraining:
    """A training before its first step, without resets and dropout where nothing else is asked for, and its settings."""

    def make(*settings: str) -> tuple[Training, TrainConfig]:
        prepared = prepare_text(VERSE, make_config("model.dropout=0", "train.reset=0", *settings))
        return new_training(prepared, torch.device("cpu")), prepared.config.train

    return make


def make_batches() -> list[Batch]:
    """Of a few steps, (5, 3) each: inputs and targets unlike each other, so that it shows where they are mixed up."""
    ids = torch.randint(11, (2, len(RATES), 5, 3), generator=torch.Generator().manual_seed(7))
    return [Batch(*both) for both in zip(*ids, strict=True)]


def take_by_hand(training: Training, batch: Batch, state: State | None) -> tuple[Tensor, State]:
    """Nats of each character (T, B), and the state after it."""
    logits, after = training.model(batch.inputs, state)
    flat = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    return flat.view(5, 3), after


class ByHand:
    """The same training without an optimizer, without `clip_grad_norm_`, without `lerp_`: the slower truth."""

    def __init__(self, model: CharLSTM, config: TrainConfig) -> None:
        self.model, self.config, self.number = copy.deepcopy(model), config, 0
        self.state: State | None = None
        self.weights = list(self.model.parameters())
        self.averages = [w.detach().clone() for w in self.weights]
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]

    def step(self, batch: Batch, rate: float) -> tuple[float, float]:
        """The loss, and the norm of its gradient before clipping."""
        logits, (h, c) = self.model(batch.inputs, self.state)
        self.state = (h.detach(), c.detach())
        loss = -logits.log_softmax(-1).gather(2, batch.targets[:, :, None]).mean()
        gradients = torch.autograd.grad(loss, self.weights)
        norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients))
        clip = self.config.grad_clip
        scale = min(1, clip / norm) if clip else 1
        self.number += 1
        with torch.no_grad():
            self.learn([g * scale for g in gradients], rate)
        return float(loss.detach()), norm

    def learn(self, gradients: list[Tensor], rate: float) -> None:
        """AdamW (Loshchilov and Hutter 2019, algorithm 2), then the average."""
        n, beta1, beta2 = self.number, 0.9, self.config.beta2
        decay = min(self.config.average, (n - 1) / (n + 9))
        for i, (w, g) in enumerate(zip(self.weights, gradients, strict=True)):
            self.first[i] = beta1 * self.first[i] + (1 - beta1) * g
            self.second[i] = beta2 * self.second[i] + (1 - beta2) * g * g
            shrunk = w * (1 - rate * self.config.weight_decay * (w.ndim > 1))
            moved = self.first[i] / (1 - beta1**n) / ((self.second[i] / (1 - beta2**n)).sqrt() + 1e-8)
            w.copy_(shrunk - rate * moved)
            self.averages[i] = decay * self.averages[i] + (1 - decay) * w


def assert_close(ours: object, truth: Sequence[Tensor]) -> None:
    for one, other in zip(ours, truth, strict=True):  # type: ignore[call-overload]
        assert torch.allclose(one, other, atol=2e-6), (one - other).abs().max()


@pytest.mark.parametrize("average", [0.0, 0.05, 0.9])
@pytest.mark.parametrize("clip", [0.0, 0.01, 0.45, 1e6])
def test_steps_are_those_by_hand(make_training: MakeTraining, clip: float, average: float) -> None:
    """Clipped never, always and at some steps alone; the average follows slowly, at once, and is not kept."""
    training, config = make_training(f"train.grad_clip={clip}", f"train.average={average}", "train.weight_decay=0.5")
    truth = ByHand(training.model, config)
    norms = []
    for batch, rate in zip(make_batches(), RATES, strict=True):
        loss, norm = take_step(training, batch, rate, config)
        assert (loss.mean, norm) == pytest.approx(truth.step(batch, rate), rel=1e-5)
        assert loss.count == 15
        norms.append(norm)
        training.position.step += 1
        assert_close(training.model.parameters(), truth.weights)
        if training.average:
            assert_close(training.average.parameters(), truth.averages)
    assert (training.average is None) == (average == 0)
    assert clip != 0.45 or min(norms) < clip < max(norms)


def test_the_moments_are_of_clipped_gradients(make_training: MakeTraining) -> None:
    """Adam's steps hardly depend on how large a gradient is; what it remembers does."""
    training, config = make_training("train.grad_clip=0.01")
    _, norm = take_step(training, make_batches()[0], 1e-3, config)
    moments = [moment["exp_avg"] for moment in training.optimizer.state.values()]
    assert norm > 0.1
    assert math.sqrt(sum(float(moment.square().sum()) for moment in moments)) == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize("rate", [0.0, 1e-3, 2e-2])
def test_the_rate_reaches_every_group_of_the_optimizer(make_training: MakeTraining, rate: float) -> None:
    """Adam's first step is as long as the rate, for a matrix and a bias alike."""
    training, config = make_training("train.weight_decay=0")
    before = copy.deepcopy(training.model)
    take_step(training, make_batches()[0], rate, config)
    for old, new in zip(before.parameters(), training.model.parameters(), strict=True):
        assert (new - old).abs().max().item() == pytest.approx(rate, rel=1e-2)


def test_the_state_is_carried_from_step_to_step_without_its_history(make_training: MakeTraining) -> None:
    training, config = make_training()
    before = None
    for batch in make_batches():
        _, expected = training.model(batch.inputs, before)
        take_step(training, batch, 1e-2, config)
        assert training.state is not None
        for ours, truth in zip(training.state, expected, strict=True):
            assert torch.equal(ours, truth)
            assert not ours.requires_grad
        before = training.state


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_is_refused_and_changes_no_weight(make_training: MakeTraining, what: str) -> None:
    training, config = make_training()
    head = training.model.head
    if what == "loss":
        head.register_forward_hook(lambda _, __, logits: logits * math.nan)
    else:
        head.bias.register_hook(lambda gradient: gradient * math.inf)
    before = copy.deepcopy(training.model.state_dict())
    training.position.step = 41
    with pytest.raises(DivergedError, match=rf"the {what} of step 42 is not a finite number, learning rate 0\.01"):
        take_step(training, make_batches()[0], 0.01, config)
    assert training.average is not None
    for model in (training.model, training.average):
        assert all(torch.equal(before[name], p) for name, p in model.state_dict().items())


def test_streams_begin_anew_as_often_as_asked() -> None:
    state = (torch.ones(2, 4000, 3), torch.ones(2, 4000, 3))
    hidden, cell = some_reset(state, 0.25, torch.Generator().manual_seed(1)) or state
    assert torch.equal(hidden, cell), "hidden and cell state together"
    assert torch.equal(hidden, hidden[:1, :, :1].expand_as(hidden)), "all layers and units together"
    assert (hidden[0, :, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_without_resets_the_state_is_the_one_carried() -> None:
    state = (torch.ones(2, 4, 3), torch.ones(2, 4, 3))
    generator = torch.Generator()
    before = generator.get_state()
    assert some_reset(state, 0, generator) is state
    assert some_reset(None, 0.5, generator) is None
    assert torch.equal(generator.get_state(), before)


def test_a_stream_that_begins_anew_learns_as_if_nothing_came_before(make_training: MakeTraining) -> None:
    """With a probability of 1 every step is one from the zero state."""
    training, config = make_training("train.reset=1")
    for batch in make_batches():
        expected = take_by_hand(training, batch, None)[0].mean().item()
        assert take_step(training, batch, 1e-2, config)[0].mean == pytest.approx(expected, rel=1e-6)


WEIGHTS = {
    "some": torch.tensor([[0.0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 1, 0]]),
    "one": torch.eye(5, 3) * torch.tensor([0.0, 1, 0]),
    "by halves": torch.linspace(0, 2, 15).view(5, 3),
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_only_what_counts_is_learned_from(make_training: MakeTraining, weights: Tensor) -> None:
    """The loss is the weighted mean over what counts, and so is its gradient."""
    training, config = make_training("train.grad_clip=0")
    for batch in make_batches():
        nats, (hidden, _) = take_by_hand(training, batch, training.state)
        expected = (nats.double() * weights).sum() / weights.sum()
        gradients = torch.autograd.grad(expected, list(training.model.parameters()))
        loss, norm = take_step(training, replace(batch, weights=weights), 1e-2, config)
        assert loss.count == weights.sum().item()
        assert loss.mean == pytest.approx(expected.item(), rel=1e-6)
        assert loss.nats == pytest.approx((nats * weights).sum().item(), rel=1e-6)
        assert norm == pytest.approx(math.sqrt(sum(g.double().square().sum().item() for g in gradients)), rel=1e-5)
        for p, gradient in zip(training.model.parameters(), gradients, strict=True):
            assert p.grad is not None
            assert torch.allclose(p.grad, gradient, atol=1e-7)
        assert training.state is not None
        assert torch.equal(training.state[0], hidden), "all is read, whether it counts or not"


def test_that_all_count_alike_is_what_no_weights_say(make_training: MakeTraining) -> None:
    (one, config), (other, _) = make_training(), make_training()
    for batch in make_batches():
        bare, weighted = (
            take_step(training, replace(batch, weights=weights), 1e-2, config)
            for training, weights in ((one, None), (other, torch.ones(5, 3)))
        )
        assert weighted[0].mean == pytest.approx(bare[0].mean, rel=1e-6)
        assert weighted[0].count == bare[0].count
        assert weighted[1] == pytest.approx(bare[1], rel=1e-5)


def test_where_nothing_counts_the_gradient_is_zero_and_the_state_moves_on(make_training: MakeTraining) -> None:
    training, config = make_training("train.weight_decay=0")
    before = copy.deepcopy(training.model)
    batch = make_batches()[0]
    loss, norm = take_step(training, replace(batch, weights=torch.zeros(5, 3)), 1e-2, config)
    assert (loss, loss.mean, norm) == (Loss(0.0, 0), 0, 0)
    assert_close(training.model.parameters(), list(before.parameters()))
    assert training.state is not None
    assert torch.equal(training.state[0], before(batch.inputs)[1][0])


@pytest.mark.parametrize("starts", [[True, False, True], [False, True, False], [False] * 3, [True] * 3])
def test_streams_that_begin_anew_are_read_from_the_zero_state(make_training: MakeTraining, starts: list[bool]) -> None:
    training, config = make_training()
    for batch in make_batches():
        state = copy.deepcopy(training.state)
        for part in state or ():
            for stream in range(3):
                if starts[stream]:
                    part[:, stream] = 0
        nats, after = take_by_hand(training, batch, state)
        loss, _ = take_step(training, replace(batch, starts=torch.tensor(starts)), 1e-2, config)
        assert loss.mean == pytest.approx(nats.mean().item(), rel=1e-6)
        assert training.state is not None
        assert all(torch.allclose(ours, truth) for ours, truth in zip(training.state, after, strict=True))


def test_what_begins_anew_draws_no_other_resets(make_training: MakeTraining) -> None:
    """Resets and beginnings are apart: with beginnings or without, the same numbers are drawn."""
    (one, config), (other, _) = make_training("train.reset=0.5"), make_training("train.reset=0.5")
    for batch in make_batches():
        take_step(one, batch, 1e-2, config)
        take_step(other, replace(batch, starts=torch.tensor([True, False, False])), 1e-2, config)
    assert torch.equal(one.resets.get_state(), other.resets.get_state())
    assert not torch.equal(one.resets.get_state(), make_training()[0].resets.get_state())
