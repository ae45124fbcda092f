"""`charlstm data`: the standard texts, which of them are here, and how they come here.

Knows: which packages fetch and show them.
Does not know: options and their help.
"""

from __future__ import annotations

from collections.abc import Sequence

from charlstm.text.datasets import DATASETS, fetch, find


def show_datasets(as_json: bool) -> None:
    """All data sets, one a row."""
    from charlstm.views.datasets import print_datasets

    print_datasets(DATASETS, as_json)


def get_datasets(names: Sequence[str]) -> None:
    """Fetch data sets one after the other; those that are here already are only checked."""
    wanted = [find(name) for name in names]  # a name that is wrong is said before anything is fetched

    from charlstm.views.console import print_line
    from charlstm.views.datasets import fetching_bar

    for dataset in wanted:
        with fetching_bar(dataset) as progress:
            path = fetch(dataset, progress)
        print_line(f"data:{dataset.name} is here: {path}")
