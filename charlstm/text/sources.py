"""TEXT arguments -> the sources that they name, each once.

    texts/          -> texts/a.txt, texts/b/c.txt.gz       (by name, hidden files and runs left out)
    archive.zip     -> archive.zip/one.txt, archive.zip/two.txt

Knows: files, folders, globs, standard input, built-in texts, data sets; when two of them are one.
Does not know: what lies in a folder, how bytes are unpacked, encodings.
"""

from __future__ import annotations

import glob
import importlib
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from charlstm.errors import TextError, shown
from charlstm.text.archives import ARCHIVES
from charlstm.text.compression import DECOMPRESSORS
from charlstm.text.datasets import path_of
from charlstm.text.source_kinds import CompressedFile, FileSource, Given, Source, StandardInput
from charlstm.text.walking import Identity, Walk, identity_of, is_hidden

_BUILTINS = ("python-docs",)


@dataclass(frozen=True)
class Sources:
    """What TEXT arguments name."""

    all: tuple[Source, ...]
    """In order, each file once."""
    left_out: tuple[str, ...] = ()
    """What lies in their folders, or is named by their globs, and is not read, each with the reason."""
    repeated: tuple[str, ...] = ()
    """Further names of what is among them already."""


def find_sources(texts: Sequence[str], as_before: bool = False) -> Sources:
    """Files, folders (recursively, by name), globs, `-` (standard input), `builtin:NAME`, `data:NAME` -> sources, in order.

    TextError names what is not there. `as_before` finds what versions up to 0.1.0 found: what is named twice is there twice,
    runs are texts, linked folders are none.
    """
    if as_before:
        return Sources(tuple(source for text in texts for source in _found_before(text)))
    finding = _Finding()
    for text in texts:
        finding.add(text)
    return finding.done(texts)


class _Finding:
    """Sources, as one TEXT argument after the other is looked at."""

    def __init__(self) -> None:
        self._walk = Walk()
        self._found: dict[Identity, Source] = {}
        self._repeated: list[str] = []
        self._written = _written_to()

    def add(self, text: str) -> None:
        if (source := _without_path(text)) is not None:
            self._keep(text, source)
            return
        path = _look_at(text)
        if path.is_dir():
            self._keep_several(path, f"the folder {text}")
        elif path.exists():
            self._keep(identity_of(path, path.stat()), source_of(path, skippable=False))
        elif glob.has_magic(text):
            self._keep_several(text, text)
        else:
            raise TextError(f"no such file: {text}")

    def done(self, texts: Sequence[str]) -> Sources:
        """TextError where all that was found was left out."""
        left_out = tuple(f"{path} ({reason})" for path, reason in sorted(self._walk.left_out.items()))
        if not self._found:
            raise TextError(f"no text in {', '.join(texts)}: nothing there but {', '.join(left_out[:3])}")
        return Sources(tuple(self._found.values()), left_out, (*self._repeated, *self._walk.repeated))

    def _keep_several(self, where: Path | str, what: str) -> None:
        before = len(self._walk.left_out)
        files = self._walk.in_folder(where) if isinstance(where, Path) else self._walk.by_glob(where)
        if not files and len(self._walk.left_out) == before:
            raise TextError(f"no text in {what}: no files there")
        for file in files:
            self._keep(file.identity, source_of(file.path, skippable=True))

    def _keep(self, identity: Identity, source: Source) -> None:
        if identity in self._written:
            if not source.skippable:
                raise TextError(f"{source.where} is where the output goes, which never ends if it is read")
            self._walk.left_out[source.where] = "where the output goes"
            return
        known = self._found.setdefault(identity, source)
        if known is not source:
            self._repeated.append(source.where)
            if not source.skippable:  # it was named: that it is left out without text would be no answer
                self._found[identity] = replace(known, skippable=False)


def _written_to() -> set[Identity]:
    """The files that standard output and standard error go to: they would grow as they are read."""
    found = set[Identity]()
    for stream in (1, 2):
        with suppress(OSError):  # it is closed
            about = os.fstat(stream)
            if stat.S_ISREG(about.st_mode):
                found.add(identity_of(Path(), about))
    return found


def _without_path(text: str) -> Source | None:
    if text == "-":
        return StandardInput("standard input", "standard input")
    return _builtin(text) if text.startswith("builtin:") else None


def source_of(path: Path, skippable: bool) -> Source:
    """A file by what it is packed in, as the end of its name tells."""
    name = path.name.lower()
    for suffix, archive in ARCHIVES.items():
        if name.endswith(suffix):
            return archive(str(path), path.name, skippable, path)
    kind = CompressedFile if path.suffix.lower() in DECOMPRESSORS else FileSource
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
    if text.startswith("data:"):
        return path_of(text.removeprefix("data:"))
    try:
        Path(text).exists()
        return Path(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TextError(f"no such file: {text[:100]!r} ({reason})") from None


def _found_before(text: str) -> list[Source]:
    if (source := _without_path(text)) is not None:
        return [source]
    path = _look_at(text)
    if path.is_dir():
        paths = [Path(where, name) for where, _, names in os.walk(path) for name in names]
        paths = [one for one in paths if one.is_file() and not is_hidden(one.relative_to(path).as_posix())]
    elif path.exists():
        return [source_of(path, skippable=False)]
    else:
        paths = [Path(one) for one in glob.glob(text, recursive=True) if Path(one).is_file()]  # noqa: PTH207 (absolute patterns too)
    return [source_of(one, skippable=True) for one in sorted(paths, key=Path.as_posix)]
