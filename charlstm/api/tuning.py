"""The search for a recipe, from Python.

Knows: which packages make up a search.
Does not know: which values are tried, how a trial is trained.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from charlstm.api.settings import TrainingSettings, in_sections
from charlstm.api.text import warned_of
from charlstm.api.wording import worded
from charlstm.asked import ask
from charlstm.errors import CharlstmError, SearchError
from charlstm.runs.claiming import claimed
from charlstm.runs.inputs import refuse_replacing
from charlstm.runs.naming import run_name, with_absolute_paths
from charlstm.text.corpus import read_corpus
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.space import DEFAULT_TRIALS, read_space, require_budget

if TYPE_CHECKING:
    from charlstm.tuning.records import TrialRecord


@dataclass(frozen=True)
class Tuned:
    """What a search has found so far."""

    path: Path
    """Its folder; a search with the same `run` goes on there."""
    trials: tuple[TrialRecord, ...]
    """In their order; losses are nats per character (or byte) on the part of the text that compares trials."""

    @property
    def best(self) -> TrialRecord | None:
        """The trial with the lowest loss; None where none was done."""
        done = [trial for trial in self.trials if trial.state == "done"]
        return min(done, key=lambda trial: trial.loss or 0.0, default=None)

    @property
    def config(self) -> Path:
        """The configuration with the values of the best trial, for `charlstm.train(config=...)`."""
        return SearchFolder(self.path).best_config


@worded
def tune(
    config: str | os.PathLike[str],
    *text: str | os.PathLike[str],
    trials: int | None = None,
    minutes: float | None = None,
    run: str | os.PathLike[str] | None = None,
    device: str = "auto",
    progress: Callable[[object], object] = lambda record: None,
    **settings: Unpack[TrainingSettings],
) -> Tuned:
    """Search over the [tune] table of a TOML file, as `charlstm tune` does, until so many trials or minutes are over.

    Without either, 20 trials. `progress` is called with what happens as it happens. It takes Optuna (the extra `tune`).
    ConfigError says what is wrong with the table, RunError where `run` holds another search, SearchError where no trial was
    done.
    """
    file = Path(config)
    require_budget(trials, minutes)
    sections = in_sections(settings)
    names = [f"{section}.{key}" for section, keys in sections.items() for key in keys]
    if text:
        sections["data"] = {**sections.get("data", {}), "text": [os.fspath(one) for one in text]}
    asked = ask(file, **sections)
    space = read_space(file, names, asked.config)
    if find_spec("optuna") is None:
        raise CharlstmError("a search needs Optuna, which is not installed", remedy="pip install 'charlstm[tune]'")
    name = f"{run_name([os.fspath(one) for one in text], file, asked.config)}-tune"

    def warn(message: str) -> None:
        warnings.warn(message, stacklevel=4)

    with ExitStack() as held:
        folder = SearchFolder(Path(run)) if run else held.enter_context(claimed(SearchFolder, name, warn))
        folder.refuse_other()
        if run:
            refuse_replacing(folder, asked.config.data.text, file)

        from charlstm.model.device import find_device
        from charlstm.tuning.search import Search

        corpus = warned_of(read_corpus(asked.config.data.text, asked.config.data))
        if run:
            held.enter_context(folder.locked(warn))
        absolute = replace(asked, config=with_absolute_paths(asked.config))
        search = Search(corpus, absolute, space, find_device(device), folder)
        most = trials or (math.inf if minutes else DEFAULT_TRIALS)
        for record in search.run(most, minutes * 60 if minutes else None):
            progress(record)
        if search.trials.best() is None:
            raise SearchError("no trial was done, so none is the best", remedy="allow more time or shorter trials")
        return Tuned(folder.path, tuple(search.trials.records()))
