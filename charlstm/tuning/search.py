"""The search for a recipe: one training after another on a part of the training part, compared on the rest of it.

    for record in search.run(trials, seconds):
        view.show(record)

Knows: how a trial is trained, when it ends early, and what is written of the best one.
Does not know: which values are worth trying; how anything is shown.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from threading import Timer

import torch

from charlstm.asked import Asked
from charlstm.errors import ConfigError, OutOfMemoryError
from charlstm.files import write_atomically
from charlstm.out_of_memory import out_of_memory
from charlstm.runs.records import Look, Setback, StepRecord
from charlstm.text.corpus import Corpus
from charlstm.training.prepared import Prepared, prepare_for_search
from charlstm.training.size_defaults import fit_scale
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.records import TrialRecord
from charlstm.tuning.space import Space, Value, with_values
from charlstm.tuning.trials import RUNGS, Trials


@dataclass(frozen=True)
class TrialBegun:
    """A trial will take so many steps, unless it ends early."""

    number: int
    steps: int


class Search:
    """Trains with one set of values after another, each from the same seed, and keeps what came of it in a folder.

    Its `run` goes on with what the folder holds. RunError where that is another search.
    """

    def __init__(self, corpus: Corpus, asked: Asked, space: Space, device: torch.device, folder: SearchFolder) -> None:
        # What the length of the text decides is decided here, for the run that the search is for.
        config, _ = fit_scale(asked, corpus.split(asked.config.data)[0])
        self.config, self.space, self.folder, self.device = config, space, folder, device
        self.prepared = prepare_for_search(corpus, Asked.all_of(config))
        self.trials = Trials(folder, corpus.digest, config, space)
        self.stop_asked = False
        self._corpus = corpus
        self._trainer: Trainer | None = None

    def run(self, most: float, seconds: float | None) -> Generator[TrialBegun | StepRecord | TrialRecord, None, None]:
        """Trials until there are `most` of them, those of the folder counted, or all that there can be; or until the time is
        up or `stop` is called, which leaves the trial at work unfinished. Yields every step and every trial.

        The best trial's configuration is written as soon as there is one.
        """
        timer = Timer(seconds, self.stop) if seconds else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            self._write_best()
            while self.trials.counted() < min(most, self.trials.count()) and not self.stop_asked:
                yield from self._run_one()
                self._write_best()
        finally:
            if timer:
                timer.cancel()

    def stop(self) -> None:
        """Ask `run` to end after the step, or within the evaluation, that it is in. Safe to call from a signal handler."""
        self.stop_asked = True
        if self._trainer:
            self._trainer.stop()

    def stop_at_once(self) -> None:
        """Let `run` end without waiting for what the trial is writing."""
        if self._trainer:
            self._trainer.stop_at_once()

    def _run_one(self) -> Generator[TrialBegun | StepRecord | TrialRecord, None, None]:
        values = self.trials.ask()
        record = TrialRecord(self.trials.counted() + 1, values)
        begin = time.monotonic()
        try:
            record = yield from self._train(record)
        except (ConfigError, OutOfMemoryError) as error:  # such values can't be trained with: that is an answer too
            record = replace(record, state="failed", reason=str(error))
        except BaseException:  # what ends the search: the journal says that it was not this trial's fault
            with suppress(OSError):
                self.trials.tell(record)
            raise
        finally:
            self._trainer = None
            shutil.rmtree(self.folder.trial.path, ignore_errors=True)
        record = replace(record, seconds=round(time.monotonic() - begin, 1))
        self.trials.tell(record)
        yield record

    def _train(self, record: TrialRecord) -> Generator[TrialBegun | StepRecord, None, TrialRecord]:
        """Train with the values of a trial -> how it ended."""
        folder = self.folder.trial
        folder.path.mkdir(exist_ok=True)
        with out_of_memory("the model does not fit"):
            prepared = self._prepared(record.values)
            trainer = self._trainer = Trainer(prepared, new_training(prepared, self.device))
        if self.stop_asked:  # meanwhile
            trainer.stop()
        yield TrialBegun(record.number, trainer.total_steps)
        loss, part = math.inf, 0
        with closing(trainer.fit(folder)) as records:
            for seen in records:
                if isinstance(seen, Setback):  # a recipe that needs to be rescued is none
                    return replace(record, state="diverged", reason=seen.reason)
                if isinstance(seen, StepRecord):
                    record = replace(record, steps=seen.step)
                    yield seen
                    continue
                if isinstance(seen, Look):
                    continue
                loss = min(loss, seen.validation_loss or math.inf)  # trials always keep a part to be compared by
                record = replace(record, loss=loss)
                before, part = part, RUNGS * seen.step // trainer.total_steps
                if part > before and self.trials.report(loss, part):
                    return replace(record, state="pruned")
        is_stopped = trainer.stop_asked and not trainer.is_finished
        return record if is_stopped else replace(record, state="done")

    def _prepared(self, values: dict[str, Value]) -> Prepared:
        prepared = prepare_for_search(self._corpus, Asked.all_of(with_values(self.config, values)))
        train = prepared.config.train
        often = train.model_copy(update={"eval_every": math.ceil(prepared.total_steps / RUNGS), "patience": 0, "keep": 0})
        return replace(prepared, config=prepared.config.model_copy(update={"train": often}))

    def _write_best(self) -> None:
        best = self.trials.best()
        if best:
            noun = self.prepared.vocabulary.noun
            where = "the last tenth of the training part, which it did not learn from"
            title = f"# The best of a search, its trial {best.number}: {best.loss:.4f} nats per {noun} on {where}.\n"
            toml = with_values(self.config, best.values).to_toml()
            write_atomically(self.folder.best_config, [(title + toml).encode()])
