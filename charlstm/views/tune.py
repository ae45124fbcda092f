"""What a search looks like: what it is about, a line a trial with a bar before it, and in the end all of them.

Knows: how trials are shown.
Does not know: what makes them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text
from tqdm import tqdm

from charlstm.model.device import describe_device
from charlstm.runs.naming import in_shell
from charlstm.runs.records import StepRecord
from charlstm.tuning.records import TrialRecord
from charlstm.tuning.search import Search, TrialBegun
from charlstm.tuning.space import Value
from charlstm.views.console import console, duration, print_facts, print_json, print_line, print_warning
from charlstm.views.heartbeat import Heartbeat
from charlstm.views.tables import Column, print_table
from charlstm.words import counted


def print_search(search: Search, trials: float, seconds: float | None) -> None:
    """What is searched, by what it is compared, how long, and where it goes."""
    prepared, done, count = search.prepared, search.trials.counted(), search.trials.count()
    compared = len(prepared.ids) - prepared.split
    split = f"{prepared.split:,} to learn from, the {compared:,} after them to compare by; what a run validates on is not used"
    limits = [f"{counted(f'{min(trials, count):,.0f}', 'trial')} in all" if min(trials, count) < float("inf") else ""]
    limits.append(f"{duration(seconds)} from now on" if seconds else "")
    rows = [
        ("trials", split),
        ("search", "; ".join(f"{name} {options}" for name, options in search.space.items())),
        ("until", ", ".join(filter(None, limits))),
        ("device", describe_device(search.device)),
        ("run", str(search.folder.path) + (f", after {counted(done, 'trial')}" if done else "")),
    ]
    print_facts(rows)


class SearchView:
    """A line a trial; on a terminal also a bar while it is at work."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._bar: tqdm[Any] | None = None
        self._number = self._steps = 0
        self._newest: StepRecord | None = None
        self._heartbeat = Heartbeat(self._say_how_far)

    def show(self, record: TrialBegun | StepRecord | TrialRecord) -> None:
        """Show one record."""
        if isinstance(record, TrialBegun):
            self._heartbeat.begin()
            self._number, self._steps, self._newest = record.number, record.steps, None
            self._bar = tqdm(
                total=record.steps,
                unit="step",
                leave=False,
                dynamic_ncols=True,
                disable=not sys.stderr.isatty(),
                bar_format="{desc} {percentage:3.0f}% {bar} {rate_fmt}, {remaining} left",
            )
        elif isinstance(record, StepRecord):
            self._newest = record
            if self._bar is not None:
                self._bar.set_description_str(f"trial {self._number}  loss {record.loss:.3f}", refresh=False)
                self._bar.update()
        else:
            self._end_bar()
            self._show_trial(record)
            self._heartbeat.wrote()

    def close(self) -> None:
        """Take the bar away."""
        self._heartbeat.close()
        self._end_bar()

    def _say_how_far(self) -> None:
        loss = f"  loss {self._newest.loss:.3f}" if self._newest else ""
        print_line(f"trial {self._number:>3}  step {self._newest.step if self._newest else 0:,} of {self._steps:,}{loss}")

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show_trial(self, record: TrialRecord) -> None:
        loss = "" if record.loss is None else f"{record.loss:.4f}"
        line = Text(f"trial {record.number:>3}  {loss:>7}  {record.state:<10}  {duration(record.seconds):>12}  ")
        line.append(", ".join(f"{_key_of(name)} {value}" for name, value in record.values.items()))
        best = self._search.trials.best()
        if best and best.number == record.number:
            line.append("  ↓ best", "green")
        console().print(line, soft_wrap=True)
        if record.reason:
            print_warning(f"trial {record.number} {record.state}: {record.reason}")


def print_trials(search: Search, as_json: bool) -> None:
    """All trials on standard output, the best one marked."""
    trials, best, noun = search.trials.records(), search.trials.best(), search.prepared.vocabulary.noun
    if as_json:
        print_json(
            {
                "best": best.number if best else None,
                "config": str(search.folder.best_config) if best else None,
                "per": noun,
                "trials": [asdict(trial) for trial in trials],
                "importance": search.trials.importance(),
            }
        )
        return
    names = list(search.space)
    settings = [Column(_key_of(name), gone, is_right=True, least=6) for gone, name in enumerate(names, 2)]
    last = len(names) + 2
    columns = [
        Column("trial", is_right=True),
        *settings,
        Column(f"nats per {noun}", is_right=True),
        Column("steps", last + 1, is_right=True),
        Column("time", last + 2, is_right=True),
        Column("state", 1),
    ]
    print_table(columns, [_trial_cells(trial, names, trial == best) for trial in trials])


def print_best(search: Search, best: TrialRecord, program: str) -> None:
    """What was found, what decided it, and how to go on from here."""
    noun, config = search.prepared.vocabulary.noun, search.folder.best_config
    rows = [
        ("best", f"trial {best.number}: {best.loss:.4f} nats per {noun}; a run's own validation is on another part of the text")
    ]
    if importance := search.trials.importance():
        rows.append(("decided", ", ".join(f"{name} {share:.0%}" for name, share in importance.items())))
    print_facts([*rows, ("config", str(config))])
    print_line(f"next: {program} train --config {in_shell(config)}")


def _trial_cells(trial: TrialRecord, names: Sequence[str], is_best: bool) -> list[Text]:
    values: Mapping[str, Value] = trial.values
    loss = "" if trial.loss is None else f"{trial.loss:.4f}"
    about = (f"{trial.steps:,}", duration(trial.seconds), "best" if is_best else trial.state)
    cells = (str(trial.number), *(str(values[name]) for name in names), loss, *about)
    return [Text(cell, "bold" if is_best else "") for cell in cells]


def _key_of(name: str) -> str:
    """No two settings of [model] and [train] have the same key."""
    return name.partition(".")[2]
