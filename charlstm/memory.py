"""Running out of memory, said in one line.

Knows: how Python, torch on a CPU and torch on a GPU say it.
Does not know: what needed the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from charlstm.errors import OutOfMemoryError

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
"""Torch has a class of its own for GPUs alone; on a CPU it raises a bare RuntimeError, and its messages are all there is."""


@contextmanager
def out_of_memory(remedy: str) -> Iterator[None]:
    """While open, a lack of memory becomes an OutOfMemoryError that names the remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _WORDS):
            raise OutOfMemoryError(f"out of memory: {remedy}") from None
        raise
