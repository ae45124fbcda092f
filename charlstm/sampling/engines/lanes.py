"""Reading one long prime in parallel lanes.

A step of one text waits for memory, and steps of 32 texts take five times as long, not 32 times. So a long prime is cut into
lanes that are read side by side. Each but the first begins with a state that is a guess: zero, led over the characters before
the lane. What makes it right is the check afterwards: where a lane did not begin as the lane before it ended, it is read again
from there, until all do. What the last lane ends with is then what reading from the first character to the last would have
ended with, but for rounding: what a guess is off by, no more than rounding alone makes two readings differ, fades in the lane.

Knows: how a prime is cut, and when two states are as good as the same.
Does not know: what a step is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from charlstm.model.types import Arrays
from charlstm.sampling.types import EngineState, Logits
from charlstm.text.types import Ids

MOST_LANES = 32
LANE_WARM_UP = 512
LEAST = 1024
"""The shortest lane: a shorter one costs more in warming up than it saves."""
TOLERANCE = 0.01
"""Largest root mean square of the difference of hidden states, and of cells relative to their size. With 8 bits, two readings
of one text of tiny Shakespeare differ by half as much for ever, in their logits by less than 0.1."""
_SWEEPS = 3
"""Lanes that are still wrong after so many corrections follow from each other like links of a chain."""


class LaneEngine(Protocol):
    """An engine whose states can be looked at."""

    def step(self, ids: Ids, state: EngineState) -> tuple[Logits, EngineState]:
        """As `Engine.step`."""

    def zero_state(self, B: int) -> EngineState:
        """The state before the first character."""

    def arrays(self, state: EngineState) -> Arrays:
        """h0, c0, h1, c1, ... (B, H); uint8 where 127 steps are 1."""

    def state(self, arrays: Arrays) -> EngineState:
        """The state with these values."""


def read_in_lanes(engine: LaneEngine, ids: Ids, state: EngineState) -> tuple[Ids, EngineState]:
    """Read most of a long prime (T, 1) -> what is left to be read, at least one id, and the state before it."""
    count = min(MOST_LANES, (len(ids) - 1) // LEAST)
    if count < 2:
        return ids, state
    length = (len(ids) - 1) // count
    flat = ids[: count * length, 0]
    starts = _guesses(engine, flat, count, length)
    for array, first in zip(starts, engine.arrays(state), strict=True):
        array[0] = first[0]
    lanes = flat.reshape(count, length).T  # (length, lanes)
    ends = _read_columns(engine, lanes, starts)
    for _ in range(_SWEEPS):
        wrong = _wrong(starts, ends)
        if not wrong:
            break
        again = [end[[lane - 1 for lane in wrong]] for end in ends]
        for array, start, end, new in zip(starts, again, ends, _read_columns(engine, lanes[:, wrong], again), strict=True):
            array[wrong], end[wrong] = start, new
    done = min(_wrong(starts, ends), default=count)  # lanes that are right, and those after them that follow from them
    return ids[done * length :], engine.state([end[done - 1 : done] for end in ends])


def _guesses(engine: LaneEngine, flat: Ids, count: int, length: int) -> Arrays:
    """States before each lane, from a zero state at the beginning of the warm-up; the first lane's means nothing."""
    begins = np.arange(count) * length - LANE_WARM_UP
    begins[0] = 0
    return _read_columns(engine, flat[begins + np.arange(LANE_WARM_UP)[:, None]], engine.arrays(engine.zero_state(count)))


def _read_columns(engine: LaneEngine, lanes: Ids, starts: Arrays) -> Arrays:
    """States after ids (T, B)."""
    state = engine.state(starts)
    for column in lanes:
        _, state = engine.step(column, state)
    return engine.arrays(state)


def _wrong(starts: Arrays, ends: Arrays) -> Sequence[int]:
    """The lanes that did not begin as the one before them ended."""
    worst = np.zeros(len(starts[0]) - 1)
    for start, end in zip(starts, ends, strict=True):
        begun, ended = start[1:].astype(np.float32), end[:-1].astype(np.float32)
        scale = 127 if start.dtype == np.uint8 else 1 + np.abs(ended)
        worst = np.maximum(worst, np.sqrt(np.mean(((begun - ended) / scale) ** 2, axis=1)))
    return [int(lane) + 1 for lane in np.flatnonzero(worst > TOLERANCE)]
