"""Streams that nobody can read any more: a terminal that was closed, a pipe whose reader has gone.

Knows: that work which takes long is not lost for want of a place to show it.
Does not know: signals; what is written.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

READER_LEFT = 141
"""The exit code of work that was stopped because its reader had gone: 128 and the number of SIGPIPE."""


def send_nowhere(stream: TextIO) -> None:
    """From now on what is written to a stream goes nowhere, also what it still holds, which Python would fail on at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def unread(reader_left: Callable[[], None]) -> Iterator[None]:
    """While open, nothing that is said to somebody who is not there any more is an error, and the work goes on unseen.

    That is a terminal that was closed, and standard error wherever it leads. Where that is a pipe, `reader_left` is called:
    who reads no more wants no more.
    """

    def lose_error(error: OSError) -> None:
        if error.errno == errno.EPIPE:
            reader_left()

    def lose_answer(error: OSError) -> None:
        if error.errno != errno.EIO:  # a full disk, or a pipe: that is for those to deal with who deal with answers
            raise error

    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(TextIO, _Unread(sys.stdout, lose_answer)), cast(TextIO, _Unread(sys.stderr, lose_error))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Unread:
    """A stream that sends itself nowhere once it can't be written to and `lose` has nothing against it."""

    def __init__(self, stream: TextIO, lose: Callable[[OSError], None]) -> None:
        self._stream, self._lose = stream, lose

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError as error:
            self._lost(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lost(self, error: OSError) -> None:
        self._lose(error)
        send_nowhere(self._stream)
