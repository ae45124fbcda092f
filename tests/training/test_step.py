"""A step against the same step with every formula written out."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from charlstm.config import Config, TrainConfig
from charlstm.errors import DivergedError
from charlstm.model.char_lstm import CharLSTM, State
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


def make_batches() -> list[tuple[Tensor, Tensor]]:
    """Inputs and targets of a few steps, (5, 3) each: unlike each other, so that it shows where they are mixed up."""
    ids = torch.randint(11, (2, len(RATES), 5, 3), generator=torch.Generator().manual_seed(7))
    return list(zip(*ids, strict=True))


class ByHand:
    """The same training without an optimizer, without `clip_grad_norm_`, without `lerp_`: the slower truth."""

    def __init__(self, model: CharLSTM, config: TrainConfig) -> None:
        self.model, self.config, self.number = copy.deepcopy(model), config, 0
        self.state: State | None = None
        self.weights = list(self.model.parameters())
        self.averages = [w.detach().clone() for w in self.weights]
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]

    def step(self, x: Tensor, y: Tensor, rate: float) -> tuple[float, float]:
        """The loss, and the norm of its gradient before clipping."""
        logits, (h, c) = self.model(x, self.state)
        self.state = (h.detach(), c.detach())
        loss = -logits.log_softmax(-1).gather(2, y[:, :, None]).mean()
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
    for (x, y), rate in zip(make_batches(), RATES, strict=True):
        found = take_step(training, x, y, rate, config)
        assert found == pytest.approx(truth.step(x, y, rate), rel=1e-5)
        norms.append(found[1])
        training.position.step += 1
        assert_close(training.model.parameters(), truth.weights)
        if training.average:
            assert_close(training.average.parameters(), truth.averages)
    assert (training.average is None) == (average == 0)
    assert clip != 0.45 or min(norms) < clip < max(norms)


def test_the_moments_are_of_clipped_gradients(make_training: MakeTraining) -> None:
    """Adam's steps hardly depend on how large a gradient is; what it remembers does."""
    training, config = make_training("train.grad_clip=0.01")
    (x, y), *_ = make_batches()
    _, norm = take_step(training, x, y, 1e-3, config)
    moments = [moment["exp_avg"] for moment in training.optimizer.state.values()]
    assert norm > 0.1
    assert math.sqrt(sum(float(moment.square().sum()) for moment in moments)) == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize("rate", [0.0, 1e-3, 2e-2])
def test_the_rate_reaches_every_group_of_the_optimizer(make_training: MakeTraining, rate: float) -> None:
    """Adam's first step is as long as the rate, for a matrix and a bias alike."""
    training, config = make_training("train.weight_decay=0")
    before = copy.deepcopy(training.model)
    take_step(training, *make_batches()[0], rate, config)
    for old, new in zip(before.parameters(), training.model.parameters(), strict=True):
        assert (new - old).abs().max().item() == pytest.approx(rate, rel=1e-2)


def test_the_state_is_carried_from_step_to_step_without_its_history(make_training: MakeTraining) -> None:
    training, config = make_training()
    before = None
    for x, y in make_batches():
        _, expected = training.model(x, before)
        take_step(training, x, y, 1e-2, config)
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
        take_step(training, *make_batches()[0], 0.01, config)
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
    for x, y in make_batches():
        expected = torch.nn.functional.cross_entropy(training.model(x)[0].flatten(0, 1), y.flatten()).item()
        assert take_step(training, x, y, 1e-2, config)[0] == expected
