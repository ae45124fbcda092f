"""Archives: files that hold several texts, each read as if it lay in a folder of that name.

    texts.zip      texts.zip/a.txt, texts.zip/b/c.txt      (by name, hidden files and runs left out)
    texts.tar.gz   texts.tar.gz/a.txt, ...                 (unpacked once, to memory or a nameless file on the disk)

Nothing in an archive decides where anything is written: its names are only shown.

Knows: zip and tar, what damage looks like in them, what of them is not read.
Does not know: how one file is decompressed, encodings.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import zipfile
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, BinaryIO, cast

from charlstm.errors import TextError
from charlstm.run_files import is_run
from charlstm.text.compression import DECOMPRESSORS, Budget, Stream, telling
from charlstm.text.documents import document_of
from charlstm.text.source_kinds import FileSource
from charlstm.text.walking import is_hidden

MAX_MEMBERS = 10_000
"""The most files in an archive."""
_IN_MEMORY = 32 * 2**20  # bytes of an unpacked archive; a larger one lies on the disk meanwhile
_COPIED_AT_ONCE = 2**20
_TAR_BLOCK = 512  # bytes; one of zeros ends an archive

Open = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class _Contents:
    """What an archive that is open holds."""

    files: Mapping[str, Open] = field(default_factory=dict)
    """How each of its files is opened, by its name there; hidden ones too."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What is neither a file nor a folder, each with the reason."""


@dataclass(frozen=True)
class Archive(FileSource):
    """A file of several texts."""

    def streams(self) -> Iterator[Stream]:
        with telling(self.where, compressed=True), self._opened() as contents:
            self.__dict__["_listing"] = names, _ = self._sorted_out(contents)  # it need not be opened for that again
            budget = Budget(self.path.stat().st_size)  # one for all: members may share the same compressed bytes
            for name in names:
                where = f"{self.where}/{name}"
                with telling(where, compressed=True), contents.files[name]() as unpacked:
                    yield Stream(unpacked, where, True, budget)

    def names(self) -> list[str]:
        return [f"{self.name}/{name}" for name in self._listing[0]]

    def left_out(self) -> list[str]:
        return self._listing[1]

    def size(self) -> None:
        return None

    @abstractmethod
    def _opened(self) -> AbstractContextManager[_Contents]:
        """What it holds, as long as this is open."""

    @cached_property
    def _listing(self) -> tuple[list[str], list[str]]:
        with telling(self.where, compressed=True), self._opened() as contents:
            return self._sorted_out(contents)

    def _sorted_out(self, contents: _Contents) -> tuple[list[str], list[str]]:
        """The names of the files to be read, sorted, and what is left out, each with the reason.

        TextError where there are none, unless this archive may be skipped.
        """
        if document := document_of(contents.files):
            return self._refuse(document.what, document.remedy(self.where))
        runs = _runs_in(contents.files)
        seen = [name for name in contents.files if not is_hidden(name)]
        if len(seen) > MAX_MEMBERS:
            raise TextError(f"{self.where} has {len(seen):,} members; the most is {MAX_MEMBERS:,}", remedy="unpack it yourself")
        names = sorted(name for name in seen if not any(name.startswith(f"{run}/" if run else "") for run in runs))
        left_out = {**contents.left_out, **dict.fromkeys(runs, "a run")}
        said = [f"{self.where}/{name}".rstrip("/") + f" ({reason})" for name, reason in sorted(left_out.items())]
        if not names and not self.skippable:
            what = f"nothing there but {', '.join(said[:3])}" if said else "the archive is empty"
            raise TextError(f"no text in {self.where}: {what}")
        return names, said

    def _refuse(self, what: str, remedy: str) -> tuple[list[str], list[str]]:
        if not self.skippable:
            raise TextError(f"{self.where} is {what}, not text", remedy=remedy)
        return [], [f"{self.where} ({what})"]


