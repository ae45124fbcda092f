"""Streams whose other end is gone: real pipes and terminals."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from charlstm.commands.streams import unread
from charlstm.views.console import print_facts, print_line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and terminals are other things there")
Broken = Callable[[str], TextIO]


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_terminal() -> int:
    import pty

    master, terminal = pty.openpty()
    os.close(master)
    return terminal


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    with os.fdopen(request.param(), "w", encoding="utf-8", buffering=1) as opened:
        yield opened


@pytest.mark.parametrize("stream", [closed_pipe, closed_terminal], indirect=True)
def test_work_goes_on_unseen_and_a_reader_that_left_is_told_of(
    stream: TextIO, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stderr", stream)
    with unread(lambda: asked.append("stop")):
        print_line("one")
        print_facts([("two", "three")])
        sys.stderr.write("four")
        sys.stderr.flush()
    assert sys.stderr is stream
    assert asked == (["stop"] if request.node.callspec.id == "closed_pipe" else [])


@pytest.mark.parametrize("stream", [closed_terminal], indirect=True)
def test_an_answer_has_nowhere_to_go_either(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with unread(lambda: None):
        print("answer", flush=True)  # noqa: T201


def test_an_answer_that_a_disk_has_no_room_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("there is no /dev/full")
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(OSError) as caught, unread(lambda: None):  # noqa: PT011
        print("answer", flush=True)  # noqa: T201
    assert caught.value.errno == errno.ENOSPC
    os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    full.close()
