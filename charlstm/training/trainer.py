"""Training: a generator of records that prints nothing.

    for record in trainer.fit(folder):
        view.show(record)

Within an epoch of a long text it is looked at every few minutes, unless evaluations within it were asked for. That goes by the
clock, and so it decides nothing: weights, generators, the carried state, best model and patience are as they would be without.

Knows: the loop, what is evaluated and saved when, and what to do where a loss is not a number.
Does not know: where a text comes from, how records are shown.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch

from charlstm.errors import Argument, DivergedError, Phrase, SaveError
from charlstm.model.char_lstm import CharLSTM
from charlstm.out_of_memory import out_of_memory
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import Facts
from charlstm.runs.position import Meter, Position
from charlstm.runs.records import AnyRecord, Look, Record, Setback, StepRecord
from charlstm.runs.saved_model import SavedModel
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.selection import engine_of
from charlstm.sampling.generate import generate_text
from charlstm.scoring import evaluation
from charlstm.scoring.totals import Evaluation
from charlstm.text.batches import Batch, batches
from charlstm.training.checkpoints import Checkpoints
from charlstm.training.estimate import Estimate, estimate
from charlstm.training.optim import learning_rate_at
from charlstm.training.prepared import Prepared
from charlstm.training.resume import load_training, restore, snapshot
from charlstm.training.state import Training
from charlstm.training.step import take_step

PREVIEW_LENGTH = 200
LONG_TEXT = 20_000_000
"""Characters to learn from, up to which an epoch is not looked into: such a text gets several epochs."""
LOOK_EVERY = 180.0
"""Seconds between looks; more where looking itself takes more than a tenth of that."""
LOOK_LENGTH = 100_000
"""Characters of the validation part that a look scores, from its beginning: seconds, where all of it takes an hour."""
MAX_SETBACKS = 3
_PREVIEW_SEED = 1  # the same draws at every evaluation: what differs between samples is the model
_MEASURED = 4  # steps for an estimate: two times two

_Seen = TypeVar("_Seen", Record, Look)


class _Stopped(Exception):
    """Leaves the loop once a stop was asked for."""


class Trainer:
    """Takes a training on one text from where it stands to its end."""

    def __init__(self, prepared: Prepared, training: Training) -> None:
        self.prepared = prepared
        self.config = prepared.config
        self.steps_an_epoch = prepared.layout.steps
        self.total_steps = prepared.total_steps
        self.stop_asked = False
        self._training = training
        self._since_look = Meter()
        self._next_look = math.inf
        self._checkpoints = Checkpoints(self.config.train.save_every, self.config.train.keep)

    @property
    def model(self) -> CharLSTM:
        """What is scored, sampled from and saved: the averaged weights, where an average is kept."""
        return self._training.result

    @property
    def device(self) -> torch.device:
        """What it trains on."""
        return self._training.device

    @property
    def position(self) -> Position:
        """Where the training stands."""
        return self._training.position

    def seconds_an_epoch(self) -> Estimate:
        """How long the steps of an epoch will take, measured on a few of a copy that is thrown away. OutOfMemoryError."""
        steps = []
        with out_of_memory(self._smaller()):
            rehearsal = Trainer(self.prepared, copy.deepcopy(self._training))
            for batch in islice(batches(self.prepared.ids, self.prepared.layout), 1 + _MEASURED):
                clock, computing = time.perf_counter(), time.process_time()
                with suppress(DivergedError):  # which training itself will meet, and deal with
                    rehearsal._step(batch)
                steps.append((time.perf_counter() - clock, time.process_time() - computing))
        return estimate(steps[1:] or steps, self.steps_an_epoch, self.device.type == "cpu")  # the first step also allocates

    def stop_at_once(self) -> None:
        """Let `fit` end without waiting for a save that is being written."""
        self._checkpoints.abandon()

    def stop(self) -> None:
        """Ask `fit` to end, after the step or within the evaluation that it is in. Safe to call from a signal handler."""
        self.stop_asked = True

    @property
    def looks(self) -> bool:
        """Whether its epochs are looked into."""
        return not self.config.train.eval_every and self.prepared.split > LONG_TEXT

    def fit(self, folder: RunFolder) -> Generator[AnyRecord | Look, None, None]:
        """Train to the end, or until `stop`; save, then return. Yields every step, evaluation, look and setback.

        DivergedError after `MAX_SETBACKS` setbacks; SaveError where a save fails; OutOfMemoryError. What was saved before
        is whole in any case.
        """
        with out_of_memory(self._smaller()):
            try:
                self._begin(folder)
                while not self.is_finished:
                    try:
                        yield from self._fit_epoch(folder)
                    except DivergedError as error:
                        yield self._go_back(folder, str(error))
            except _Stopped:
                with suppress(DivergedError):  # then the save before is the one to go on from
                    self._save(folder, {folder.last: self._model_with_facts(self.position.train_loss)})
            finally:
                self._checkpoints.wait()

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done and evaluated, or patience has run out."""
        return self.position.is_finished(self.total_steps, self.config.train.patience)

    @property
    def is_out_of_patience(self) -> bool:
        """Whether `patience` evaluations in a row were no new best."""
        return self.position.is_out_of_patience(self.config.train.patience)

    def _begin(self, folder: RunFolder) -> None:
        """From the first moment that a folder looks like a run, it can be resumed."""
        self._save(folder)
        self._checkpoints.wait()
        folder.write_config(self.config)
        self._end_look(0.0)

    def _begin_epoch(self) -> None:
        self.position.begin_epoch(int(self._training.offsets.integers(self.prepared.layout.slack + 1)))
        self._training.state = None

    def _fit_epoch(self, folder: RunFolder) -> Iterator[StepRecord | Record | Look]:
        """From the current batch to the end of the epoch or of the training."""
        position = self.position
        if position.evaluation_due:
            yield self._evaluate(folder)
            if self.is_finished:
                return
        if position.batch in (0, self.steps_an_epoch):
            self._begin_epoch()
        for batch in batches(self.prepared.ids, self.prepared.layout, position.offset, first=position.batch):
            yield self._step(batch)
            position.evaluation_due = self._ends_epoch() or self._is_due()
            self._check()
            if position.evaluation_due:
                yield self._evaluate(folder)
            elif time.monotonic() >= self._next_look:
                yield self._look(folder)
            elif self._checkpoints.is_due(position.step):
                self._save(folder)
            if self.is_finished:
                return

    def _go_back(self, folder: RunFolder, reason: str) -> Setback:
        """Put all back as it was at the last save, and halve the learning rate."""
        number = self.position.setbacks + 1
        if number > MAX_SETBACKS:
            with suppress(SaveError):
                folder.append_metrics({"step": self.position.step, "diverged": reason})
            raise DivergedError(
                f"training diverged for the {number}th time ({reason}), with the learning rate halved {MAX_SETBACKS} times",
                remedy="try a lower train.learning_rate in a new run; what was saved before is whole",
            )
        self._checkpoints.wait()
        saved, warning = load_training(folder)
        if warning:
            folder.promote_previous()
        restore(self._training, saved)
        folder.go_back_to(saved.marks)
        folder.forget_kept_after(saved.position.step)
        self.position.setbacks = number
        return Setback(reason, self.position.step, number)

    def _smaller(self) -> Phrase:
        train = self.config.train
        does_not_fit = f"train.batch_size {train.batch_size} x train.seq_len {train.seq_len} does not fit"
        fewer = (Argument("train.batch_size", train.batch_size // 2), " or ") if train.batch_size > 1 else ()
        shorter = Argument("train.seq_len", max(2, train.seq_len // 2))
        return (f"{does_not_fit}; try a new run with ", *fewer, shorter, "; what was saved before is whole")

    def _step(self, batch: Batch) -> StepRecord:
        """Take a step, and count it."""
        position, begin = self.position, time.perf_counter()
        loss, grad_norm = take_step(self._training, batch, self._learning_rate(position.step), self.config.train)
        seconds = time.perf_counter() - begin
        position.count_step(loss, batch.characters, seconds, grad_norm)
        self._since_look.add(loss, batch.characters, seconds, grad_norm)
        return StepRecord(position.step, position.epoch, position.batch, loss.mean, batch.characters)

    def _learning_rate(self, step: int) -> float:
        return learning_rate_at(step, self.total_steps, self.config.train) * 0.5**self.position.setbacks

    def _ends_epoch(self) -> bool:
        return self.position.batch == self.steps_an_epoch or self.position.step == self.total_steps

    def _is_due(self) -> bool:
        """Every `eval_every` batches of an epoch, and after the very first: a curve begins near ln V, where guessing stands."""
        every = self.config.train.eval_every
        return bool(every) and (self.position.batch % every == 0 or self.position.step == 1)

    def _evaluate(self, folder: RunFolder) -> Record:
        """Score, sample, count, log and save."""
        position, meter, begin = self.position, self.position.meter, time.perf_counter()
        scored = self._validate(self.prepared.end)
        sample = self._preview()
        is_best = position.count_evaluation(scored.loss if scored else None, time.perf_counter() - begin)
        record = Record(
            step=position.step,
            epoch=position.epoch,
            characters=position.characters,
            seconds=round(position.seconds, 3),
            train_loss=meter.loss.mean,
            validation_loss=scored.loss if scored else None,
            bpc=scored.bpc if scored else None,
            learning_rate=self._learning_rate(position.step - 1),
            grad_norm=meter.grad_norm,
            chars_per_second=round(meter.characters / meter.seconds, 1),
            batch=position.batch,
            ends_epoch=self._ends_epoch(),
            is_best=is_best,
            sample=sample,
        )
        self._end_look(0.0)
        return self._log(folder, record)

    def _look(self, folder: RunFolder) -> Look:
        """Score a part, sample, log and save, and leave all as it is that decides how the training goes on."""
        position, meter, begin = self.position, self._since_look, time.perf_counter()
        scored = self._validate(min(self.prepared.end, self.prepared.split + LOOK_LENGTH))
        sample = self._preview()
        seconds = time.perf_counter() - begin
        position.seconds += seconds
        look = Look(
            step=position.step,
            epoch=position.epoch,
            characters=position.characters,
            seconds=round(position.seconds, 3),
            train_loss=meter.loss.mean,
            part_loss=scored.loss if scored else None,
            learning_rate=self._learning_rate(position.step - 1),
            grad_norm=meter.grad_norm,
            chars_per_second=round(meter.characters / meter.seconds, 1),
            sample=sample,
        )
        self._end_look(seconds)
        return self._log(folder, look)

    def _end_look(self, seconds: float) -> None:
        """What comes next is counted anew, and looked at in some minutes, where the last look took so long."""
        self._since_look = Meter()
        self._next_look = time.monotonic() + max(LOOK_EVERY, 10 * seconds) if self.looks else math.inf

    def _validate(self, end: int) -> Evaluation | None:
        """The loss on the validation part up to so far into the text; None where there is no such part."""
        prepared = self.prepared
        if prepared.split == end:
            return None
        scored = evaluation.stateful(self.model, prepared.ids[:end], prepared.split, self._check)
        if not math.isfinite(scored.loss):
            raise DivergedError(f"the validation loss after step {self.position.step:,} is not a finite number")
        return scored

    def _preview(self) -> str:
        settings = self.config.sample.model_copy(update={"length": PREVIEW_LENGTH})
        controls, text = Controls(settings, self.prepared.vocabulary), settings.prime
        try:
            for piece in generate_text(engine_of(self.model), controls, _PREVIEW_SEED):
                text += piece
                self._check()
        finally:
            self._training.model.train()  # an engine switches what it is given to evaluation
        return text

    def _log(self, folder: RunFolder, record: _Seen) -> _Seen:
        """Log and save what was seen. A sample that can't be written is no reason to stop."""
        folder.append_metrics(record.metrics())
        try:
            folder.append_sample(record.step, f"epoch {record.epoch}, {_loss_of(record)}", record.sample)
        except SaveError as error:
            record = replace(record, unwritten=str(error))
        self._save(folder, dict.fromkeys(self._places(folder, record), self._model_with_facts(record.train_loss)))
        return record

    def _places(self, folder: RunFolder, record: Record | Look) -> Iterator[Path]:
        """Where the model that was evaluated goes."""
        if self.config.train.keep:
            yield folder.kept_model(record)
        yield folder.last
        if isinstance(record, Record) and record.is_best:
            yield folder.best

    def _save(self, folder: RunFolder, models: Mapping[Path, SavedModel] | None = None) -> None:
        self._checkpoints.save(folder, snapshot(self._training, self.prepared, folder.marks()), models or {})

    def _model_with_facts(self, train_loss: float | None) -> SavedModel:
        p = self.position
        facts = Facts(p.step, p.epoch, p.characters, train_loss, p.validation_loss)
        model = copy.deepcopy(self.model).cpu()  # the writer takes its time, and training goes on
        return SavedModel(model, self.prepared.vocabulary, self.config, facts)

    def _check(self) -> None:
        if self.stop_asked:
            raise _Stopped


def _loss_of(record: Record | Look) -> str:
    """What a sample is titled with."""
    loss, what = (
        (record.part_loss, "part of validation") if isinstance(record, Look) else (record.validation_loss, "validation")
    )
    return f"training {record.train_loss:.4f}" if loss is None else f"{what} {loss:.4f}"
