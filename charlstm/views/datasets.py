"""The standard texts in a table, and a bar while one is fetched.

Knows: the columns, and when a bar is worth its place.
Does not know: where they come from.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text
from tqdm import tqdm

from charlstm.text.datasets import Dataset
from charlstm.views.console import print_json
from charlstm.views.tables import Column, print_table
from charlstm.words import counted

_DATASET_COLUMNS = (
    Column("name"),
    Column("length", gone=3, is_right=True),
    Column("download", gone=4, is_right=True),
    Column("here", gone=1),
    Column("what it is", gone=2, least=20, lines=4),
)


def print_datasets(datasets: Sequence[Dataset], as_json: bool) -> None:
    """A row a data set: its name, how much is fetched, how long the text is, whether it is here."""
    if as_json:
        print_json({d.name: {**asdict(d), "path": str(d.path), "is_here": d.is_here} for d in datasets})
        return
    print_table(_DATASET_COLUMNS, [_cells(d) for d in datasets])


def _cells(d: Dataset) -> list[Text]:
    length, size = counted(d.length, d.unit), f"{d.size / 1e6:.2g} MB"
    return [*map(Text, (f"data:{d.name}", length, size, "yes" if d.is_here else "no", d.what))]


def fetching_bar(dataset: Dataset) -> tqdm[Any]:
    """A bar of the bytes of a download on a terminal, else nothing."""
    return tqdm(
        total=dataset.size,
        desc=f"data:{dataset.name}",
        unit="B",
        unit_scale=True,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
