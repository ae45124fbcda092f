"""How a file is written so that nothing is lost: all of it or nothing, and there still after a power cut.

Knows: temporary files, links, renames, what a file system must be told.
Does not know: what is written.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charlstm.errors import SaveError

_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system says that knows no fsync."""
_MOST_LINKS = 40
"""That lead to one another, as the system itself has it."""


def write_atomically(path: Path, pieces: Iterable[bytes | memoryview], previous: Path | None = None) -> None:
    """Write all of a file or nothing of it: a temporary file beside it, synced, then renamed over it. SaveError if it can't.

    What the file held before goes to `previous`, if that is given.
    """
    temporary = _temporary(path)
    with told(path):
        try:
            with temporary.open("wb") as file:
                _keep_mode(path, file.fileno())
                for piece in pieces:
                    file.write(piece)
                file.flush()
                _sync(file.fileno())
            if previous and path.exists():
                _also_call(path, previous)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def write_output(path: Path, pieces: Iterable[bytes]) -> int:
    """Write where a user wants it -> the number of bytes. SaveError if it can't.

    A file as `write_atomically` does, but the one that a link leads to; where nothing may be made beside it, the file itself,
    once all of it is there. A pipe or a device as it comes: also one that this process has open already, as /dev/stdout is.
    """
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            yield piece

    with told(path):
        with suppress(FileNotFoundError):
            path.stat()  # raises for links in a circle
        number = _own_descriptor(path)
        if number is not None or (path.exists() and not path.is_file()):
            with path.open("wb") if number is None else os.fdopen(os.dup(number), "wb") as stream:
                stream.writelines(counted())
            return size
        file = Path(os.path.realpath(path)) if path.is_symlink() else path
        if file.exists():
            with file.open("r+b"):  # raises where it is protected, though it could be replaced
                pass
            if not _can_make_files(file.parent):
                file.write_bytes(b"".join(counted()))
                return size
    write_atomically(file, counted())
    return size


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
        _sync(file.fileno())  # a save will count on it


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
    except BrokenPipeError:  # who reads it has what they wanted
        raise
    except OSError as error:
        raise SaveError(f"can't {what} {path}: {error.strerror or error}") from None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _keep_mode(path: Path, number: int) -> None:
    """Give an open file the mode of the one that it will replace, if there is one."""
    if hasattr(os, "fchmod"):
        with suppress(OSError):
            os.fchmod(number, path.stat().st_mode & 0o777)


def _own_descriptor(path: Path) -> int | None:
    """The number of the open file of this process that a path stands for, as /dev/stdout does and a shell's `>(...)`.

    Also where it is a file, as with `> file`, it must not be replaced: the shell holds on to it, and may have written more.
    """
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if path.name.isdecimal() and folder in (os.path.realpath("/proc/self/fd"), "/dev/fd"):
            return int(path.name)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None


def _can_make_files(folder: Path) -> bool:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


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


def _sync(number: int) -> None:
    """Make what was written outlast a power cut, where the file system can do that."""
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_SYNC:  # a full disk may be told of only now
            raise


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut. Windows can't open a folder, and needs no such thing."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems refuse it, and keep their own order of writes
                os.fsync(handle)
        finally:
            os.close(handle)
