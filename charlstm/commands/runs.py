"""`charlstm runs`: a table of the runs in a folder.

Knows: orders.
Does not know: options and their help; how a run is told from another folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from charlstm.runs.overview import Overview, closed_folders, overviews

RunOrder = Literal["name", "size", "loss", "minutes", "date"]


def _or_last(value: float | None) -> float:
    return math.inf if value is None else value


_KEYS: dict[RunOrder, Callable[[Overview], Any]] = {
    "name": lambda run: run.name,
    "size": lambda run: _or_last(run.parameters),
    "loss": lambda run: _or_last(run.loss),
    "minutes": lambda run: _or_last(run.minutes),
    "date": lambda run: -run.date,
}


def show_runs(under: Path, order: RunOrder, as_json: bool) -> None:
    """Show the runs in a folder, the lowest first, or the newest."""
    runs = sorted(overviews(under), key=_KEYS[order])

    from charlstm.views.console import print_facts, print_line
    from charlstm.views.left_out import first_few
    from charlstm.views.runs import print_runs
    from charlstm.views.terminal import one_line

    if not runs and not as_json:
        print_line(f"no runs in {under}: charlstm train makes one")
    else:
        print_runs(runs, as_json)
    if closed := closed_folders(under):
        print_facts([("skipped", f"{first_few([*map(one_line, closed)])}: may not be looked into")])
