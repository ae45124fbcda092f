"""What several commands need: a text read with a bar, a name for a run, what a signal does, how this program is called.

Knows: how to show that a text is being read, and how long work is asked to stop.
Does not know: what the text and the work are for.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from charlstm.config import Config, DataConfig, is_path
from charlstm.corpus import Corpus, read_corpus
from charlstm.errors import CharlstmError, Stopped
from charlstm.folder import is_unicode
from charlstm.vocabulary import Vocabulary


class Stoppable(Protocol):
    """A training, or a search made of them."""

    def stop(self) -> None:
        """Ask for an orderly end."""

    def stop_at_once(self) -> None:
        """Ask for an end that waits for nothing."""


def read_text(text: Sequence[str], data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False) -> Corpus:
    """Read a text, with a bar where it is long; see `read_corpus`."""
    from charlstm.views.reading import reading_bar

    with reading_bar() as progress:
        return read_corpus(text, data, vocabulary, extend, progress)


def program() -> str:
    """How the user can call this program again: by name where the shell finds it, else as it was called."""
    if shutil.which("charlstm"):
        return "charlstm"
    called = sys.argv[0]
    return shlex.join([sys.executable, "-m", "charlstm"] if Path(called).name == "__main__.py" else [called])


@contextmanager
def if_stopped(message: str) -> Iterator[None]:
    """What Ctrl-C and SIGTERM say while this is open."""
    try:
        yield
    except Stopped as stopped:
        raise Stopped(stopped.number, message) from None


@contextmanager
def stopping(work: Stoppable) -> Iterator[list[int]]:
    """While open, a first Ctrl-C or SIGTERM asks for a stop and is listed; a second Ctrl-C stops at once."""
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if received and number == signal.SIGINT:
            work.stop_at_once()
            raise Stopped(number)
        received.append(number)
        work.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_name(text: Sequence[str], file: Path | None, config: Config) -> str:
    """A run is called after its config file, or else after its text."""
    if file and not text:
        return file.stem
    source = config.data.text[0]
    path = Path(source.removeprefix("builtin:"))
    name = "stdin" if source == "-" else path.with_suffix("").stem if path.suffix in (".gz", ".xz", ".bz2") else path.stem
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:60] or "run"


def with_absolute_paths(config: Config) -> Config:
    """The run's own config.toml names its text from wherever it is read."""
    text = tuple(str(Path(source).absolute()) if is_path(source) else source for source in config.data.text)
    if odd := [source for source in text if not is_unicode(source)]:
        raise CharlstmError(f"the path {odd[0]!r} is not UTF-8: move or rename the text")
    return config.model_copy(update={"data": config.data.model_copy(update={"text": text})})
