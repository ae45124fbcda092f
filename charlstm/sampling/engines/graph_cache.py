"""Graphs that were made before, with what was measured of them, in the user's cache folder.

    XXH3 of the rest in hexadecimal | newline | JSON | newline | the graph

Making a graph takes little, but importing what makes it takes a tenth of a second of the way to the first character.

Knows: the files, and that they hold for one kind of CPU and one ONNX Runtime.
Does not know: what is in them.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import onnxruntime
import xxhash

from charlstm.errors import SaveError
from charlstm.files import write_atomically
from charlstm.user_folders import cache_folder

_MOST_KEPT = 2**28
"""Bytes that are kept, of the graphs that were made last."""


def find_kept(key: str) -> tuple[dict[str, Any], bytes] | None:
    """What was kept under a key, which is a file name: facts, and a graph. None where nothing is, or not as it was written."""
    try:
        checksum, rest = _file(key).read_bytes().split(b"\n", 1)
        about, graph = rest.split(b"\n", 1)
        if checksum.decode() != xxhash.xxh3_128_hexdigest(rest):
            return None
        values = json.loads(about)
        return (values["facts"], graph) if values["machine"] == _machine() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, facts: Mapping[str, Any], graph: bytes) -> None:
    """Keep it for the next time; where that is not possible, it is made anew then."""
    file = _file(key)
    rest = json.dumps({"machine": _machine(), "facts": facts}).encode() + b"\n" + graph
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, [xxhash.xxh3_128_hexdigest(rest).encode() + b"\n", rest])
        _drop_oldest(file.parent)
    except (OSError, SaveError):
        pass


def _file(key: str) -> Path:
    return cache_folder("engines") / f"{key}.graph"


def _drop_oldest(folder: Path) -> None:
    size = 0
    for file in sorted(folder.glob("*.graph"), key=lambda f: f.stat().st_mtime, reverse=True):
        size += file.stat().st_size
        if size > _MOST_KEPT:
            file.unlink(missing_ok=True)


def _machine() -> dict[str, object]:
    """What the graph and the figures hold for: how they are made, by what, on which CPU of which machine; homes are shared."""
    making = b"".join(Path(__file__).with_name(name).read_bytes() for name in ("graph.py", "selection.py"))
    versions = {"made by": xxhash.xxh3_64_hexdigest(making), "onnxruntime": onnxruntime.__version__}
    return {**versions, "machine": platform.node(), "cpu": xxhash.xxh3_64_hexdigest(_cpu().encode())}


def _cpu() -> str:
    """What kind it is. A machine by one name may wake up on another one, or be a container that moves."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        names = ("model name", "flags", "CPU part", "Features")
        if lines := [line for line in takewhile(str.strip, file) if line.startswith(names)]:
            return "".join(lines)
    return os.environ.get("PROCESSOR_IDENTIFIER", platform.machine())
