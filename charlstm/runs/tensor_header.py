"""The head of a file of tensors, checked before any of the rest is believed.

    8 bytes: length of the header (little-endian) | header: JSON | bytes of one tensor after another, to the end of the file

The header is safetensors' own, narrowed to what this project writes: one key of metadata, two types of numbers, tensors that
lie end to end. A checked header can't make a reader allocate more than the file is long.

Knows: which headers are believed, and why the others are not.
Does not know: models, weights, torch; which tensors a model has; what the JSON in the metadata means.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

from charlstm.errors import ModelError, shown

MAX_HEADER = 1_048_576
"""Bytes. A vocabulary of 200,000 symbols fits, also at four bytes each."""
METADATA = "charlstm"
"""The one key of the metadata: with two, their order, and so the file's bytes, would differ from run to run."""
ITEM_SIZES = {"F32": 4, "U8": 1}
"""The types of numbers that are written, and the bytes that one of them takes."""
_MAX_DIMENSIONS = 4


class HeaderError(ModelError):
    """What is wrong with a header, without the name of the file."""


@dataclass(frozen=True)
class TensorEntry:
    """What the header says about one tensor."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Of its bytes, counted from the end of the header."""
    end: int


@dataclass(frozen=True)
class Header:
    """A header that was believed."""

    digest: str
    """SHA-256 in hexadecimal, as claimed."""
    text: str
    """The JSON in the metadata, as it stands there."""
    about: dict[str, Any]
    """The same, parsed."""
    entries: dict[str, TensorEntry]
    """Tensors by name, in the order of their bytes."""


def open_without_waiting(name: str, flags: int) -> int:
    """The opener to use: opening a pipe would otherwise wait for someone to write to it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has neither such pipes nor the flag


def read_header(stream: BufferedReader) -> Header:
    """The header of an opened file, which is then read up to its tensors. HeaderError says what is wrong with it."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise HeaderError("it is no regular file")  # a device may have no end, and a pipe no beginning
    size = status.st_size
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        most = min(MAX_HEADER, max(size - 8, 0))
        raise HeaderError(f"it begins with a header length of {length:,} bytes, where at most {most:,} are possible")
    top = parse_object(_decode(stream.read(length)), "the header")
    digest, text = _split_metadata(top.pop("__metadata__", None))
    entries = {name: _entry(name, value) for name, value in top.items()}
    entries = dict(sorted(entries.items(), key=lambda item: item[1].begin))
    _require_end_to_end(entries, size - 8 - length)
    _require_unicode("".join([text, *entries]))
    return Header(digest, text, parse_object(text, "the metadata"), entries)


def parse_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object. HeaderError where it is something else, has a key twice, a NaN, or is nested too deeply."""
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError too
        raise HeaderError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise HeaderError(f"{what} is not a JSON object")
    return value


def require_keys(value: object, keys: Sequence[str], what: str) -> dict[str, Any]:
    """The same value. HeaderError where it is not an object with exactly these keys."""
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise HeaderError(f"{what} is not an object with the keys {', '.join(keys)}, and no others")
    return value


def _decode(data: bytes) -> str:
    if not data.startswith(b"{"):
        raise HeaderError("its header is not a JSON object")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HeaderError(f"its header is not UTF-8 (offset {error.start})") from None


def _require_unicode(text: str) -> None:
    """HeaderError where JSON escaped half a character: UTF-8, and so the SHA-256, can't be had of it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HeaderError(f"its header has a lone surrogate, {shown(text[error.start])}") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise HeaderError(f"a JSON object has the key {shown(twice)} twice")
    return value


def _refuse_constant(name: str) -> None:
    raise HeaderError(f"{name} is not a number that JSON knows")


def _split_metadata(metadata: object) -> tuple[str, str]:
    """The digest and the JSON that `weights.write_tensors` put there."""
    if not isinstance(metadata, Mapping) or METADATA not in metadata:
        raise HeaderError("it may be a safetensors file, but is not one of charlstm's")
    if len(metadata) > 1:
        raise HeaderError(f"its metadata has other keys than {METADATA!r}")
    found = re.fullmatch(r"([0-9a-f]{64}) (.*)", str(metadata[METADATA]), re.DOTALL)
    if not found or not isinstance(metadata[METADATA], str):
        raise HeaderError("its metadata is not a SHA-256 followed by JSON")
    return found[1], found[2]


def _entry(name: str, value: object) -> TensorEntry:
    what = f"what the header says about {shown(name)}"
    entry = require_keys(value, ("dtype", "shape", "data_offsets"), what)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        raise HeaderError(f"the tensor {shown(name)} is of type {shown(dtype)}: expected {' or '.join(ITEM_SIZES)}")
    if not _is_whole_numbers(shape, 1) or len(shape) > _MAX_DIMENSIONS:
        raise HeaderError(f"the tensor {shown(name)} has the shape {shown(shape)}: expected at most four sizes, each from 1")
    if not _is_whole_numbers(offsets, 0) or len(offsets) != 2:
        raise HeaderError(f"the tensor {shown(name)} has the offsets {shown(offsets)}: expected two whole numbers from 0")
    begin, end = offsets
    if end - begin != math.prod(shape) * ITEM_SIZES[dtype]:
        raise HeaderError(f"the tensor {shown(name)} has a shape, {shown(shape)}, that does not take the bytes it has")
    return TensorEntry(dtype, tuple(shape), begin, end)


def _is_whole_numbers(value: object, least: int) -> bool:
    # `type` and not isinstance: for Python, true and false are whole numbers.
    return isinstance(value, list) and all(type(n) is int and n >= least for n in value)


def _require_end_to_end(entries: Mapping[str, TensorEntry], size: int) -> None:
    """No hole, no overlap, and not a byte of the file that belongs to no tensor."""
    place = 0
    for name, entry in entries.items():
        if entry.begin != place:
            raise HeaderError(f"the tensor {shown(name)} does not begin where the one before it ends")
        place = entry.end
    if place != size:
        raise HeaderError(f"its tensors take {shown(place)} bytes, but {size:,} follow its header")