class ZipArchive(Archive):
    """A zip archive."""

    kind = ".zip"

    @contextmanager
    def _opened(self) -> Iterator[_Contents]:
        with zipfile.ZipFile(self.path) as archive:
            members = {_harmless(member.filename): member for member in archive.infolist() if not member.is_dir()}
            yield _Contents({name: lambda member=member: archive.open(member) for name, member in members.items()})  # type: ignore[misc]


class TarArchive(Archive):
    """A tar archive, compressed or not. Links and devices in it are left out."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        return next(suffix for suffix in ARCHIVES if self.path.name.lower().endswith(suffix))

    @contextmanager
    def _opened(self) -> Iterator[_Contents]:
        with ExitStack() as stack:
            raw: BinaryIO = stack.enter_context(self.path.open("rb"))
            if (compression := _TAR_SUFFIXES[self.kind]) is not None:
                # Members are read by name, not as they come: each step back in a compressed file begins it anew.
                raw = stack.enter_context(_unpacked(raw, compression, self.where))
            archive = stack.enter_context(tarfile.open(fileobj=raw, mode="r:"))
            yield _members_of(archive, raw)


@contextmanager
def _unpacked(raw: BinaryIO, compression: str, where: str) -> Iterator[BinaryIO]:
    budget = Budget(os.fstat(raw.fileno()).st_size)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as whole:
        with DECOMPRESSORS[compression](raw) as unpacked:
            while block := unpacked.read(_COPIED_AT_ONCE):
                budget.spend(len(block), where)
                whole.write(block)
        whole.seek(0)
        yield cast(BinaryIO, whole)


def _members_of(archive: tarfile.TarFile, raw: BinaryIO) -> _Contents:
    """The files of a tar archive; of several of one name the last, as an update adds one. ReadError where it is cut short."""
    files: dict[str, Open] = {}
    left_out: dict[str, str] = {}
    end = -1
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # else it would keep them all
        if archive.offset <= end:
            raise tarfile.ReadError("a size in it is below zero")
        end = archive.offset
        name = _harmless(member.name)
        if member.isreg():
            files[name] = _opener(archive, member)
        elif not member.isdir() and not is_hidden(name):
            left_out[name] = "a link" if member.issym() or member.islnk() else "no file"
    raw.seek(archive.offset)  # where a header is damaged, tarfile takes it for the end
    if raw.read(_TAR_BLOCK) != bytes(_TAR_BLOCK):
        raise tarfile.ReadError("it ends too early")
    return _Contents(files, left_out)


def _opener(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Open:
    return lambda: cast(IO[bytes], archive.extractfile(member))  # None only of what is no file


def _harmless(name: str) -> str:
    """A member's name without what would lead elsewhere: it is only shown."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _runs_in(files: Mapping[str, Open]) -> list[str]:
    """The folders of an archive that hold runs, those within others left out; the empty one stands for all of it."""
    folders: dict[str, set[str]] = defaultdict(set)
    for path in files:
        folder, _, name = path.rpartition("/")
        folders[folder].add(name)

    def is_run_folder(folder: str) -> bool:
        def begins(name: str, begin: bytes) -> bool:
            with files[f"{folder}/{name}".lstrip("/")]() as member:
                return member.read(len(begin)) == begin

        return is_run(folders[folder], begins)

    found = sorted(filter(is_run_folder, folders))
    return [run for run in found if not any(run != other and run.startswith(f"{other}/" if other else "") for other in found)]


_TAR_SUFFIXES: dict[str, str | None] = {
    ".tar": None,
    **dict.fromkeys((".tar.gz", ".tgz"), ".gz"),
    **dict.fromkeys((".tar.bz2", ".tbz2", ".tbz"), ".bz2"),
    **dict.fromkeys((".tar.xz", ".txz"), ".xz"),
    **dict.fromkeys((".tar.zst", ".tzst"), ".zst"),
}
"""How an archive is compressed."""
ARCHIVES: dict[str, type[Archive]] = {".zip": ZipArchive, **dict.fromkeys(_TAR_SUFFIXES, TarArchive)}
"""By the end of a file's name."""
