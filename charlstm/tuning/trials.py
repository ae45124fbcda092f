"""The trials of a search: asked of Optuna, told to it, and kept in its journal on the disk.

A trial's values depend on the seed, on how many trials there were and how they went, and on nothing else: a search that was
stopped and goes on is the search that was never stopped.

Knows: Optuna; which trials count; whether the search in a folder is the one that is asked for.
Does not know: how a trial is trained; how anything is shown; torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from charlstm.config import Config
from charlstm.errors import RunError, shown
from charlstm.runs.folder import ANOTHER_RUN
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.records import Outcome, TrialRecord
from charlstm.tuning.space import NO_BETTER, Choices, Range, Space, Value

RUNGS = 10
"""A trial is scored after so many equal parts of its training, and compared with others at the same part."""
_UNPRUNED_PARTS = 3  # in which the learning rate warms up and little is decided
_UNPRUNED_TRIALS = 5  # a median of fewer says little
_ENOUGH_FOR_IMPORTANCE = 20  # of trials that are done: with 10, one setting that decided all came first only 13 times of 20
_RECORD = "record"
_ABOUT = "about"


class Trials:
    """The trials in a folder, which is locked. RunError where they belong to another search, or can't be read."""

    def __init__(self, folder: SearchFolder, text: str, config: Config, space: Space) -> None:
        """`text` is the text's digest; `config` has the settings that are not searched, and the seed."""
        self._space, self._seed = space, config.train.seed
        self._distributions = {name: _distribution(options) for name, options in space.items()}
        # Said of every trial otherwise. Errors are ours to tell.
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self._study = _open_study(folder.trials)
        about = _about(text, config, space)
        if _ABOUT in self._study.user_attrs:
            _refuse_another(self._study.user_attrs[_ABOUT], about, folder.path)
        self._study.set_user_attr(_ABOUT, about)
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)  # the process ended in it
        self._trial: optuna.Trial

    def records(self) -> list[TrialRecord]:
        """The trials that count, in order, and after them the newest where that is unfinished."""
        found: list[TrialRecord] = []
        died: list[dict[str, Value]] = []
        for trial in self._study.get_trials(deepcopy=False):
            if not trial.state.is_finished():
                continue
            if found and found[-1].state == "unfinished":
                found.pop()
            record = TrialRecord(len(found) + 1, self._rounded(trial.params), **trial.user_attrs.get(_RECORD, {}))
            if _RECORD not in trial.user_attrs:
                if record.values in died:  # it may be what ends the process: out of memory, a system says no more than that
                    record = replace(record, state="failed", reason="the process ended in it, twice")
                died.append(record.values)
            found.append(record)
        return found

    def counted(self) -> int:
        """How many trials there were, but for an unfinished one."""
        return sum(record.state != "unfinished" for record in self.records())

    def best(self) -> TrialRecord | None:
        """The trial that was done with the lowest loss, the first of equals."""
        done = [record for record in self.records() if record.state == "done"]
        return min(done, key=lambda record: record.loss or 0.0, default=None)

    def count(self) -> float:
        """How many different trials there can be."""
        return math.prod(options.count for options in self._space.values())

    def ask(self) -> dict[str, Value]:
        """The values of the next trial. Only while there are fewer than there can be."""
        number = self.counted() + 1
        # A sampler of its own for each trial: one for all of them would begin anew whenever a search goes on.
        seeds = np.random.SeedSequence([self._seed, number])
        self._study.sampler = optuna.samplers.TPESampler(seed=int(seeds.generate_state(1)[0]))
        self._trial = self._study.ask(self._distributions)
        values, tried = self._rounded(self._trial.params), [record.values for record in self.records()[: number - 1]]
        if values in tried and math.isfinite(self.count()):  # it would end as it did before
            values = self._untried(tried, np.random.default_rng(seeds))
            self._end("unfinished", {})
            self._study.enqueue_trial(values)
            self._trial = self._study.ask(self._distributions)
        return values

    def report(self, loss: float, part: int) -> bool:
        """Tell the lowest loss so far after a part of the training -> whether half of those done were better by then."""
        self._trial.report(loss, part)
        return part < RUNGS and self._trial.should_prune()

    def tell(self, record: TrialRecord) -> None:
        """End the trial that was asked for last."""
        kept = asdict(record)
        self._end(record.state, {name: kept[name] for name in ("state", "loss", "steps", "seconds", "reason")})

    def importance(self) -> dict[str, float]:
        """How much each setting decided, as shares of 1: empty where too few trials are done to say.

        By PED-ANOVA (Watanabe et al. 2023), which asks what the best trials have in common.
        """
        if sum(record.state == "done" for record in self.records()) < _ENOUGH_FOR_IMPORTANCE:
            return {}
        return get_param_importances(self._study, evaluator=PedAnovaImportanceEvaluator())

    def _end(self, state: Outcome, record: Mapping[str, object]) -> None:
        self._trial.set_user_attr(_RECORD, record)
        if state == "done":
            self._study.tell(self._trial, record["loss"])  # type: ignore[arg-type]
        else:
            # The sampler learns from what is pruned, and not from what failed: that a trial diverged is worth learning.
            self._study.tell(self._trial, state=TrialState.FAIL if state == "unfinished" else TrialState.PRUNED)

    def _rounded(self, params: Mapping[str, Any]) -> dict[str, Value]:
        rounded = {}
        for name, options in self._space.items():
            rounded[name] = options.rounded(params[name]) if isinstance(options, Range) else params[name]
        return rounded

    def _untried(self, tried: list[dict[str, Value]], generator: np.random.Generator) -> dict[str, Value]:
        while True:
            values = {name: options.draw(generator) for name, options in self._space.items()}
            if values not in tried:
                return values


