"""Which signals are heard."""

from __future__ import annotations

import signal
import sys

import pytest

from charlstm.commands.signals import stop_signals, stopping


class Work:
    """Counts how often it was asked to stop."""

    asked = 0

    def stop(self) -> None:
        self.asked += 1

    def stop_at_once(self) -> None:
        raise AssertionError("a closed terminal is no reason for haste")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_nohup_is_obeyed() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM]
        work = Work()
        with stopping(work) as received:
            signal.raise_signal(signal.SIGHUP)
        assert (work.asked, received) == (0, [])
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_a_hangup_may_come_twice() -> None:
    """From the terminal, and from the shell that ends with it."""
    work = Work()
    with stopping(work) as received:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
    assert received[0] == signal.SIGHUP
    assert work.asked >= 1


def test_where_there_is_no_hangup_nothing_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    assert stop_signals() == [signal.SIGINT, signal.SIGTERM]
