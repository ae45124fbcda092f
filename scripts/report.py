"""What the scripts that measure have in common: a line of their report, a time, a ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def row(what: str, value: str, reach: str) -> None:
    """One line of the report."""
    print(f"| {what} | {value} | {reach} |", flush=True)


def seconds(action: Callable[[], object]) -> float:
    """What an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median ratio of what was measured in turn."""
    return statistics.median(ours / theirs for ours, theirs in pairs)
