"""How many threads a computation may have: what the system gives this process, and what was asked for.

Knows: CPU affinity, the quotas of Linux control groups, OMP_NUM_THREADS.
Does not know: what is computed, with which library.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LIST = re.compile(r"\s*0*[1-9]\d{0,9}\s*(,\s*0*[1-9]\d*\s*)*")
_MOST_ASKED = 4
"""Times the CPUs there are: nothing is faster for so many threads, and thousands can't even be made."""


def tidy_asked() -> None:
    """Take OMP_NUM_THREADS away where it is no number, or more than any library survives: they would complain, or die of it."""
    asked = os.environ.get("OMP_NUM_THREADS")
    if asked is None or (_LIST.fullmatch(asked) and _first_asked(asked) <= _MOST_ASKED * (os.cpu_count() or 1)):
        return
    del os.environ["OMP_NUM_THREADS"]


def most_threads() -> int:
    """As many as there are CPUs for this process, or fewer if OMP_NUM_THREADS says so. Of a list its first number counts."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(given_cpus(), _first_asked(asked)) if _LIST.fullmatch(asked) else given_cpus()


def given_cpus(root: Path = Path("/")) -> int:
    """How many CPUs this process may use: those it may run on, and what its control groups pay for, rounded up."""
    runs_on = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min([runs_on, *_quotas(root)])))


def _first_asked(asked: str) -> int:
    return int(asked.partition(",")[0])


def _quotas(root: Path) -> Iterator[float]:
    """CPUs by the quotas of this process's control groups, version 1 or 2, and of those that they lie in."""
    groups = root / "sys/fs/cgroup"
    for line in _lines_in(root / "proc/self/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        for mount in (groups,) if not controllers else (groups / "cpu", groups / "cpu,cpuacct"):
            for group in (mount / path.lstrip("/"), *(mount / path.lstrip("/")).parents):
                if group == groups.parent:
                    break
                yield from _quota(group)


def _quota(group: Path) -> Iterator[float]:
    pair = " ".join(_lines_in(group / "cpu.max")).split()
    pair = pair or [*_lines_in(group / "cpu.cfs_quota_us"), *_lines_in(group / "cpu.cfs_period_us")]
    with suppress(ValueError, ZeroDivisionError):  # "max", or nothing at all: no quota
        quota, period = map(float, pair)
        if quota > 0:
            yield quota / period


def _lines_in(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
