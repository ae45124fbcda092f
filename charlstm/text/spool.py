"""Where a text's ids go while it is read, and where large ones stay: in memory, in the cache, or among temporary files.

Knows: which places are tried one after the other, and that a full disk loses nothing.
Does not know: what is in an entry of the cache, what ids mean.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from charlstm.errors import SaveError
from charlstm.text.cache import TextCache
from charlstm.text.types import Ids
from charlstm.user_folders import temporary_folder

Written = TypeVar("Written")


class Disk:
    """Where a large text is put: into the cache or, where that takes no more, into the folder for temporary files."""

    def __init__(self, *places: TextCache) -> None:
        self._places = iter(places) if places else _usual_places()
        self.cache = next(self._places)
        self._place: TextCache | None = self.cache
        self.refused: list[SaveError] = []
        """What was wrong with the places that are not tried any more."""

    def put(self, write: Callable[[TextCache], Written]) -> Written | None:
        """What `write` gives at the first place where it can write; None where that is nowhere."""
        while self._place:
            try:
                return write(self._place)
            except SaveError as error:
                self.refused.append(error)
                self._place = next(self._places, None)
        return None


def _usual_places() -> Iterator[TextCache]:
    """The second is only looked for where the first takes no more: to find it, Python writes a file there."""
    yield TextCache()
    yield TextCache(temporary_folder() / "texts")


class Spool:
    """Arrays in the order in which they come: in memory up to `limit` bytes, then in nameless files on the disk.

    Up to `most` bytes stay in memory where no disk takes them.
    """

    def __init__(self, disk: Disk, limit: int, most: int) -> None:
        self._disk, self._limit, self._most = disk, limit, most
        self._arrays: list[Ids] = []
        self._size = 0
        self._files: dict[Path, _ArrayFile] = {}

    @property
    def in_memory(self) -> bool:
        """Whether all of it still is."""
        return not any(file.shapes for file in self._files.values())

    def add(self, array: Ids) -> None:
        """Keep one more. SaveError where there is no room for it, on any disk or in memory."""
        self._arrays.append(array)
        self._size += array.nbytes
        if self._size > self._limit and not self._disk.put(self._move_to) and self._size > self._most:
            raise self._disk.refused[0]

    def __iter__(self) -> Iterator[Ids]:
        for file in self._files.values():
            yield from file
        yield from self._arrays

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def _move_to(self, place: TextCache) -> bool:
        with place.writing():
            file = self._files.get(place.folder) or _ArrayFile(place.folder)
            self._files[place.folder] = file
            while self._arrays:
                file.add(self._arrays[0])
                del self._arrays[0]
        return True


class _ArrayFile:
    """Arrays one after another in a nameless file. What a full disk took only a part of is not among them."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="spool-", suffix=".tmp", buffering=0)  # noqa: SIM115 (closed in `close`)
        self.shapes: list[tuple[np.dtype[Any], int]] = []

    def add(self, array: Ids) -> None:
        if self._file.write(array.tobytes()) != array.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.shapes.append((array.dtype, len(array)))

    def __iter__(self) -> Iterator[Ids]:
        self._file.seek(0)
        for dtype, count in self.shapes:
            yield np.frombuffer(self._file.read(dtype.itemsize * count), dtype=dtype)

    def close(self) -> None:
        with suppress(OSError):  # a full disk was told of when it was found
            self._file.close()
