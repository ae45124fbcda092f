"""The bytes of one text, unpacked where they are compressed.

Knows: which compressed files there are, what their damage looks like, and what a bomb is.
Does not know: where texts lie, encodings.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import xxhash

from charlstm.errors import TextError

MAX_RATIO = 200
"""The most that may come out of a compressed file, in bytes for each of its own. Prose reaches 5."""
_FREE = 2**20  # so much may always come out: a tiny file of one repeated line is no bomb
_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


class _Raw(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Unpacked(_Raw, Protocol):
    """The bytes that come out of a compressed file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None, /
    ) -> object: ...


def _unpack_zstd(raw: BinaryIO) -> Unpacked:
    unpacked: Unpacked = importlib.import_module(_ZSTD).ZstdFile(raw)
    return unpacked


DECOMPRESSORS: dict[str, Callable[[BinaryIO], Unpacked]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _unpack_zstd,
}
"""By the end of a file's name."""
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile)


class Stream:
    """The bytes of one text; what goes wrong on the way is told as a TextError."""

    def __init__(
        self, raw: _Raw, where: str, skippable: bool = False, budget: Budget | None = None, encoding: str | None = None
    ) -> None:
        self.where = where
        """How errors call it."""
        self.encoding = encoding
        """The one it is known to be in, whatever is asked for."""
        self.skippable = skippable
        """Whether it is left out where it holds no text: it was not named, but found in a folder or archive."""
        self._raw = raw
        self._budget = budget
        self._digest = xxhash.xxh3_128()

    def read(self, size: int) -> bytes:
        """The next `size` bytes, or fewer at the end."""
        with telling(self.where, compressed=self._budget is not None):
            block = self._raw.read(size)
        if self._budget:
            self._budget.spend(len(block), self.where)
        self._digest.update(block)
        return block

    def fingerprint(self) -> str:
        """A hash of the bytes that were read so far."""
        return self._digest.hexdigest()


class Budget:
    """What may come out of a compressed file. Counted as it comes: what a header says of its size may be a lie."""

    def __init__(self, compressed: int) -> None:
        self._left = _FREE + MAX_RATIO * compressed

    def spend(self, size: int, where: str) -> None:
        """TextError once more came out than may."""
        self._left -= size
        if self._left < 0:
            grown = f"{where} grows to more than {MAX_RATIO} times its size"
            raise TextError(grown, remedy="unpack it yourself if it is no bomb")


@contextmanager
def telling(where: str, compressed: bool = False) -> Iterator[None]:
    """What the system and the decompressors raise, as a TextError that names the text."""
    try:
        yield
    except FileNotFoundError:
        raise TextError(f"no such file: {where}") from None
    except _DAMAGE as error:
        raise TextError(f"{where} is damaged: {_reason(error)}") from None
    except (RuntimeError, NotImplementedError) as error:  # what zipfile says of a password, and of a method it lacks
        if not compressed:
            raise
        raise TextError(f"can't unpack {where}: {_reason(error)}") from None
    except (OSError, ValueError, OverflowError) as error:
        if compressed and getattr(error, "errno", None) is None:  # the system gives a number, bz2 does not
            raise TextError(f"{where} is damaged: {_reason(error)}") from None
        raise TextError(f"can't read {where}: {getattr(error, 'strerror', None) or error}") from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # whose module is imported only where it is needed
            raise
        raise TextError(f"{where} is damaged: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or "it ends too early"
