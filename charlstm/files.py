"""How a file is written so that nothing is lost: all of it or nothing, and there still after a power cut.

Knows: temporary files, links, renames, what a file system must be told.
Does not know: what is written.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charlstm.errors import SaveError


def write_atomically(path: Path, pieces: Iterable[bytes | memoryview], previous: Path | None = None) -> None:
    """Write all of a file or nothing of it: a temporary file beside it, synced, then renamed over it. SaveError if it can't.

    What the file held before goes to `previous`, if that is given.
    """
    temporary = _temporary(path)
    with told(path):
        try:
            with temporary.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if previous and path.exists():
                _also_call(path, previous)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def append_bytes(path: Path, data: bytes) -> None:
    """Add all of it to a file or, where the disk is full, nothing. SaveError if it can't."""
    with told(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            if file.write(data) != len(data):  # the disk took only a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise
        os.fsync(file.fileno())  # a save will count on it


def read_whole(file: Path) -> bytes:
    """What a file holds; nothing where there is none. SaveError if it can't be read."""
    with told(file, "read"):
        return file.read_bytes() if file.is_file() else b""


def half_written(folder: Path, names: Iterable[str], others: str = "") -> list[Path]:
    """The temporary files of these names, and of those that a pattern matches, that a crash has left in a folder."""
    pattern = re.compile(rf"\.({'|'.join([*map(re.escape, names), *filter(None, [others])])})\.\d+\.tmp")
    return [file for file in folder.glob(".*.tmp") if pattern.fullmatch(file.name)]


@contextmanager
def told(path: Path, what: str = "write") -> Iterator[None]:
    """While this is open, what the system says against a file becomes a SaveError."""
    try:
        yield
    except OSError as error:
        raise SaveError(f"can't {what} {path}: {error.strerror or error}") from None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _also_call(path: Path, previous: Path) -> None:
    """Give a file a second name, in place of another file, so that at no moment it is without its own."""
    link = _temporary(previous)
    try:
        link.unlink(missing_ok=True)
        os.link(path, link)
        link.replace(previous)
        link.unlink(missing_ok=True)  # where both are the same file already, a rename does nothing
    except OSError:  # not every file system has links
        path.replace(previous)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut. Windows can't open a folder, and needs no such thing."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems refuse it, and keep their own order of writes
                os.fsync(handle)
        finally:
            os.close(handle)
