from __future__ import annotations

import sys
from pathlib import Path

import pytest

from charlstm.sampling.engines import graph_cache
from charlstm.text.cache import TextCache
from charlstm.text.datasets import find
from charlstm.user_folders import cache_folder, state_folder


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other conventions")
def test_the_environment_names_them_and_else_the_home_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert (cache_folder("texts"), state_folder()) == (tmp_path / "cache/charlstm/texts", tmp_path / "state/charlstm")
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (cache_folder("x"), state_folder()) == (tmp_path / ".cache/charlstm/x", tmp_path / ".local/state/charlstm")
    assert not list(tmp_path.iterdir()), "asking makes none"


def test_all_that_is_cached_lies_together() -> None:
    kept = {TextCache().folder, find("text8").path.parent, graph_cache._file("key").parent}
    assert kept == {cache_folder(name) for name in ("texts", "data", "engines")}
