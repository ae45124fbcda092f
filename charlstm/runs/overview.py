"""The runs in a folder, each in a line: what it is, how far it came, how it ended.

Knows: how to tell the state of a run from its files, without reading more of them than their heads.
Does not know: torch; how a table looks.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from charlstm.config import Config, load_config
from charlstm.errors import CharlstmError, RunError, SaveError, shown
from charlstm.model.shapes import count_parameters
from charlstm.runs.diagnosis import is_finished
from charlstm.runs.differences import text_name
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_weights
from charlstm.runs.records import has_diverged, read_columns, read_curve
from charlstm.runs.save_header import read_saved_step

RunState = Literal["finished", "stopped", "running", "diverged", "no evaluation yet", "damaged"]


@dataclass(frozen=True)
class Overview:
    """One run. What its files do not tell is None."""

    name: str
    path: str
    state: RunState
    step: int | None
    """The last one that is saved or evaluated."""
    date: float
    """When it was last written to, in seconds since 1970."""
    text: str | None = None
    num_layers: int | None = None
    hidden_size: int | None = None
    parameters: int | None = None
    per: str | None = None
    """What losses are counted by: character or byte."""
    loss: float | None = None
    """The lowest on validation, stateful, in nats; None too where no part of the text is kept for that."""
    bpc: float | None = None
    minutes: float | None = None
    """Trained, up to the last evaluation."""
    problem: str | None = None
    """What is wrong with a damaged one; settings of another version are that too."""


def overviews(under: Path) -> list[Overview]:
    """The runs in a folder, by name; or that folder alone, where it is a run. RunError where there is no such folder."""
    try:
        if not under.is_dir():
            what = "is a file" if under.exists() else "does not exist"
            raise RunError(f"no runs in {shown(str(under))}: it {what}", remedy="name a folder with run folders in it")
        paths = [under] if _files_of_a_run(RunFolder(under)) else sorted(under.iterdir())
    except OSError as error:
        raise RunError(f"can't look into {shown(str(under))}: {error.strerror}") from None
    found = (_overview(RunFolder(path)) for path in paths)
    return [one for one in found if one]


def closed_folders(under: Path) -> list[str]:
    """The names of the folders there that this user may not look into, so that nobody knows whether they are runs."""
    return [path.name for path in sorted(under.iterdir()) if _is_closed(path)]


def _is_closed(path: Path) -> bool:
    try:
        return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)
    except OSError:  # the folder that it is in tells names, and no more
        return True


def _files_of_a_run(folder: RunFolder) -> list[Path]:
    """What makes a folder that of a run: models that were kept on the way alone may be copies."""
    return [] if (held := folder.held()) == folder.kept() else held


def _overview(folder: RunFolder) -> Overview | None:
    """What is in a folder; None where that is no run, or may not be looked into."""
    try:
        if not folder.path.is_dir() or not (held := _files_of_a_run(folder)):
            return None
        log = folder.logged()
        one = Overview(
            name=folder.path.resolve().name,
            path=str(folder.path),
            state="damaged",
            date=max(file.stat().st_mtime for file in held),
            **_progress_of(log),
        )
        is_running = folder.is_in_use()
    except (SaveError, OSError):
        return None
    try:
        config = load_config(folder.config)
        one = replace(one, **_settings_of(config), **_size(folder, config), state=_state(log, config, one))
        if one.state in ("stopped", "no evaluation yet"):
            one = replace(one, step=_saved_step(folder) or one.step)
    except CharlstmError as error:
        one = replace(one, problem=str(error))
    return replace(one, state="running") if is_running else one


def _progress_of(log: bytes) -> dict[str, Any]:
    columns = read_columns(log)
    losses = [loss for loss in columns["validation_loss"] if math.isfinite(loss)]
    seconds = [second for second in columns["seconds"] if math.isfinite(second)]
    best = min(losses, default=None)
    return {
        "step": int(columns["step"][-1]) if columns["step"] else None,
        "loss": best,
        "bpc": None if best is None else best / math.log(2),
        "minutes": seconds[-1] / 60 if seconds else None,
    }


def _settings_of(config: Config) -> dict[str, Any]:
    per = "character" if config.data.unit == "char" else "byte"
    model = config.model
    return {
        "text": text_name(config.data.text),
        "per": per,
        "num_layers": model.num_layers,
        "hidden_size": model.hidden_size,
    }


def _size(folder: RunFolder, config: Config) -> dict[str, Any]:
    """The parameters of its model, where it has one. ModelError where the head of that is damaged."""
    if not folder.best.exists() and not folder.last.exists():
        return {}
    return {"parameters": count_parameters(read_weights(folder.path).vocabulary.size, config.model)}


def _state(log: bytes, config: Config, one: Overview) -> RunState:
    if has_diverged(log):
        return "diverged"
    if one.step is None:
        return "no evaluation yet"
    return "finished" if is_finished(read_curve(log), config) else "stopped"


def _saved_step(folder: RunFolder) -> int | None:
    """Where the newest save stands, which may be later than the last evaluation."""
    steps = map(read_saved_step, (folder.resume, folder.previous))
    return next((step for step in steps if step is not None), None)
