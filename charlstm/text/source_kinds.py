"""The kinds of sources: what stands for a file, and gives its bytes.

Knows: standard input, texts in memory, files, compressed files; what of them can be known before they are read.
Does not know: how a source is found, archives, encodings.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

from charlstm.text.compression import DECOMPRESSORS, Budget, Stream, telling

_HASHED_AT_ONCE = 2**20  # bytes hashed at a time


@dataclass(frozen=True)
class Source(ABC):
    """A file, or what stands for one."""

    where: str
    """How errors call it."""
    name: str
    """How it is shown."""
    skippable: bool = False
    """See `Stream`."""

    kind = "plain"
    """How bytes become texts; with `fingerprint`, all that the texts depend on."""

    @abstractmethod
    def streams(self) -> Iterator[Stream]:
        """Its texts, each open until the next is asked for."""

    def names(self) -> list[str]:
        """The names of its texts, in the order of `streams`."""
        return [self.name]

    def left_out(self) -> list[str]:
        """What of an archive is not read, each with the reason."""
        return []

    def size(self) -> int | None:
        """Bytes that will come out, where that can be known before."""
        return None

    def fingerprint(self) -> str | None:
        """A hash of its bytes; None where they can be read only once."""
        return None

    def state(self) -> tuple[int, ...]:
        """Something that is another thing once its bytes have changed."""
        return ()


@dataclass(frozen=True)
class StandardInput(Source):
    """What is piped into the program, once."""

    def streams(self) -> Iterator[Stream]:
        yield Stream(sys.stdin.buffer, self.where)


def is_piped() -> bool:
    """Whether standard input is a pipe, a file or a socket, and so may hold a text: no terminal, not /dev/null, not closed."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # closed, or an object that is no file of the system's
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


@dataclass(frozen=True)
class Given(Source):
    """A text that is in memory already."""

    text: str = ""

    kind = "given"

    def streams(self) -> Iterator[Stream]:
        yield Stream(io.BytesIO(self.text.encode()), self.where, encoding="utf-8")

    def size(self) -> int:
        return len(self.text.encode())

    def fingerprint(self) -> str:
        return xxhash.xxh3_128_hexdigest(self.text.encode())


@dataclass(frozen=True)
class FileSource(Source):
    """A file as it is."""

    path: Path = Path()

    def streams(self) -> Iterator[Stream]:
        with telling(self.where), self.path.open("rb") as raw:
            yield Stream(raw, self.where, self.skippable)

    def size(self) -> int | None:
        with telling(self.where):
            return self.path.stat().st_size if self.path.is_file() else None

    def fingerprint(self) -> str | None:
        if not self.path.is_file():
            return None  # a named pipe, such as a shell's <(...)
        digest = xxhash.xxh3_128()
        with telling(self.where), self.path.open("rb") as raw:
            while block := raw.read(_HASHED_AT_ONCE):
                digest.update(block)
        return digest.hexdigest()

    def state(self) -> tuple[int, ...]:
        with telling(self.where):
            found = self.path.stat()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True)
class CompressedFile(FileSource):
    """A file that is one text, compressed."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.path.suffix.lower()

    def streams(self) -> Iterator[Stream]:
        with telling(self.where, compressed=True), self.path.open("rb") as raw:
            budget = Budget(os.fstat(raw.fileno()).st_size)
            with DECOMPRESSORS[self.kind](raw) as unpacked:
                yield Stream(unpacked, self.where, self.skippable, budget)

    def size(self) -> None:
        return None
