"""Two models side by side, as a table and two texts.

Knows: rows, columns, how a difference is marked.
Does not know: how any of it came about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from charlstm.views.colours import put
from charlstm.views.console import print_line, room
from charlstm.views.tables import Column, print_table
from charlstm.views.terminal import one_line, shortened, visible
from charlstm.words import counted

_RULE = 80  # columns, where there is no terminal
_LEAST_VALUE = 12  # columns: where a value has fewer, values stand below their names

Compared = tuple[str, Sequence[str]]
"""What is compared, and what it is in either model."""


def print_comparison(answer: Mapping[str, Any]) -> None:
    """What `charlstm.commands.compare` found, on standard output. A row that differs begins with `*`."""
    models, rows = [one_line(model) for model in answer["models"]], list(_comparisons(answer))
    width, names = room(stderr=False), max(cell_len(name) for name, _ in rows)
    if width is None or width >= names + 7 + 2 * _LEAST_VALUE:
        columns = [Column(""), Column(""), *(Column(model, least=_LEAST_VALUE, lines=4) for model in models)]
        print_table(columns, [[*map(_styled(values), (_differs(values), name, *values))] for name, values in rows])
    else:
        head = [Text(f"    {model}", "bold") for model in models]
        lines = [line for row in rows for line in _below_each_other(*row)]
        print_table([Column("", least=1, lines=4)], [[line] for line in (*head, *lines)])
    if not answer["different"]:
        print_line("no setting differs", stderr=False)
    elif "data.text" in answer["different"]:
        print_line("They learned from different texts: their losses do not compare.", stderr=False)
    sample = answer["sample"]
    for model, text in zip(models, sample["texts"], strict=True):
        _print_sample(model, sample["seed"], sample["prime"] + text, width)


def _comparisons(answer: Mapping[str, Any]) -> Iterator[Compared]:
    facts = answer["facts"]
    for name in ("parameters", "step", "epoch", "characters", "train_loss", "validation_loss"):
        yield name.replace("_", " "), [_count_or_loss(each[name]) for each in facts]
    yield "bpc", [_count_or_loss(each["validation_loss"], math.log(2)) for each in facts]
    only = answer["vocabulary"]["only"]
    yield "vocabulary", [_vocabulary_row(each, alone) for each, alone in zip(facts, only, strict=True)]
    for name, values in answer["settings"].items():
        yield name, [one_line(_shown_value(value)) for value in values]


def _differs(values: Sequence[str]) -> str:
    return "*" if values[0] != values[1] else " "


def _styled(values: Sequence[str]) -> Callable[[str], Text]:
    style = "bold" if values[0] != values[1] else "dim"
    return lambda text: Text(text, style)


def _below_each_other(name: str, values: Sequence[str]) -> list[Text]:
    return [*map(_styled(values), (f"{_differs(values)} {name}", *(f"    {value}" for value in values)))]


def _print_sample(model: str, seed: int, text: str, width: int | None) -> None:
    """What a model writes, below a rule with its name."""
    what = f" writes, seed {seed} "
    title = (model if width is None else shortened(model, max(_LEAST_VALUE, width - len(what)))) + what
    put(Text(title + "-" * ((width or _RULE) - cell_len(title))))
    put(Text(visible(text)))


def _vocabulary_row(facts: Mapping[str, Any], only: str) -> str:
    if facts["unit"] == "byte":
        return "the 256 bytes"
    alone = f", only here: {only[:20]!r}{'...' if len(only) > 20 else ''}" if only else ""
    return f"{counted(facts['symbols'], 'character')}{alone}"


def _count_or_loss(value: float | None, divisor: float = 1) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value / divisor:.4f}"


def _shown_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else repr(value)
