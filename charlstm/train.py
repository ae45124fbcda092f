"""Training: a generator of records that prints nothing.

    for record in trainer.fit(folder):
        view.show(record)

Knows: the loop, what is evaluated and saved when, and the numbers that describe a training.
Does not know: where a text comes from, how records are shown.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from charlstm import evaluate
from charlstm.batches import batches
from charlstm.engines import open_engine
from charlstm.errors import DivergedError, RunError
from charlstm.folder import RunFolder
from charlstm.material import Material
from charlstm.model import CharLSTM, State, detach
from charlstm.optim import learning_rate_at, make_optimizer
from charlstm.resume import Meter, Position, Saved, Training, check_text, restore, save_training
from charlstm.sample import write_text
from charlstm.store import Facts, SavedModel, save_model

PREVIEW_LENGTH = 200
_SAVE_EVERY = 60.0
"""Seconds of training between two saves for a resume, which are made at evaluations; a stop and the end save too."""
_PREVIEW_SEED = 1  # the same draws at every evaluation: what differs between samples is the model


@dataclass(frozen=True)
class StepRecord:
    """One step of the optimizer."""

    step: int
    epoch: int
    batch: int
    """Steps so far in this epoch."""
    loss: float
    characters: int
    """In this step."""


@dataclass(frozen=True)
class Record:
    """One evaluation: a line of metrics.jsonl, and a sample. Losses are in nats per character, or per byte."""

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
    """Bits per character of the validation loss; per byte where the vocabulary is bytes."""
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
    """Leaves the loop once a stop was asked for."""


class Trainer:
    """Trains one model on one text, from the start or from where a saved training stood."""

    def __init__(self, material: Material, device: torch.device, saved: Saved | None = None) -> None:
        self.material = material
        self.config = material.config
        self.device = device
        self.steps_an_epoch = material.layout.steps
        self.total_steps = self.steps_an_epoch * self.config.train.epochs
        if self.config.train.max_steps:
            self.total_steps = min(self.total_steps, self.config.train.max_steps)
        self.stop_asked = False
        self._text = material.digest
        self._saved_at = -math.inf
        generator = torch.Generator().manual_seed(self.config.train.seed)
        model = CharLSTM(material.vocabulary.size, self.config.model, generator).to(device)
        offsets = np.random.default_rng(self.config.train.seed)
        self._training = Training(model, make_optimizer(model, self.config.train), offsets, Position())
        torch.manual_seed(self.config.train.seed)  # nn.LSTM takes its dropout from the global generator, there is no other way
        if saved:
            check_text(saved, self._text)
            restore(self._training, saved, device)
            if self.position.step >= self.total_steps and not self.position.evaluation_due:
                key = "max_steps" if self.config.train.max_steps else "epochs"
                raise RunError(f"all {self.total_steps:,} steps of this run are done: --set train.{key}= asks for more")

    @property
    def model(self) -> CharLSTM:
        """The model as it is now."""
        return self._training.model

    @property
    def position(self) -> Position:
        """Where the training stands."""
        return self._training.position

    def seconds_an_epoch(self) -> float:
        """How long the steps of an epoch will take, measured on a few of a copy that is thrown away."""
        real, self._training = self._training, copy.deepcopy(self._training)
        try:
            with torch.random.fork_rng():
                times = []
                for x, y in islice(batches(self.material.ids, self.material.layout), 4):
                    begin = time.perf_counter()
                    self._step(x, y)
                    times.append(time.perf_counter() - begin)
        finally:
            self._training = real
        return statistics.median(times[1:]) * self.steps_an_epoch  # the first step also allocates

    def stop(self) -> None:
        """Ask `fit` to end, after the step or within the evaluation that it is in. Safe to call from a signal handler."""
        self.stop_asked = True

    def fit(self, folder: RunFolder) -> Iterator[StepRecord | Record]:
        """Train to the end, or until `stop`; save, then return. Yields every step, and every evaluation once it is saved."""
        try:
            if self.position.evaluation_due:
                yield self._evaluate(folder)
            while self.position.step < self.total_steps:
                if self.position.batch in (0, self.steps_an_epoch):
                    self._begin_epoch()
                yield from self._fit_epoch(folder)
        except _Stopped:
            save_model(folder.last, self._model_with_facts())
            self._save_training(folder)

    def _begin_epoch(self) -> None:
        self.position.epoch += 1
        self.position.batch = 0
        self.position.offset = int(self._training.offsets.integers(self.material.layout.slack + 1))
        self._training.state = None

    def _fit_epoch(self, folder: RunFolder) -> Iterator[StepRecord | Record]:
        """From the current batch to the end of the epoch or of the training."""
        position = self.position
        for x, y in batches(self.material.ids, self.material.layout, position.offset, first=position.batch):
            yield self._step(x, y)
            position.evaluation_due = self._ends_epoch() or self._is_due()
            self._check()
            if position.evaluation_due:
                yield self._evaluate(folder)
            if position.step == self.total_steps:
                return

    def _step(self, x: Tensor, y: Tensor) -> StepRecord:
        """One step of truncated backpropagation through time."""
        training, position = self._training, self.position
        begin = time.perf_counter()
        for group in training.optimizer.param_groups:
            group["lr"] = learning_rate_at(position.step, self.total_steps, self.config.train)
        training.optimizer.zero_grad()
        loss, training.state = self._backward(x, y, training.state)
        grad_norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.grad_clip or math.inf))
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            at = f"step {position.step + 1:,}, learning rate {training.optimizer.param_groups[0]['lr']:.2g}"
            raise DivergedError(f"training diverged ({at}): try a lower train.learning_rate; what was saved before is whole")
        training.optimizer.step()
        seconds = time.perf_counter() - begin
        position.step += 1
        position.batch += 1
        position.characters += x.numel()
        position.seconds += seconds
        position.meter.add(loss, x.numel(), seconds, grad_norm)
        return StepRecord(position.step, position.epoch, position.batch, loss, x.numel())

    def _backward(self, x: Tensor, y: Tensor, state: State | None) -> tuple[float, State]:
        logits, state = self.model(x.to(self.device), state)
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(self.device).flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), detach(state)

    def _ends_epoch(self) -> bool:
        return self.position.batch == self.steps_an_epoch or self.position.step == self.total_steps

    def _is_due(self) -> bool:
        """Every `eval_every` batches of an epoch, and after the very first: a curve begins near ln V, where guessing stands."""
        every = self.config.train.eval_every
        return bool(every) and (self.position.batch % every == 0 or self.position.step == 1)

    def _evaluate(self, folder: RunFolder) -> Record:
        position, meter = self.position, self.position.meter
        begin = time.perf_counter()
        scored = evaluate.stateful(self.model, self.material.ids, self.material.split, self._check)
        sample = self._preview()
        position.seconds += time.perf_counter() - begin
        position.train_loss, position.validation_loss = meter.nats / meter.characters, scored.loss
        is_best = position.best_loss is None or scored.loss < position.best_loss
        position.best_loss = scored.loss if is_best else position.best_loss
        position.meter, position.evaluation_due = Meter(), False
        record = Record(
            step=position.step,
            epoch=position.epoch,
            characters=position.characters,
            seconds=round(position.seconds, 3),
            train_loss=position.train_loss,
            validation_loss=scored.loss,
            bpc=scored.bpc,
            learning_rate=learning_rate_at(position.step - 1, self.total_steps, self.config.train),
            grad_norm=meter.grad_norm,
            chars_per_second=round(meter.characters / meter.seconds, 1),
            batch=position.batch,
            ends_epoch=self._ends_epoch(),
            is_best=is_best,
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
        saved = self._model_with_facts()
        save_model(folder.last, saved)
        if record.is_best:
            save_model(folder.best, saved)
        folder.append_metrics(record.metrics())
        folder.append_sample(record.step, f"epoch {record.epoch}, validation {record.validation_loss:.4f}", record.sample)
        if self.position.seconds > self._saved_at + _SAVE_EVERY or self.position.step == self.total_steps:
            self._save_training(folder)

    def _save_training(self, folder: RunFolder) -> None:
        save_training(folder.resume, self._training, self.config, self._text)
        self._saved_at = self.position.seconds

    def _model_with_facts(self) -> SavedModel:
        p = self.position
        facts = Facts(p.step, p.epoch, p.characters, p.train_loss, p.validation_loss)
        return SavedModel(self.model, self.material.vocabulary, self.config, facts)

    def _check(self) -> None:
        if self.stop_asked:
            raise _Stopped
