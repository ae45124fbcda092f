"""Where other libraries keep what they keep: in this program's cache folder, and not in folders of theirs in the home.

Knows: that they ask the environment when they are imported.
Does not know: the libraries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from charlstm.user_folders import cache_folder, temporary_folder


@contextmanager
def own_folder(variable: str, name: str, theirs: Sequence[str] = ()) -> Iterator[None]:
    """While open, a library that looks for its folder in the environment finds one in this program's cache there.

    One that the user has named stays, and so does one of `theirs`, such as `~/.config/it`, that holds something: the user's
    settings for that library. Afterwards the environment is as it was, since what else this process does is not ours.
    """
    if os.environ.get(variable) or any(map(_holds_something, theirs)) or not (folder := _writable(name)):
        yield
        return
    os.environ[variable] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(variable, None)


def _holds_something(folder: str) -> bool:
    return any(Path(os.path.expanduser(os.path.expandvars(folder))).glob("*"))  # noqa: PTH111 (which fails where there is no home)


def _writable(name: str) -> Path | None:
    """A folder to write to, in the cache or else among temporary files; None where there can be none."""
    for place in (cache_folder, lambda name: temporary_folder() / name):
        with suppress(OSError):
            folder = place(name)
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    return None
