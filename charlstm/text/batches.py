"""Ids -> contiguous streams -> batches of inputs and targets, a target one character later than its input.

    ids      . . t h e _ c l o u d s _ a r e _ i n _ t h e _ s k y .
             |   |               |               |               |
          offset stream 0        stream 1        stream 2        | slack

    batch_size B = 3 streams of steps * seq_len = 2 * 4 characters; step k reads characters [k*T, (k+1)*T) of each:

                      step 0             step 1
                 inputs   targets   inputs   targets
    stream 0   t h e _  h e _ c   c l o u  l o u d
    stream 1   d s _ a  s _ a r   r e _ i  e _ i n
    stream 2   n _ t h  _ t h e   e _ s k  _ s k y

The last character of step 0 is the target that step 1 begins with, so a hidden state carried from step to step has read
each stream without a gap, and each character of a stream is an input once and a target once in an epoch.
A new `offset` for each epoch moves all borders, so that no character always stands at the beginning of a step.

Knows: how streams lie in the text, and where a step is in them.
Does not know: what ids mean, models, devices.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.errors import TextError
from charlstm.text.types import Ids
from charlstm.words import counted

MIN_STEPS = 4
"""Fewer steps an epoch than this make for hardly any learning: batch and sequence shrink before it comes to that."""
_MIN_SEQ_LEN = 2
MIN_CHARACTERS = MIN_STEPS * _MIN_SEQ_LEN + _MIN_SEQ_LEN
"""The shortest training part."""
_LET_GO_EVERY = 64  # steps


@dataclass(frozen=True, eq=False)
class Batch:
    """What is read in one step, and what is to be predicted from it."""

    inputs: Tensor
    """Ids, int64 (T, B)."""
    targets: Tensor
    """The id that follows each input, int64 (T, B)."""
    weights: Tensor | None = None
    """How much each target counts, float32 (T, B); None where all count alike."""
    starts: Tensor | None = None
    """Which streams begin anew here, bool (B,), whatever stood before them; None where all go on."""

    @property
    def characters(self) -> int:
        """How many are read."""
        return self.inputs.numel()

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        starts = None if self.starts is None else self.starts.to(device)
        return Batch(self.inputs.to(device), self.targets.to(device), weights, starts)


@dataclass(frozen=True)
class Layout:
    """How `characters` ids are cut: `batch_size` streams of `steps * seq_len` inputs, `slack` ids left over."""

    characters: int
    batch_size: int
    seq_len: int

    @property
    def steps(self) -> int:
        """Steps in an epoch. At least `seq_len - 1` ids are kept as slack, so that offsets reach every border."""
        return (self.characters - self.seq_len) // (self.batch_size * self.seq_len)

    @property
    def slack(self) -> int:
        """Offsets run from 0 to `slack`. One id more than the inputs is needed: the last target."""
        return self.characters - 1 - self.steps * self.batch_size * self.seq_len


def fit_layout(characters: int, batch_size: int, seq_len: int) -> Layout:
    """The asked layout, or where the text is too short for it the nearest smaller one: first fewer streams, then shorter steps.

    >>> fit_layout(1_003_854, 16, 64)
    Layout(characters=1003854, batch_size=16, seq_len=64)
    >>> fit_layout(2_000, 32, 64)
    Layout(characters=2000, batch_size=7, seq_len=64)
    """
    if characters < MIN_CHARACTERS:
        raise TextError(f"the training part has {counted(characters, 'character')}; the minimum is {MIN_CHARACTERS}")
    seq_len = min(seq_len, characters // (MIN_STEPS + 1))
    return Layout(characters, min(batch_size, (characters - seq_len) // (MIN_STEPS * seq_len)), seq_len)


def batches(ids: Ids, layout: Layout, offset: int = 0, first: int = 0) -> Iterator[Batch]:
    """The batch of each step from step `first` on: all that is predicted counts, and every stream goes on.

    `ids` (N,) with N = `layout.characters`; `offset` from 0 to `layout.slack`.
    """
    T, B, span = layout.seq_len, layout.batch_size, layout.steps * layout.seq_len
    for step in range(first, layout.steps):
        starts = offset + step * T + np.arange(B) * span
        window = ids[starts + np.arange(T + 1)[:, None]]  # (T + 1, B)
        both = torch.from_numpy(window.astype(np.int64))
        yield Batch(both[:-1], both[1:])
        if step % _LET_GO_EVERY == 0:
            let_go(ids)


def let_go(ids: Ids) -> None:
    """Give back the memory of ids that are mapped from a file: every page that was read counts as this process's own.

    They stay in the system's cache, from where they come back when they are read again.
    """
    mapped: object = ids
    while isinstance(mapped, np.ndarray):  # a part of ids has them as its base
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        mapped.madvise(mmap.MADV_DONTNEED)
