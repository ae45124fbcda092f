"""The folder of a search for settings: what lies in it, beside the lock and the writing that it shares with a run folder.

Knows: every file name in the folder of a search.
Does not know: what is in the files; torch, Optuna.
"""

from __future__ import annotations

from pathlib import Path

from charlstm import run_files
from charlstm.errors import RunError, shown
from charlstm.runs.folder import ANOTHER_RUN, RunFolder
from charlstm.runs.lock import LOCK_FILES, is_bare


class SearchFolder(RunFolder):
    """The names in the folder of a search."""

    @property
    def trials(self) -> Path:
        """What was tried, and how it went: Optuna's journal, one event a line."""
        return self.path / run_files.TRIALS

    @property
    def best_config(self) -> Path:
        """The configuration with the values of the best trial."""
        return self.path / run_files.BEST_CONFIG

    @property
    def trial(self) -> RunFolder:
        """The run folder of the trial at work, thrown away after it."""
        return RunFolder(self.path / "trial")

    def refuse_other(self) -> None:
        """RunError where the folder holds anything and no search: what a search throws away in it would be lost."""
        if RunFolder(self.path).held():
            raise RunError(f"{self.path} holds a training and no search", remedy=ANOTHER_RUN)
        if self.path.is_dir() and not self.trials.exists() and not is_bare(self.path):
            first = min(path.name for path in self.path.iterdir() if path.name not in LOCK_FILES)
            raise RunError(f"{self.path} holds {shown(first)} and no search", remedy=ANOTHER_RUN)

    def replaced(self) -> tuple[Path, ...]:
        return (*self._files(), self.trial.path)

    def _files(self) -> tuple[Path, ...]:
        return (self.trials, self.best_config)
