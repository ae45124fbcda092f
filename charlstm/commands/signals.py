"""What Ctrl-C, SIGTERM and SIGHUP do to work that takes long.

Knows: which signals ask for an orderly end, and that a second Ctrl-C asks for one that waits for nothing.
Does not know: what the work is.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from charlstm.errors import Stopped


class Stoppable(Protocol):
    """A training, or a search made of them."""

    def stop(self) -> None:
        """Ask for an orderly end."""

    def stop_at_once(self) -> None:
        """Ask for an end that waits for nothing."""


def stop_signals() -> list[signal.Signals]:
    """The signals that ask for an end: Ctrl-C, SIGTERM, and SIGHUP, which tells that the terminal was closed.

    That is left alone where it is ignored, as `nohup` asks for. Windows has none.
    """
    heard = [signal.SIGINT, signal.SIGTERM]
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        heard.append(hangup)
    return heard


@contextmanager
def if_stopped(message: str) -> Iterator[None]:
    """What a signal that ends the program says while this is open."""
    try:
        yield
    except Stopped as stopped:
        raise Stopped(stopped.number, message) from None


@contextmanager
def stopping(work: Stoppable) -> Iterator[list[int]]:
    """While open, a first signal asks for a stop and is listed; a second one that is Ctrl-C stops at once."""
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if received and number == signal.SIGINT:
            work.stop_at_once()
            raise Stopped(number)
        received.append(number)
        work.stop()

    before = {number: signal.signal(number, handle) for number in stop_signals()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def noting_interrupts() -> Iterator[list[int]]:
    """While open, Ctrl-C is only listed: for work in small steps, which looks at the list between two of them."""
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)
