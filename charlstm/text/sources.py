"""TEXT arguments -> the streams of bytes that they name.

    texts/          -> texts/a.txt, texts/b/c.txt.gz       (by name, hidden files left out)
    archive.zip     -> archive.zip/one.txt, archive.zip/two.txt

Knows: files, folders, globs, standard input, built-in texts, data sets, compressed files and the members of zip archives.
Does not know: encodings, characters, ids.
"""

from __future__ import annotations

import glob
import importlib
import io
import os
import sys
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import xxhash

from charlstm.errors import TextError, shown
from charlstm.text.compression import DECOMPRESSORS, Budget, Stream, telling
from charlstm.text.datasets import path_of

MAX_MEMBERS = 10_000
"""The most files in a zip archive."""
_HASHED_AT_ONCE = 2**20  # bytes hashed at a time
_BUILTINS = ("python-docs",)


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
class _Compressed(_File):
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


@dataclass(frozen=True)
class _Archive(_File):
    kind = ".zip"

    def streams(self) -> Iterator[Stream]:
        with self._opened() as (archive, members):
            budget = Budget(self.path.stat().st_size)  # one for all: members may share the same compressed bytes
            for member in members:
                where = f"{self.where}/{member.filename}"
                with telling(where, compressed=True), archive.open(member) as unpacked:
                    yield Stream(unpacked, where, True, budget)

    def names(self) -> list[str]:
        with self._opened() as (_, members):
            return [f"{self.name}/{member.filename}" for member in members]

    def size(self) -> None:
        return None

    @contextmanager
    def _opened(self) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
        """The archive and its files, by name, without hidden ones."""
        with telling(self.where, compressed=True), zipfile.ZipFile(self.path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename)]
            if len(members) > MAX_MEMBERS:
                many = f"{self.where} has {len(members):,} members; the most is {MAX_MEMBERS:,}"
                raise TextError(many, remedy="unpack it yourself")
            if not members:
                raise TextError(f"no text in {self.where}: the archive is empty")
            yield archive, sorted(members, key=lambda m: m.filename)


def find_sources(texts: Sequence[str]) -> list[Source]:
    """Files, folders (recursively, by name), globs, `-` (standard input), `builtin:NAME`, `data:NAME` -> sources, in order.

    TextError names what is not there.
    """
    return [source for text in texts for source in _find(text)]


def _find(text: str) -> list[Source]:
    if text == "-":
        return [_StandardInput("standard input", "standard input")]
    if text.startswith("builtin:"):
        return [_builtin(text)]
    if text.startswith("data:"):
        return [_source_of(path_of(text.removeprefix("data:")), skippable=False)]
    path = _look_at(text)
    if path.is_dir():
        return _several(_files_of(path), f"the folder {text}")
    if path.exists() or not glob.has_magic(text):
        if not path.exists():
            raise TextError(f"no such file: {text}")
        return [_source_of(path, skippable=False)]
    return _several([Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file()], text)  # noqa: PTH207 (absolute patterns too)


def _several(paths: Sequence[Path], what: str) -> list[Source]:
    if not paths:
        raise TextError(f"no text in {what}: no files there")
    return [_source_of(path, skippable=True) for path in sorted(paths, key=Path.as_posix)]  # in one order on every system


def _files_of(folder: Path) -> list[Path]:
    """All files in it, hidden ones left out."""

    def refuse(error: OSError) -> None:
        raise TextError(f"can't look into the folder {error.filename}: {error.strerror}")

    paths = [Path(where, name) for where, _, names in os.walk(folder, onerror=refuse) for name in names]
    return [path for path in paths if path.is_file() and not _is_hidden(path.relative_to(folder).as_posix())]


def _source_of(path: Path, skippable: bool) -> Source:
    suffix = path.suffix.lower()
    kind = _Archive if suffix == ".zip" else _Compressed if suffix in DECOMPRESSORS else _File
    return kind(str(path), path.name, skippable, path)


def _builtin(text: str) -> Source:
    name = text.removeprefix("builtin:")
    if name not in _BUILTINS:
        there = ", ".join(f"builtin:{known}" for known in _BUILTINS)
        raise TextError(f"no built-in text {shown(name)}", remedy=f"there is {there}")
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
