"""Where files are kept that belong to a user and to no run.

Knows: each system's conventions, through platformdirs: on Linux XDG_CACHE_HOME and XDG_STATE_HOME, else folders in the home.
Does not know: what is kept. It makes no folder.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder(name: str) -> Path:
    """The folder of that name for what can be made or fetched again."""
    return platformdirs.user_cache_path("charlstm", appauthor=False) / name


def state_folder() -> Path:
    """The folder for what a user would miss, but not take to another machine."""
    return platformdirs.user_state_path("charlstm", appauthor=False)