def _distribution(options: Choices | Range) -> BaseDistribution:
    if isinstance(options, Choices):
        return CategoricalDistribution(options.values)
    if options.is_whole:
        return IntDistribution(int(options.low), int(options.high), log=options.log)
    return FloatDistribution(options.low, options.high, log=options.log)


def _open_study(file: Path) -> optuna.Study:
    """Optuna's study in a journal, or a new one. RunError where the journal can't be read."""
    _mend(file)
    pruner = optuna.pruners.MedianPruner(_UNPRUNED_TRIALS, _UNPRUNED_PARTS)
    try:
        # The lock of links, which is Optuna's own choice, is not possible on every system.
        backend = JournalFileBackend(str(file), JournalFileOpenLock(str(file)))
        return optuna.create_study(storage=JournalStorage(backend), study_name="charlstm", pruner=pruner, load_if_exists=True)
    except OSError:
        raise
    except Exception:  # whatever Optuna meets in lines that it did not write
        raise RunError(f"{file} is damaged, so this search can't go on", remedy=ANOTHER_RUN) from None


def _mend(file: Path) -> None:
    """Take away what a crash may have left: half a last line, and the lock of who wrote it."""
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
    if file.is_file():
        data = file.read_bytes()
        if 0 < (end := data.rfind(b"\n") + 1) < len(data):
            with file.open("r+b") as journal:
                journal.truncate(end)


def _about(text: str, config: Config, space: Space) -> dict[str, Any]:
    """All that decides how a trial with certain values goes, as JSON."""
    sections = config.model_dump(mode="json", exclude={"data": {"text"}, "sample": True})
    settings = {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}
    unchanging = {name for name in NO_BETTER if name != "train.seed"} | set(space)
    return {
        "text": text,
        "tune": {name: options.as_json() for name, options in space.items()},
        "settings": {name: value for name, value in settings.items() if name not in unchanging},
    }


def _refuse_another(was: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    if was["text"] != now["text"]:
        raise RunError(f"{folder} holds a search on another text", remedy=ANOTHER_RUN)
    if was["tune"] != now["tune"]:
        raise RunError(f"{folder} holds a search over another [tune] table", remedy=ANOTHER_RUN)
    for name, value in was["settings"].items():
        if (other := now["settings"].get(name)) != value:
            raise RunError(f"{folder} holds a search with {name} = {shown(value)}, not {shown(other)}", remedy=ANOTHER_RUN)
