"""`charlstm plot`: the curves of runs, as a picture or on the terminal.

Knows: which runs, where a picture goes, what is drawn on a terminal.
Does not know: options and their help; how a picture is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.commands.outputs import picture_kind
from charlstm.config import Config, load_config
from charlstm.errors import Argument, CharlstmError, ConfigError, RunError, shown
from charlstm.files import write_output
from charlstm.runs.differences import labels
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import Inputs
from charlstm.runs.records import XAxis, read_columns

if TYPE_CHECKING:
    from charlstm.views.terminal_curves import Panel

MOST_RUNS = 52
"""Letters on a terminal; a picture with more would show nothing either."""


@dataclass(frozen=True)
class _Run:
    folder: RunFolder
    columns: dict[str, list[float]]
    config: Config | None

    def points(self, x: XAxis, column: str) -> list[tuple[float, float]]:
        """What of a column can be drawn."""
        name, scale = {"steps": ("step", 1), "characters": ("characters", 1), "minutes": ("seconds", 1 / 60)}[x]
        pairs = zip(self.columns[name], self.columns[column], strict=True)
        return [(place * scale, y) for place, y in pairs if math.isfinite(place) and math.isfinite(y)]


def plot_runs(paths: Sequence[Path], x: XAxis, output: Path | None, on_terminal: bool) -> None:
    """Draw runs in one picture. RunError names a run without metrics."""
    if len(paths) > MOST_RUNS:
        raise CharlstmError(f"{len(paths)} runs in one picture", remedy=f"at most {MOST_RUNS} can be told apart")
    runs = [_read_run(path) for path in paths]
    names = labels(paths, [run.config for run in runs])
    noun = _noun(runs)
    if on_terminal:
        _print(runs, names, x, noun)
        return
    # A picture of one run belongs to it; one of several belongs to none of them.
    place = output or (runs[0].folder.curves if len(runs) == 1 else Path(runs[0].folder.curves.name))
    kind = picture_kind(place, "charlstm plot", ("add ", Argument("terminal", True)), Inputs(paths))

    from charlstm.views.console import print_line
    from charlstm.views.curves import Drawn, draw_curves

    drawn = [Drawn(name, run.columns) for name, run in zip(names, runs, strict=True)]
    write_output(place, [draw_curves(drawn, x, noun, kind)])
    print_line(f"curves: {place}")


def _read_run(path: Path) -> _Run:
    folder = RunFolder(path)
    if not path.is_dir():
        what, remedy = ("it is a file", "name the run folder it lies in") if path.exists() else ("there is no such folder", "")
        raise RunError(f"no run in {shown(str(path))}: {what}", remedy=remedy)
    columns = read_columns(folder.logged())
    if not folder.metrics.is_file() and any(RunFolder(under).metrics.is_file() for under in path.iterdir()):
        raise RunError(f"no run in {shown(str(path))}, but in folders under it", remedy=f"name these, such as {path / '*'}")
    if not columns["step"]:
        why = "has no evaluation yet" if folder.metrics.is_file() else "is not there"
        raise RunError(f"no curves in {shown(str(path))}: {folder.metrics.name} {why}")
    try:
        return _Run(folder, columns, load_config(folder.config))
    except ConfigError:  # a run without its settings, or with those of another version
        return _Run(folder, columns, None)


def _noun(runs: Sequence[_Run]) -> str:
    """What losses are counted by."""
    units = {run.config.data.unit for run in runs if run.config}
    return "byte" if units == {"byte"} else "character" if "byte" not in units else "character or byte"


def _print(runs: Sequence[_Run], names: Sequence[str], x: XAxis, noun: str) -> None:
    from charlstm.views.terminal_curves import Panel, TerminalCurve, letters, print_panels

    def panel(title: str, height: int, column: str) -> Panel:
        lines = [
            TerminalCurve(letter, i, run.points(x, column)) for i, (letter, run) in enumerate(zip(marks, runs, strict=True))
        ]
        return Panel(title, height, lines)

    marks = letters(len(runs))
    is_validated = any(run.points(x, column) for run in runs for column in ("validation_loss", "part_loss"))
    column, what = ("validation_loss", "validation") if is_validated else ("train_loss", "training")
    title = f"{what} loss, nats per {noun} (right: bits)"
    if len(runs) == 1 and is_validated:
        marks, title = ["v"], f"loss, nats per {noun} (right: bits)"
        legend = [("v", 0, f"validation, {names[0]}"), ("t", 1, "training")]
        losses = [
            TerminalCurve("t", 1, runs[0].points(x, "train_loss")),
            TerminalCurve("v", 0, runs[0].points(x, "validation_loss")),
        ]
        if looks := runs[0].points(x, "part_loss"):
            legend.append(("p", 2, "part of validation"))
            losses.append(TerminalCurve("p", 2, looks))
    else:
        legend = [(letter, i, name) for i, (letter, name) in enumerate(zip(marks, names, strict=True))]
        losses = list(panel("", 0, column).lines)
    others = [panel("learning rate", 4, "learning_rate"), panel("gradient norm", 4, "grad_norm")]
    print_panels([Panel(title, 12, losses, 1 / math.log(2)), *others], legend, x)
