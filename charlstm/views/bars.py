"""A bar while a large text is read, while a model reads one for long, or while it is trained from Python.

Knows: when a bar is worth its place.
Does not know: what reading, scoring and tracing are. It imports no torch, which at that time is not loaded yet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tqdm import tqdm

from charlstm.runs.records import AnyRecord, Record, StepRecord
from charlstm.text.types import Progress

_LARGE = 16 * 2**20  # less is read before a bar could be looked at


def reading_bar() -> AbstractContextManager[Progress]:
    """What is to be called with the bytes read so far, and in all where that is known."""
    return _bar("reading", "B", _LARGE)


def scoring_bar() -> AbstractContextManager[Progress]:
    """What is to be called with the characters scored so far, and in all."""
    return _bar("scoring", "char", 0)


def tracing_bar() -> AbstractContextManager[Progress]:
    """What is to be called with the characters traced so far, and in all."""
    return _bar("tracing", "char", 0)


def gradients_bar() -> AbstractContextManager[Progress]:
    """What is to be called with the characters whose gradients are known so far, and in all."""
    return _bar("gradients", "char", 0)


@contextmanager
def training_bar(total: int, done: int) -> Iterator[Callable[[AnyRecord], None]]:
    """One bar for a whole training, on a terminal or in a notebook; what is to be called with each of its records.

    `total` steps, of which `done` are done before.
    """
    bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True, disable=not (sys.stderr.isatty() or in_notebook()))
    validation = ""

    def show(record: AnyRecord) -> None:
        nonlocal validation
        if isinstance(record, StepRecord):
            bar.set_description_str(f"epoch {record.epoch}  loss {record.loss:.3f}{validation}", refresh=False)
            bar.update(record.step - bar.n)
        elif isinstance(record, Record):
            validation = "" if record.validation_loss is None else f"  validation {record.validation_loss:.3f}"
        else:
            bar.update(record.back_to - bar.n)

    with bar:
        yield show


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this: what goes to standard error there is seen."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config


@contextmanager
def _bar(name: str, unit: str, least: int) -> Iterator[Progress]:
    """On a terminal, a bar from the first call with `least` or more on; elsewhere nothing."""
    bar: tqdm[Any] | None = None

    def show(done: int, total: int | None) -> None:
        nonlocal bar
        if bar is None and done >= least and sys.stderr.isatty():
            bar = tqdm(total=total, desc=name, unit=unit, unit_scale=True, leave=False, dynamic_ncols=True)
        if bar is not None:
            bar.update(done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
