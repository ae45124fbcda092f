"""The lock of a folder: one process writes to it at a time.

The system's own lock, where the file system has locks: the system takes it back from a process that dies. Else, as on some
network file systems, a file stands in for it that names the process, its machine and when it began. Where that process is dead,
its own machine takes the file for nobody's; another machine can't know.

Knows: locks, what stands in for them, whose they are; which folders were made for a lock alone.
Does not know: what else is in the folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from charlstm import run_files

LOCK_FILES = _LOCK, _STAND_IN = (run_files.LOCK, run_files.STAND_IN)
_LONGEST_LOOK = 0.3
"""Seconds: who only looks whether a folder is in use, holds its lock for a moment."""
_MOST_TRIES = 100


class InUse(Exception):
    """Another process has the lock."""


class FolderLock:
    """The lock of a folder, taken; where the folder is not there, it is made.

    InUse where another has the lock, in this process or another; OSError where there can be none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.note = ""
        """What a user should know of it; empty where it is the system's own."""
        for _ in range(_MOST_TRIES):
            self._made = _make(folder)
            try:
                self._lock = self._take()
                return
            except Timeout:
                raise InUse from None
            except FileNotFoundError:  # who had made the folder has just given it up again
                continue
        raise InUse

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def give_up(self) -> None:
        """Give it back, and the folder too where nothing else came into it, with those that were made for it."""
        if is_bare(self.folder):
            with suppress(OSError):  # someone else wants it just now
                for name in LOCK_FILES:
                    (self.folder / name).unlink(missing_ok=True)
                for folder in dict.fromkeys((self.folder, *self._made)):
                    folder.rmdir()
        self._lock.release()

    def _take(self) -> BaseFileLock:
        for name in LOCK_FILES:
            if (self.folder / name).is_symlink():  # of a folder that was copied as links: the lock of another one
                (self.folder / name).unlink()
        lock = _system_lock(self.folder)
        stand_in = _stand_in(self.folder)
        try:
            lock.acquire(timeout=_LONGEST_LOOK)
        except Timeout:
            raise
        except OSError as refused:
            with (self.folder / _LOCK).open("a"):  # raises where the file was the trouble, and not the lock
                pass
            self.note = (
                f"the file system of {self.folder} has no locks ({refused.strerror}): the file {_STAND_IN} keeps others out; "
                "remove it if this machine dies"
            )
            stand_in.acquire(timeout=_LONGEST_LOOK)
            return stand_in
        try:
            if (self.folder / _STAND_IN).exists():  # of a machine that can't lock here
                stand_in.acquire(timeout=_LONGEST_LOOK).lock.release()
        except BaseException:
            lock.release()
            raise
        return lock


def is_locked(folder: Path) -> bool:
    """Whether a process has the lock of a folder now."""
    found = [(name, lock) for name, lock in ((_LOCK, _system_lock), (_STAND_IN, _stand_in)) if (folder / name).is_file()]
    for _, lock in found:
        try:
            lock(folder).acquire(blocking=False).lock.release()
        except Timeout:
            return True
        except OSError:  # it may not be written to, and so is not; or there are no such locks
            continue
    return False


def whose(folder: Path) -> str:
    """Which process on which machine has the lock, where a file stands in for it, and what helps if it has died; or nothing."""
    with suppress(OSError, ValueError):
        process, machine, *_ = (folder / _STAND_IN).read_text(encoding="utf-8").splitlines()
        return f"if process {process} on {machine} has died, remove {folder / _STAND_IN}"
    return ""


def is_free(folder: Path) -> bool:
    """Whether a folder is not there, or was only ever locked: by a process that died before it wrote anything."""
    return not os.path.lexists(folder) or (is_bare(folder) and (folder / _LOCK).exists() and not is_locked(folder))


def is_bare(folder: Path) -> bool:
    """Whether a folder holds nothing but a lock."""
    try:
        return all(path.name in LOCK_FILES for path in folder.iterdir())
    except OSError:
        return False


def _system_lock(folder: Path) -> BaseFileLock:
    return FileLock(folder / _LOCK, thread_local=False, fallback_to_soft=False)


def _stand_in(folder: Path) -> BaseFileLock:
    return SoftFileLock(folder / _STAND_IN, thread_local=False)


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it -> those that were not there, the lowest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing
