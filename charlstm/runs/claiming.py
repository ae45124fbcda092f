"""Which folder a run takes where none was named, and which run goes on.

Knows: how the next free name is found, and kept from others who look for one in the same moment.
Does not know: what a run is called; what is in its folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from charlstm.errors import Argument, RunError
from charlstm.files import told
from charlstm.runs.folder import RunFolder
from charlstm.runs.lock import FolderLock, InUse, is_bare, is_free

RUNS = Path("runs")
"""Where runs are that were given no name."""

Folder = TypeVar("Folder", bound=RunFolder)


def new_run_folder(name: str, under: Path = RUNS) -> RunFolder:
    """`runs/name`, or the first of `runs/name-2`, `runs/name-3`, ... that is free: `claimed` would take it now."""
    return RunFolder(next(path for path in _numbered(name, under) if is_free(path)))


@contextmanager
def claimed(kind: type[Folder], name: str, warn: Callable[[str], object], under: Path = RUNS) -> Iterator[Folder]:
    """The first of `runs/name`, `runs/name-2`, ... that is free, locked: whoever looks for one at the same time takes the next.

    Free is also one that was claimed by a process that died before it wrote anything. Where nothing comes into it, it goes.
    """
    for path in _numbered(name, under):
        if not is_free(path):
            continue
        try:
            with told(path):
                lock = FolderLock(path)
        except InUse:
            continue
        if not is_bare(path):  # since it was looked at
            lock.release()
            continue
        folder = kind(path)
        try:
            folder.begin(lock, warn)
            yield folder
        finally:
            lock.give_up()
        return


def _numbered(name: str, under: Path) -> Iterator[Path]:
    return (under / (name if i == 1 else f"{name}-{i}") for i in range(1, 1_000_000))


def newest_run(under: Path = RUNS) -> RunFolder:
    """The run that was saved last. RunError where there is none."""
    saved: dict[Path, float] = {}
    for save in under.glob("*/resume*.safetensors"):
        with suppress(OSError):  # a link to nowhere, or a run that is taken away just now
            saved[save] = save.stat().st_mtime
    if not saved:
        raise RunError(f"no run to resume in {under}", remedy=("name its folder with ", Argument("run")))
    return RunFolder(max(saved, key=lambda save: saved[save]).parent)
