"""What several commands need: how this program is called, what to call next.

Knows: how a diagnosis becomes a command; which neurons a model has.
Does not know: what a command is for.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from charlstm.config import ModelConfig, load_config
from charlstm.errors import CharlstmError, ConfigError
from charlstm.runs.diagnosis import Diagnosis
from charlstm.runs.folder import RunFolder
from charlstm.runs.naming import in_shell


def program() -> str:
    """How the user can call this program again: by name where the shell finds it, else as it was called."""
    if shutil.which("charlstm"):
        return "charlstm"
    called = sys.argv[0]
    return shlex.join([sys.executable, "-m", "charlstm"] if Path(called).name == "__main__.py" else [called])


def command_to_try(diagnosis: Diagnosis, folder: RunFolder) -> str | None:
    """What answers a diagnosis, as a shell takes it; None where nothing does, or the text came from standard input."""
    if not diagnosis.settings_to_try and not diagnosis.goes_on:
        return None
    try:
        if "-" in load_config(folder.config).data.text:
            return None
    except ConfigError:  # a run without its settings, or with those of another version
        return None
    begin = f"--resume --run {in_shell(folder.path)}" if diagnosis.goes_on else f"--config {in_shell(folder.config)}"
    settings = [part for key, value in diagnosis.settings_to_try.items() for part in ("--set", f"{key}={value}")]
    return f"{program()} train {begin} {shlex.join(settings)}".rstrip()


def require_neuron(layer: int, neuron: int, model: ModelConfig) -> None:
    """CharlstmError where a model has no such neuron; both count from 0."""
    for name, number, count in (("layer", layer, model.num_layers), ("neuron", neuron, model.hidden_size)):
        if number >= count:
            has = f"the model has {count} {name}s{' a layer' * (name == 'neuron')}, counted from 0" if count > 1 else ""
            there = has or f"the only {name} is 0"
            raise CharlstmError(f"there is no {name} {number}", key="neuron", value=f"{layer}:{neuron}", remedy=there)
