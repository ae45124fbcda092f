"""Where other libraries keep what they keep: in this program's cache folder, and not in folders of theirs in the home.

Knows: that they ask the environment when they are imported.
Does not know: the libraries.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from charlstm.user_folders import cache_folder


@contextmanager
def own_folder(variable: str, name: str, theirs: Sequence[str] = ()) -> Iterator[None]:
    """While open, a library that looks for its folder in the environment finds one in this program's cache there.

    One that the user has named stays, and so does one of `theirs`, such as `~/.config/it`, that holds something: the user's
    settings for that library. Afterwards the environment is as it was, since what else this process does is not ours.
    """
    if os.environ.get(variable) or any(map(_holds_something, theirs)):
        yield
        return
    os.environ[variable] = _made(name)
    try:
        yield
    finally:
        os.environ.pop(variable, None)


def _holds_something(folder: str) -> bool:
    return any(Path(os.path.expanduser(os.path.expandvars(folder))).glob("*"))  # noqa: PTH111 (which fails where there is no home)


@cache
def _made(name: str) -> str:
    """A folder to write to; where there can be none in the cache, one that goes when the process ends."""
    folder = cache_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        pass
    else:
        if os.access(folder, os.W_OK | os.X_OK):
            return str(folder)
    return _temporary_folder().name


@cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Removes itself when the process ends."""
    return tempfile.TemporaryDirectory(prefix="charlstm-", ignore_cleanup_errors=True)
