"""Two models side by side, as a table and two texts.

Knows: rows, columns, how a difference is marked.
Does not know: how any of it came about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from charlstm.views.console import console, print_line
from charlstm.views.terminal import one_line, visible


def print_comparison(answer: Mapping[str, Any]) -> None:
    """What `charlstm.commands.compare` found, on standard output. A row that differs begins with `*`."""
    out = console(stderr=False)
    models, (one, two) = answer["models"], answer["facts"]
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("", *models):
        table.add_column(one_line(name), overflow="fold")
    for name in ("parameters", "step", "epoch", "characters", "train_loss", "validation_loss"):
        _row(table, name.replace("_", " "), [_count_or_loss(one[name]), _count_or_loss(two[name])])
    _row(table, "bpc", [_count_or_loss(facts["validation_loss"], math.log(2)) for facts in (one, two)])
    only = answer["vocabulary"]["only"]
    _row(table, "vocabulary", [_vocabulary_row(facts, alone) for facts, alone in zip((one, two), only, strict=True)])
    for name, values in answer["settings"].items():
        _row(table, name, [one_line(_shown_value(value)) for value in values])
    out.print(table)
    if not answer["different"]:
        print_line("no setting differs", stderr=False)
    elif "data.text" in answer["different"]:
        print_line("They learned from different texts: their losses do not compare.", stderr=False)
    sample = answer["sample"]
    for model, text in zip(models, sample["texts"], strict=True):
        out.print(Rule(Text(f"{one_line(model)} writes, seed {sample['seed']}"), align="left", characters="-"))
        out.print(Text(visible(sample["prime"])).append(visible(text)))


def _row(table: Table, name: str, values: Sequence[str]) -> None:
    differs = values[0] != values[1]
    table.add_row(Text("*" if differs else " "), Text(name), *map(Text, values), style="bold" if differs else "dim")


def _vocabulary_row(facts: Mapping[str, Any], only: str) -> str:
    if facts["unit"] == "byte":
        return "the 256 bytes"
    alone = f", only here: {only[:20]!r}{'...' if len(only) > 20 else ''}" if only else ""
    return f"{facts['symbols']:,} characters{alone}"


def _count_or_loss(value: float | None, divisor: float = 1) -> str:
    if value is None:
        return "none yet"
    return f"{value:,}" if isinstance(value, int) else f"{value / divisor:.4f}"


def _shown_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else repr(value)
