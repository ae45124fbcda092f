"""Standard texts, fetched once and checked.

Knows: who shows how a download goes.
Does not know: addresses, digests.
"""

from __future__ import annotations

from pathlib import Path

from charlstm.api.wording import worded
from charlstm.text import datasets


@worded
def fetch(name: str) -> Path:
    """Fetch a standard text, such as `tinyshakespeare`, unless it is here -> its file; then `data:NAME` names it everywhere.

    TextError names those there are; FetchError where it does not come whole, SaveError where it can't be written.
    """
    from charlstm.views.datasets import fetching_bar

    dataset = datasets.find(name)
    with fetching_bar(dataset) as progress:
        return datasets.fetch(dataset, progress)
