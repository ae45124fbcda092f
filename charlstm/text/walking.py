"""Folders and globs -> the files in them, and what is left out of them, each with the reason.

    texts/a.txt        read
    texts/.b.txt       hidden: passed over without a word
    texts/more -> /x   a link: what it leads to is read, once, unless that is a folder above
    texts/runs/demo    left out: a run
    texts/pipe         left out: a named pipe, which would be waited for

Knows: links, special files, runs; in which order files come.
Does not know: what is in a file.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from charlstm.errors import TextError
from charlstm.run_files import is_run

Identity = tuple[int, int] | str
"""What two names of one file have in common."""
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FoundFile(NamedTuple):
    """A file, as it was found."""

    path: Path
    identity: Identity
    is_linked: bool = False
    """Whether a link leads to it."""


@dataclass(frozen=True)
class _Place:
    """Where a glob has come to: a folder, or what its last part has found."""

    path: Path
    is_globbed: bool = False
    """Whether a pattern has led there, and not a name alone."""
    is_linked: bool = False


def identity_of(path: Path, found: os.stat_result) -> Identity:
    """The same for all names of one file: other spellings, links and hard links."""
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)  # some file systems number no files


def is_hidden(name: str) -> bool:
    """Whether a path has a part that is hidden."""
    # macOS keeps its own notes in an archive under __MACOSX, each file's beside its name.
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


class Walk:
    """Finds files, each once, and keeps what it leaves out."""

    def __init__(self) -> None:
        self.left_out: dict[str, str] = {}
        """Paths, each with the reason."""
        self.repeated: list[str] = []
        """Further paths of what was found already."""

    def in_folder(self, folder: Path) -> list[FoundFile]:
        """All files in a folder and those below it, hidden ones aside. TextError where the folder itself is a run."""
        if _is_run_folder(folder):
            raise TextError(f"{folder} is a run and no text", remedy="name the files in it that are one")
        return self._once(file for place, entries in self._below(_Place(folder)) for file in self._files(place, entries))

    def by_glob(self, pattern: str) -> list[FoundFile]:
        """The files that a glob names; `**` stands for any folders, none too.

        A part that is there as it is written is a name: a folder may be called `poems [new]`.
        """
        whole = Path(pattern)
        parts = list(whole.parts[bool(whole.anchor) :])
        if parts[-1] == "**":
            parts.append("*")
        places = [_Place(Path(whole.anchor))]
        for part in parts:
            places = [found for place in places for found in self._step(place, part)]
        # `**` looks into folders by itself, so that one which it has found is no reason for a word.
        found = (self._file(place, passes_folders="**" in parts) for place in places)
        return self._once(file for file in found if file)

    def _step(self, place: _Place, part: str) -> Iterator[_Place]:
        """Where one more part of a glob leads."""
        if not place.path.is_dir():
            return
        is_name = part != "**" and (not glob.has_magic(part) or os.path.lexists(place.path / part))
        if (place.is_globbed or not is_name) and _is_run_folder(place.path):
            self._leave_out(place.path, "a run")
        elif part == "**":
            yield from (_Place(below.path, True, below.is_linked) for below, _ in self._below(place))
        else:
            names = [part] if is_name else glob.glob(part, root_dir=place.path)  # noqa: PTH207 (its names are relative)
            for path in (place.path / name for name in names):
                if os.path.lexists(path):
                    yield _Place(path, place.is_globbed or not is_name, place.is_linked or path.is_symlink())

    def _below(self, root: _Place) -> Iterator[tuple[_Place, list[os.DirEntry[str]]]]:
        """A folder and all below it but for runs, each with what is in it.

        Links are followed when all else is found: what lies here goes by its own name.
        """
        home = root.path.resolve()
        above = {_identity(one) for one in (home, *home.parents)}
        seen, links = set[Identity](), [root]
        while links:
            pending = [links.pop(0)]
            while pending:
                place = pending.pop()
                identity, entries = _identity(place.path), _entries_of(place.path)
                if identity in seen or (identity in above and place is not root):
                    self._pass_again(place.path, identity in above)
                    continue
                seen.add(identity)
                if place is not root and _is_run(place.path, entries):
                    self._leave_out(place.path, "a run")
                    continue
                yield place, entries
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if not is_hidden(entry.name) and _is_folder(entry):
                        is_link = entry.is_symlink()
                        below = _Place(place.path / entry.name, is_linked=place.is_linked or is_link)
                        (links if is_link else pending).append(below)

    def _files(self, place: _Place, entries: list[os.DirEntry[str]]) -> Iterator[FoundFile]:
        for entry in entries:
            if not is_hidden(entry.name) and not entry.is_dir(follow_symlinks=False):
                is_linked = place.is_linked or entry.is_symlink()
                if file := self._file(_Place(place.path / entry.name, is_linked=is_linked), passes_folders=True):
                    yield file

    def _file(self, place: _Place, passes_folders: bool) -> FoundFile | None:
        """The file at a place; None where there is none that can be read, which is kept with the reason."""
        path = place.path
        try:
            found = path.stat()
        except OSError as error:
            self._leave_out(path, "a broken link" if path.is_symlink() else str(error.strerror))
            return None
        if stat.S_ISREG(found.st_mode):
            return FoundFile(path, identity_of(path, found), place.is_linked)
        if not stat.S_ISDIR(found.st_mode):
            self._leave_out(path, _SPECIAL.get(stat.S_IFMT(found.st_mode), "no file"))
        elif not passes_folders:
            self._leave_out(path, "a run" if _is_run_folder(path) else "a folder")
        return None

    def _once(self, files: Iterable[FoundFile]) -> list[FoundFile]:
        """Each file once, by the name that no link leads to, where it has one; in one order on every system."""
        kept: dict[Identity, FoundFile] = {}
        for file in sorted(files, key=lambda file: (file.is_linked, file.path.as_posix())):
            if kept.setdefault(file.identity, file) is not file:
                self.repeated.append(str(file.path))
        return sorted(kept.values(), key=lambda file: file.path.as_posix())

    def _pass_again(self, link: Path, is_above: bool) -> None:
        """A link to a folder that was looked into, or that would lead in a circle."""
        if is_above or link.parent.resolve().is_relative_to(link.resolve()):
            self._leave_out(link, "a link to a folder that it lies in")
        else:
            self.repeated.append(str(link))

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out[str(path)] = reason


def _entries_of(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise TextError(f"can't look into the folder {folder}: {error.strerror}") from None


def _identity(folder: Path) -> Identity:
    try:
        return identity_of(folder, folder.stat())
    except OSError as error:
        raise TextError(f"can't look into the folder {folder}: {error.strerror}") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry))  # noqa: PTH112 (of a link in a circle it says no)


def _is_run(folder: Path, entries: list[os.DirEntry[str]]) -> bool:
    def begins(name: str, begin: bytes) -> bool:
        try:
            with (folder / name).open("rb") as file:
                return file.read(len(begin)) == begin
        except OSError:
            return False

    return is_run({entry.name for entry in entries}, begins)


def _is_run_folder(folder: Path) -> bool:
    with suppress(TextError):  # one that may not be looked into is told of when it has to be
        return _is_run(folder, _entries_of(folder))
    return False
