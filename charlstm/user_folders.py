"""Where files are kept that belong to a user and to no run.

Knows: each system's conventions, through platformdirs: on Linux XDG_CACHE_HOME and XDG_STATE_HOME, else folders in the home.
Also that a user may have no home, as in a container: then they lie in a folder for temporary files, private to the user, and
never where the program happens to run.
Does not know: what is kept. It makes no folder of a home; that private one it makes.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

_NOWHERE = Path(os.devnull) / "charlstm"
"""Where nothing can be: what is looked for is not there, and what is written fails as on a full disk."""


def home_folder() -> Path | None:
    """The user's home; None where there is none, as for a user without a name, or where HOME names none."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (which does not raise where there is none)
    is_named = os.name != "posix" or os.environ.get("HOME", "/") != ""
    return home if is_named and home.is_absolute() and home.is_dir() else None


def cache_folder(name: str) -> Path:
    """The folder of that name for what can be made or fetched again."""
    return (
        _folder_or("XDG_CACHE_HOME", lambda: platformdirs.user_cache_path("charlstm", appauthor=False), temporary_folder) / name
    )


def state_folder() -> Path:
    """The folder for what a user would miss, but not take to another machine; without a home nothing is kept."""
    return _folder_or("XDG_STATE_HOME", lambda: platformdirs.user_state_path("charlstm", appauthor=False), lambda: _NOWHERE)


def temporary_folder() -> Path:
    """A folder for temporary files, which no other user can read or write."""
    try:
        folder = Path(tempfile.gettempdir()) / f"charlstm-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        if folder.parent == Path.cwd() or not folder.is_absolute():
            return _NOWHERE  # there is no place for temporary files: the folder at hand is Python's last resort, and not ours
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder if _is_private(folder.lstat()) else _NOWHERE
    except OSError:
        return _NOWHERE


def _folder_or(variable: str, conventional: Callable[[], Path], instead: Callable[[], Path]) -> Path:
    """The conventional folder, if it is there or can be made; a home that is not there is not made."""
    is_named = Path(os.environ.get(variable, "")).is_absolute()  # one that is relative is to be ignored, says the standard
    try:
        folder = conventional() if is_named or home_folder() else Path()
        return folder if folder.is_absolute() and _can_be(folder) else instead()
    except OSError:  # nobody may look there
        return instead()


def _can_be(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there == folder or (there.is_dir() and os.access(there, os.W_OK | os.X_OK))


def _is_private(found: os.stat_result) -> bool:
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return stat.S_ISDIR(found.st_mode) and own and not (hasattr(os, "getuid") and found.st_mode & 0o077)
