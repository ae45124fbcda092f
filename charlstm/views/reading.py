"""A bar while a large text is read.

Knows: when a bar is worth its place.
Does not know: what reading is. It imports no torch, which at that time is not loaded yet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

_LARGE = 16 * 2**20  # less is read before a bar could be looked at


@contextmanager
def reading_bar() -> Iterator[Callable[[int, int | None], None]]:
    """What is to be called with the bytes read so far, and in all where that is known: a bar on a terminal, else nothing."""
    bar: tqdm[Any] | None = None

    def show(done: int, total: int | None) -> None:
        nonlocal bar
        if bar is None and done >= _LARGE and sys.stderr.isatty():
            bar = tqdm(total=total, desc="reading", unit="B", unit_scale=True, leave=False, dynamic_ncols=True)
        if bar is not None:
            bar.update(done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
