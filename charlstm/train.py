"""Training: a generator of records that prints nothing.

    for record in trainer.fit(folder):
        view.show(record)

Knows: the loop, what is evaluated and saved when, and the numbers that describe a training.
Does not know: where a text comes from, how records are shown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm import evaluate
from charlstm.batches import batches
from charlstm.engines import open_engine
from charlstm.material import Material
from charlstm.model import CharLSTM, State, detach
from charlstm.optim import learning_rate_at, make_optimizer
from charlstm.sample import write_text
from charlstm.store import Facts, RunFolder, SavedModel, save_model

PREVIEW_LENGTH = 200
_PREVIEW_SEED = 1  # the same draws at every evaluation: what differs between samples is the model


@dataclass(frozen=True)
class StepRecord:
    """One step of the optimizer."""

    step: int
    epoch: int
    loss: float
    characters: int
    """In this step."""


@dataclass(frozen=True)
class Record:
    """One evaluation: a line of metrics.jsonl, and a sample. Losses are in nats per character."""

    step: int
    epoch: int
    """Counted from 1, like `step`."""
    characters: int
    """Read so far, each as often as it was read."""
    seconds: float
    """Since the start, evaluations included."""
    train_loss: float
    """Mean over the steps since the record before, with dropout on."""
    validation_loss: float
    """Stateful, see `charlstm.evaluate`."""
    bpc: float
    """Bits per character of the validation loss."""
    learning_rate: float
    grad_norm: float
    """Of the last step, before clipping."""
    chars_per_second: float
    """Of training alone, since the record before."""
    batch: int = field(metadata={"shown_only": True})
    """Steps so far in this epoch."""
    ends_epoch: bool = field(metadata={"shown_only": True})
    is_best: bool = field(metadata={"shown_only": True})
    sample: str = field(metadata={"shown_only": True})

    def metrics(self) -> dict[str, float | int]:
        """The part that metrics.jsonl keeps."""
        shown_only = {name for name, f in self.__dataclass_fields__.items() if f.metadata.get("shown_only")}
        return {name: value for name, value in asdict(self).items() if name not in shown_only}


class _Stopped(Exception):
    """Leaves an evaluation once a stop was asked for."""


@dataclass
class _Meter:
    """What has happened since the last record."""

    nats: float = 0.0
    characters: int = 0
    seconds: float = 0.0
    grad_norm: float = 0.0

    def add(self, loss: float, characters: int, seconds: float, grad_norm: float) -> None:
        self.nats += loss * characters
        self.characters += characters
        self.seconds += seconds
        self.grad_norm = grad_norm


class Trainer:
    """Trains one model on one text. `model`, `facts` and `best_loss` may be read at any time."""

    def __init__(self, material: Material, device: torch.device) -> None:
        self.material = material
        self.config = material.config
        self.device = device
        generator = torch.Generator().manual_seed(self.config.train.seed)
        self.model = CharLSTM(material.vocabulary.size, self.config.model, generator).to(device)
        self.steps_an_epoch = material.layout.steps
        self.total_steps = self.steps_an_epoch * self.config.train.epochs
        if self.config.train.max_steps:
            self.total_steps = min(self.total_steps, self.config.train.max_steps)
        self.facts = Facts(step=0, epoch=0, characters=0)
        self.best_loss = math.inf
        self.stop_asked = False
        self._optimizer = make_optimizer(self.model, self.config.train)
        self._offsets = np.random.default_rng(self.config.train.seed)
        self._seconds = 0.0
        self._meter = _Meter()

    def seconds_an_epoch(self) -> float:
        """How long an epoch will take, measured on a few steps that leave the weights as they are."""
        times = []
        for x, y in islice(batches(self.material.ids, self.material.layout), 4):
            begin = time.perf_counter()
            self._backward(x, y, None)
            times.append(time.perf_counter() - begin)
        self._optimizer.zero_grad()
        return min(times) * self.steps_an_epoch  # the first step also allocates

    def stop(self) -> None:
        """Ask `fit` to end, after the step or within the evaluation that it is in. Safe to call from a signal handler."""
        self.stop_asked = True

    def fit(self, folder: RunFolder) -> Iterator[StepRecord | Record]:
        """Train to the end, or until `stop`; save, then return. Yields every step, and every evaluation once it is saved."""
        torch.manual_seed(self.config.train.seed)  # nn.LSTM takes its dropout from the global generator, there is no other way
        try:
            for epoch in range(1, self.config.train.epochs + 1):
                yield from self._fit_epoch(epoch, folder)
                if self.facts.step == self.total_steps:
                    break
        except _Stopped:
            save_model(folder.last, self.saved())

    def saved(self) -> SavedModel:
        """The model as it is now, with all that belongs to it."""
        return SavedModel(self.model, self.material.vocabulary, self.config, self.facts)

    def _fit_epoch(self, epoch: int, folder: RunFolder) -> Iterator[StepRecord | Record]:
        state: State | None = None
        offset = int(self._offsets.integers(self.material.layout.slack + 1))
        for batch, (x, y) in enumerate(batches(self.material.ids, self.material.layout, offset), start=1):
            begin = time.perf_counter()
            loss, grad_norm, state = self._step(x, y, state)
            self.facts = replace(
                self.facts, step=self.facts.step + 1, epoch=epoch, characters=self.facts.characters + x.numel()
            )
            self._meter.add(loss, x.numel(), time.perf_counter() - begin, grad_norm)
            self._seconds += time.perf_counter() - begin
            yield StepRecord(self.facts.step, epoch, loss, x.numel())
            self._check()
            ends_epoch = batch == self.steps_an_epoch or self.facts.step == self.total_steps
            if ends_epoch or self._is_due(batch):
                yield self._evaluate(folder, batch, ends_epoch)
            if self.facts.step == self.total_steps:
                return

    def _step(self, x: Tensor, y: Tensor, state: State | None) -> tuple[float, float, State]:
        """One step of truncated backpropagation through time -> loss, norm of the gradient, the state to carry on."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self._optimizer.zero_grad()
        loss, state = self._backward(x, y, state)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.grad_clip or math.inf)
        self._optimizer.step()
        return loss, float(grad_norm), state

    def _backward(self, x: Tensor, y: Tensor, state: State | None) -> tuple[float, State]:
        logits, state = self.model(x.to(self.device), state)
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(self.device).flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), detach(state)

    def _learning_rate(self) -> float:
        return learning_rate_at(self.facts.step, self.total_steps, self.config.train)

    def _is_due(self, batch: int) -> bool:
        """Every `eval_every` batches of an epoch, and after the very first: a curve begins near ln V, where guessing stands."""
        every = self.config.train.eval_every
        return bool(every) and (batch % every == 0 or self.facts.step == 1)

    def _evaluate(self, folder: RunFolder, batch: int, ends_epoch: bool) -> Record:
        begin = time.perf_counter()
        scored = evaluate.stateful(self.model, self.material.ids, self.material.split, self._check)
        meter, self._meter = self._meter, _Meter()
        train_loss = meter.nats / meter.characters
        self.facts = replace(self.facts, train_loss=train_loss, validation_loss=scored.loss)
        sample = self._preview()
        self._seconds += time.perf_counter() - begin
        record = Record(
            step=self.facts.step,
            epoch=self.facts.epoch,
            characters=self.facts.characters,
            seconds=round(self._seconds, 3),
            train_loss=train_loss,
            validation_loss=scored.loss,
            bpc=scored.bpc,
            learning_rate=learning_rate_at(self.facts.step - 1, self.total_steps, self.config.train),
            grad_norm=meter.grad_norm,
            chars_per_second=round(meter.characters / meter.seconds, 1),
            batch=batch,
            ends_epoch=ends_epoch,
            is_best=scored.loss < self.best_loss,
            sample=sample,
        )
        self._keep(folder, record)
        return record

    def _preview(self) -> str:
        settings = self.config.sample.model_copy(update={"length": PREVIEW_LENGTH})
        text = settings.prime + "".join(write_text(open_engine(self.model), self.material.vocabulary, settings, _PREVIEW_SEED))
        self.model.train()  # an engine switches the model to evaluation
        return text

    def _keep(self, folder: RunFolder, record: Record) -> None:
        save_model(folder.last, self.saved())
        if record.is_best:
            self.best_loss = record.validation_loss
            save_model(folder.best, self.saved())
        folder.append_metrics(record.metrics())
        folder.append_sample(
            f"step {record.step}, epoch {record.epoch}, validation {record.validation_loss:.4f}", record.sample
        )

    def _check(self) -> None:
        if self.stop_asked:
            raise _Stopped
