"""The runs in a folder as a table or as JSON.

Knows: columns, how a state is said.
Does not know: how any of it was found out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.text import Text

from charlstm.runs.overview import Overview
from charlstm.views.console import print_json, print_line
from charlstm.views.tables import Column, print_table
from charlstm.views.terminal import one_line

_RUN_COLUMNS = (
    Column("run", least=32),
    Column("text", gone=2, least=12),
    Column("model", gone=3, is_right=True),
    Column("loss", is_right=True),
    Column("bpc", gone=4, is_right=True),
    Column("minutes", gone=5, is_right=True),
    Column("state", gone=1),
)
_STATE_STYLES = {"finished": "green", "running": "cyan", "diverged": "red", "damaged": "red"}


def print_runs(runs: Sequence[Overview], as_json: bool) -> None:
    """A row a run on standard output."""
    if as_json:
        print_json({"runs": [{**asdict(run), "date": datetime.fromtimestamp(run.date, UTC).isoformat()} for run in runs]})
        return
    print_table(_RUN_COLUMNS, [_run_cells(run) for run in runs])
    for run in runs:
        if run.problem:
            print_line(f"{one_line(run.name)}: {one_line(run.problem)}", "dim")


def _run_cells(run: Overview) -> list[Text]:
    state = f"stopped at step {run.step:,}" if run.state == "stopped" and run.step is not None else run.state
    layers = f"{run.num_layers} x {run.hidden_size}" if run.num_layers else ""
    cells = [
        one_line(run.name),
        one_line(run.text or ""),
        ", ".join(part for part in (layers, _count(run.parameters)) if part),
        "" if run.loss is None else f"{run.loss:.4f}",
        "" if run.bpc is None else f"{run.bpc:.4f}" + ("" if run.per != "byte" else "/byte"),
        "" if run.minutes is None else f"{run.minutes:,.1f}",
    ]
    return [*map(Text, cells), Text(state, _STATE_STYLES.get(run.state, ""))]


def _count(number: int | None) -> str:
    """As it fits into a table: 3.46 M.

    >>> _count(3_457_729), _count(2_500), _count(None)
    ('3.46 M', '2,500', '')
    """
    if number is None:
        return ""
    return f"{number / 1e6:.2f} M" if number >= 100_000 else f"{number:,}"
