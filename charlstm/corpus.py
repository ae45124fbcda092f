"""Sources -> text -> a training part and a validation part.

Knows: files, folders, globs, standard input and built-in texts; encodings; where the split lies.
Does not know: ids, batches, models.
"""

from __future__ import annotations

import glob
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from charlstm.errors import TextError

_BUILTINS = ("python-docs",)
_PROBE = 65_536  # characters looked at to tell text from a binary file


@dataclass(frozen=True)
class Corpus:
    """One text, made of the texts of `names` in that order, joined with a newline."""

    text: str
    names: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    """Files in folders and globs that hold no text: binary or empty ones."""

    def split(self, validation: float) -> int:
        """Where the validation part begins: the last `validation` share of the characters, rounded up.

        >>> Corpus("a" * 1_115_394, ()).split(0.1)  # tiny Shakespeare: the last 111,540 are for validation
        1003854
        """
        return int(len(self.text) * (1 - validation))


def read_corpus(sources: Sequence[str]) -> Corpus:
    """Read files, folders (recursively, by name), globs, `-` (standard input) and `builtin:NAME`, in UTF-8.

    TextError names the file, and the offset where a byte is not UTF-8.
    """
    texts, names, skipped = [], [], []
    for source in sources:
        for name, text in _read_source(source):
            if text is None:
                skipped.append(name)
            else:
                texts.append(text)
                names.append(name)
    return Corpus("\n".join(texts), tuple(names), tuple(skipped))


def _read_source(source: str) -> Iterator[tuple[str, str | None]]:
    """Name and text of each part of one source; None for a file of a folder or glob that holds no text."""
    if source == "-":
        yield "standard input", _decode(sys.stdin.buffer.read(), "standard input")
    elif source.startswith("builtin:"):
        yield source, _builtin(source.removeprefix("builtin:"))
    elif (path := _look_at(source)).is_dir():
        yield from _read_many(sorted(p for p in path.rglob("*") if _is_visible_file(p, path)), f"the folder {source}")
    elif path.exists() or not glob.has_magic(source):
        yield path.name, _decode(_read_bytes(path), source)
    else:
        yield from _read_many(sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file()), source)  # noqa: PTH207 (absolute patterns too)


def _look_at(source: str) -> Path:
    """The path, if the system can look at it at all: it may be too long, out of reach, or hold a NUL."""
    try:
        Path(source).exists()
        return Path(source)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TextError(f"no such file: {source[:100]!r} ({reason})") from None


def _read_many(paths: Sequence[Path], what: str) -> Iterator[tuple[str, str | None]]:
    found = False
    for path in paths:
        data = _read_bytes(path)
        text = None if not data.strip() or _is_binary(data) else _decode(data, str(path))
        found = found or text is not None
        yield path.name, text
    if not found:
        raise TextError(f"no text in {what}: {len(paths) or 'no'} files, none of them with text in it")


def _is_visible_file(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TextError(f"no such file: {path}") from None
    except (OSError, ValueError) as error:
        raise TextError(f"can't read {path}: {getattr(error, 'strerror', error)}") from None


def _decode(data: bytes, name: str) -> str:
    if not data.strip():
        raise TextError(f"{name} is empty: there is nothing to learn from")
    if _is_binary(data):
        raise TextError(f"{name} is a binary file, not text")
    try:
        # Universal newlines are not applied: what is in the file is what the model learns to write.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise TextError(f"{name} is not UTF-8: byte 0x{data[at]:02x} at offset {at:,}; convert it to UTF-8 first") from None


def _is_binary(data: bytes) -> bool:
    """Control bytes that no text format uses, as more than one in a hundred, are the mark of a binary file."""
    probe = data[:_PROBE]
    controls = len(probe) - len(probe.translate(None, delete=bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))))
    return controls * 100 > len(probe)


def _builtin(name: str) -> str:
    if name not in _BUILTINS:
        raise TextError(f"no built-in text {name!r}; there is {', '.join('builtin:' + b for b in _BUILTINS)}")
    # The reference that `help()` shows: about 465,000 characters of English and Python, inside every CPython.
    topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    return "\n".join(topics[key] for key in sorted(topics))
