"""Running out of memory, said in one line.

Knows: how Python, torch on a CPU and torch on a GPU say it.
Does not know: what needed the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from charlstm.errors import CharlstmError, OutOfMemoryError, Phrase

_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "could not create a memory object",
    "alloc_failed",
    "failed to allocate memory",
    "can't start new thread",
)
"""Torch has a class of its own for GPUs alone; what libraries below it raise has nothing in common but such words."""


@contextmanager
def out_of_memory(remedy: Phrase) -> Iterator[None]:
    """While open, a lack of memory becomes an OutOfMemoryError that names the remedy."""
    try:
        yield
    except CharlstmError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _WORDS):
            raise OutOfMemoryError("out of memory", remedy=remedy) from None
        raise
