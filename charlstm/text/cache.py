"""Ids on the disk: large texts are encoded once, and mapped into memory from then on.

    KEY.ids     ids, then JSON about them, its length (8 bytes), and the XXH3 of all that (16 bytes)
    ....tmp     one that is being written, locked by its writer

A file is checked from end to end before it is used, so that it needs no fsync: what a power cut left of it is not whole.

Knows: where entries lie, how one is written, checked, and dropped when there are too many.
Does not know: what a key is made of, what ids mean, what is done where an entry can't be written.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash

from charlstm.errors import SaveError
from charlstm.text.types import Ids
from charlstm.user_folders import cache_folder

if sys.platform != "win32":
    import fcntl

MAX_BYTES = 20 * 2**30
"""Of all entries together; those that were not used for longest go first."""
MOST_IN_MEMORY = 2**30
"""Bytes of a text that no disk takes, or that a disk keeps and can't map."""
_CHECKED_AT_ONCE = 2**20
_ABANDONED = 24 * 3600
"""Seconds without a change after which a file is no writer's any more, where there are no locks to tell."""
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP}
"""What a system says where there is no entry, for this user at least."""
_LENGTH, _DIGEST = 8, 16


class DamagedEntry(Exception):
    """An entry whose bytes are not those that were written."""


@dataclass(frozen=True)
class CacheEntry:
    """Ids mapped into memory, and what was said about them."""

    ids: Ids
    about: dict[str, Any]


class TextCache:
    """A folder of entries."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder("texts")

    def load(self, key: str) -> CacheEntry | None:
        """The entry of that key, if there is one. DamagedEntry where it is not whole."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                entry = _read_entry(file)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise DamagedEntry(str(error)) from None
        if entry.about["key"] != key:
            raise DamagedEntry(f"{path} holds another text")
        with suppress(OSError):  # perhaps someone else's folder, which can only be read
            os.utime(path)
        return entry

    def save(self, key: str | None, blocks: Iterable[Ids], about: Callable[[], Mapping[str, Any]]) -> CacheEntry:
        """Write ids, then what `about` says once they are written. Without a key the file is gone once nobody maps it.

        SaveError where it can't be written; nothing of it is left then.
        """
        with self.writing(), self._temporary() as file:
            dtype: np.dtype[Any] = np.dtype(np.uint8)
            count = 0
            digest = xxhash.xxh3_128()
            for block in blocks:
                dtype, count = block.dtype, count + len(block)
                _write(file, digest, block.tobytes())
            text = json.dumps({**about(), "key": key, "dtype": dtype.str, "count": count}).encode()
            _write(file, digest, text + len(text).to_bytes(_LENGTH, "little"))
            file.write(digest.digest())
            file.flush()
            if sys.platform == "win32":
                file.close()  # an open file can't be renamed there
            path = Path(file.name)
            if key is not None:
                path = path.replace(self._path(key))
                self._drop_oldest(but=path)
            return CacheEntry(_mapped(path, dtype, count), json.loads(text))

    def tidy(self) -> None:
        """Remove what a writer that was killed has left."""
        with suppress(OSError):  # a folder that nobody may look into
            for path in self.folder.glob("*.tmp"):
                with suppress(OSError):
                    if _is_abandoned(path):
                        path.unlink()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Makes the folder; what the system says against writing there becomes a SaveError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # texts may be private
            yield
        except OSError as error:
            remedy = "make room there, or let XDG_CACHE_HOME name another folder"
            failed = f"can't write the encoded text to {self.folder}: {error.strerror or error}"
            raise SaveError(failed, remedy=remedy) from None

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.ids"

    @contextmanager
    def _temporary(self) -> Iterator[BinaryIO]:
        file = self._create()
        try:
            with file:
                yield file
        finally:
            with suppress(OSError):
                Path(file.name).unlink(missing_ok=True)

    def _create(self) -> BinaryIO:
        """A new file, locked. If `tidy` of another process took it before it was, yet another one."""
        while True:
            file = (self.folder / f"{os.getpid()}-{secrets.token_hex(4)}.tmp").open("x+b")
            with suppress(OSError):  # not every file system has locks
                _lock(file, wait=True)
            if os.fstat(file.fileno()).st_nlink:
                return file
            file.close()

    def _drop_oldest(self, but: Path) -> None:
        with suppress(OSError):  # another process may be at it too
            entries = {path: path.stat() for path in self.folder.glob("*.ids")}
            total = sum(found.st_size for found in entries.values())
            for path in sorted(entries.keys() - {but}, key=lambda p: entries[p].st_mtime):
                if total <= MAX_BYTES:
                    return
                path.unlink()
                total -= entries[path].st_size


def _read_entry(file: BinaryIO) -> CacheEntry:
    """An entry, checked from end to end. The digest covers all that the rest is read from."""
    size = os.fstat(file.fileno()).st_size
    digest, left = xxhash.xxh3_128(), size - _DIGEST
    while left > 0 and (block := file.read(min(_CHECKED_AT_ONCE, left))):
        digest.update(block)
        left -= len(block)
    if size < _LENGTH + _DIGEST or file.read() != digest.digest():
        raise DamagedEntry(f"{file.name} is damaged")
    file.seek(size - _DIGEST - _LENGTH)
    length = int.from_bytes(file.read(_LENGTH), "little")
    file.seek(size - _DIGEST - _LENGTH - length)
    about = json.loads(file.read(length))
    file.seek(0)
    return CacheEntry(_mapped(file, np.dtype(about["dtype"]), about["count"]), about)


def _mapped(file: Path | BinaryIO, dtype: np.dtype[Any], count: int) -> Ids:
    """The ids at the beginning of a file: mapped into memory or, where a file system can't do that, read into it."""
    try:
        return np.memmap(file, dtype, "r", shape=(count,))
    except OSError:
        if count * dtype.itemsize > MOST_IN_MEMORY:
            raise
    if not isinstance(file, Path):
        file.seek(0)  # where the attempt has left it at its end
    ids: Ids = np.fromfile(file, dtype, count)
    ids.flags.writeable = False
    return ids


def _is_abandoned(path: Path) -> bool:
    """Whether nobody writes to a file any more."""
    with path.open("rb") as file:
        try:
            _lock(file, wait=False)
        except BlockingIOError:
            return False
        except OSError:  # not every file system has locks
            return time.time() - os.fstat(file.fileno()).st_mtime > _ABANDONED
    return True


def _write(file: BinaryIO, digest: xxhash.xxh3_128, block: bytes) -> None:
    digest.update(block)
    file.write(block)


def _lock(file: BinaryIO, wait: bool) -> None:
    """Lock a file until it is closed, or raise OSError where another process holds it and this one may not wait.

    Windows needs no locks: it never removes a file that is open.
    """
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
