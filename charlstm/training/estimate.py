"""How long an epoch will take, told from a few steps, and whether something else was at work meanwhile.

Knows: what times of steps say.
Does not know: clocks, steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_APART = 1.5
"""Times by which two measurements of the same may differ on a machine that does nothing else."""
_LEAST_COMPUTED = 0.7
"""Of the time, in which such a machine computes: a process that could go on and did not had to wait for another one."""


@dataclass(frozen=True)
class Estimate:
    """Of the steps of one epoch."""

    seconds: float
    is_disturbed: bool = False
    """Whether another process took part of the machine, so that all may be faster once that has ended."""


def estimate(steps: Sequence[tuple[float, float]], count: int, on_cpu: bool = True) -> Estimate:
    """From some steps, each as its seconds by the clock and by the processor, to those of so many.

    >>> estimate([(2.0, 2.0), (2.1, 2.0), (2.0, 2.0), (2.2, 2.1)], 10)
    Estimate(seconds=20.5, is_disturbed=False)
    >>> estimate([(2.0, 2.0), (2.0, 2.0), (6.0, 2.0), (6.0, 2.0)], 10)
    Estimate(seconds=40.0, is_disturbed=True)
    """
    clock = [seconds for seconds, _ in steps]
    half = max(1, len(steps) // 2)
    apart = sorted((min(clock[:half]), min(clock[-half:])))
    is_slowed = sum(computed for _, computed in steps) < _LEAST_COMPUTED * sum(clock)
    is_disturbed = apart[1] > _MOST_APART * apart[0] or (on_cpu and is_slowed)
    return Estimate(statistics.median(clock) * count, is_disturbed)
