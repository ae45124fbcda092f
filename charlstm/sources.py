"""TEXT arguments -> the streams of bytes that they name.

    texts/          -> texts/a.txt, texts/b/c.txt.gz       (by name, hidden files left out)
    archive.zip     -> archive.zip/one.txt, archive.zip/two.txt

Knows: files, folders, globs, standard input, built-in texts, compressed files and the members of zip archives, and what a
bomb is.
Does not know: encodings, characters, ids.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import importlib
import io
import lzma
import os
import sys
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import xxhash

from charlstm.errors import TextError

MAX_MEMBERS = 10_000
"""The most files in a zip archive."""
MAX_RATIO = 200
"""What comes out of a compressed file, in bytes for each of its own. Prose reaches 5, and a log of equal lines 100."""
_FREE = 2**20  # so much may always come out: a tiny file of one repeated line is no bomb
_BLOCK = 2**20
_BUILTINS = ("python-docs",)
_DECOMPRESSORS: dict[str, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile)


class _Raw(Protocol):
    def read(self, size: int, /) -> bytes: ...


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

    def read(self, size: int) -> bytes:
        """The next `size` bytes, or fewer at the end."""
        with _telling(self.where, compressed=self._budget is not None):
            block = self._raw.read(size)
        if self._budget:
            self._budget.spend(len(block), self.where)
        return block


class Budget:
    """What may come out of a compressed file. Counted as it comes: what a header says of its size may be a lie."""

    def __init__(self, compressed: int) -> None:
        self._left = _FREE + MAX_RATIO * compressed

    def spend(self, size: int, where: str) -> None:
        """TextError once more came out than may."""
        self._left -= size
        if self._left < 0:
            raise TextError(f"{where} grows to more than {MAX_RATIO} times its size: unpack it yourself if it is no bomb")


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
class _StandardInput(Source):
    def streams(self) -> Iterator[Stream]:
        yield Stream(sys.stdin.buffer, self.where)


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
class _File(Source):
    path: Path = Path()

    def streams(self) -> Iterator[Stream]:
        with _telling(self.where), self.path.open("rb") as raw:
            yield Stream(raw, self.where, self.skippable)

    def size(self) -> int | None:
        with _telling(self.where):
            return self.path.stat().st_size if self.path.is_file() else None

    def fingerprint(self) -> str | None:
        if not self.path.is_file():
            return None  # a named pipe, such as a shell's <(...)
        digest = xxhash.xxh3_128()
        with _telling(self.where), self.path.open("rb") as raw:
            while block := raw.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def state(self) -> tuple[int, ...]:
        with _telling(self.where):
            found = self.path.stat()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True)
class _Compressed(_File):
    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.path.suffix.lower()

    def streams(self) -> Iterator[Stream]:
        with _telling(self.where, compressed=True), self.path.open("rb") as raw:
            budget = Budget(os.fstat(raw.fileno()).st_size)
            with _DECOMPRESSORS[self.kind](raw) as unpacked:
                yield Stream(unpacked, self.where, self.skippable, budget)

    def size(self) -> None:
        return None


@dataclass(frozen=True)
class _Archive(_File):
    kind = ".zip"

    def streams(self) -> Iterator[Stream]:
        with self._opened() as (archive, members):
            budget = Budget(self.path.stat().st_size)  # one for all: members may share the same compressed bytes
            for member in members:
                where = f"{self.where}/{member.filename}"
                with _telling(where, compressed=True), archive.open(member) as unpacked:
                    yield Stream(unpacked, where, True, budget)

    def names(self) -> list[str]:
        with self._opened() as (_, members):
            return [f"{self.name}/{member.filename}" for member in members]

    def size(self) -> None:
        return None

    @contextmanager
    def _opened(self) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
        """The archive and its files, by name, without hidden ones."""
        with _telling(self.where, compressed=True), zipfile.ZipFile(self.path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename)]
            if len(members) > MAX_MEMBERS:
                raise TextError(f"{self.where} has {len(members):,} members; the most is {MAX_MEMBERS:,}: unpack it yourself")
            if not members:
                raise TextError(f"no text in {self.where}: the archive is empty")
            yield archive, sorted(members, key=lambda m: m.filename)


def find_sources(texts: Sequence[str]) -> list[Source]:
    """Files, folders (recursively, by name), globs, `-` (standard input) and `builtin:NAME` -> sources, in that order.

    TextError names what is not there.
    """
    return [source for text in texts for source in _find(text)]


def _find(text: str) -> list[Source]:
    if text == "-":
        return [_StandardInput("standard input", "standard input")]
    if text.startswith("builtin:"):
        return [_builtin(text)]
    path = _look_at(text)
    if path.is_dir():
        inside = [p for p in path.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(path).as_posix())]
        return _several(inside, f"the folder {text}")
    if path.exists() or not glob.has_magic(text):
        if not path.exists():
            raise TextError(f"no such file: {text}")
        return [_file(path, skippable=False)]
    return _several([Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file()], text)  # noqa: PTH207 (absolute patterns too)


def _several(paths: Sequence[Path], what: str) -> list[Source]:
    if not paths:
        raise TextError(f"no text in {what}: no files there")
    return [_file(path, skippable=True) for path in sorted(paths)]


def _file(path: Path, skippable: bool) -> Source:
    suffix = path.suffix.lower()
    kind = _Archive if suffix == ".zip" else _Compressed if suffix in _DECOMPRESSORS else _File
    return kind(str(path), path.name, skippable, path)


def _builtin(text: str) -> Source:
    name = text.removeprefix("builtin:")
    if name not in _BUILTINS:
        raise TextError(f"no built-in text {name!r}; there is {', '.join('builtin:' + b for b in _BUILTINS)}")
    # The reference that `help()` shows: about 465,000 characters of English and Python, inside every CPython.
    topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    return Given(text, text, text="\n".join(topics[key] for key in sorted(topics)))


def _look_at(text: str) -> Path:
    """The path, if the system can look at it at all: it may be too long, out of reach, or hold a NUL."""
    try:
        Path(text).exists()
        return Path(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TextError(f"no such file: {text[:100]!r} ({reason})") from None


def _is_hidden(name: str) -> bool:
    # macOS keeps its own notes in an archive under __MACOSX, each file's beside its name.
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


@contextmanager
def _telling(where: str, compressed: bool = False) -> Iterator[None]:
    """What the system and the decompressors raise, as a TextError that names the text."""
    try:
        yield
    except FileNotFoundError:
        raise TextError(f"no such file: {where}") from None
    except _DAMAGE as error:
        raise TextError(f"{where} is damaged: {_one_line(error)}") from None
    except (RuntimeError, NotImplementedError) as error:  # what zipfile says of a password, and of a method it lacks
        if not compressed:
            raise
        raise TextError(f"can't unpack {where}: {_one_line(error)}") from None
    except (OSError, ValueError) as error:
        if compressed and getattr(error, "errno", None) is None:  # the system gives a number, bz2 does not
            raise TextError(f"{where} is damaged: {_one_line(error)}") from None
        raise TextError(f"can't read {where}: {getattr(error, 'strerror', None) or error}") from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "it ends too early"
