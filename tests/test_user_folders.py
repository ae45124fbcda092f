from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from charlstm.sampling.engines import graph_cache
from charlstm.text.cache import TextCache
from charlstm.text.datasets import find
from charlstm.user_folders import cache_folder, state_folder, temporary_folder


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


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; and a folder at hand, which nothing may be written to."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other conventions")
@pytest.mark.parametrize("home", [None, "", "relative", "file", "missing"])
def test_without_a_home_what_is_cached_is_private_and_temporary(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    """And never where the program happens to run."""
    monkeypatch.setattr("pwd.getpwuid", lambda user: {}[user])
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", str(temporary / home) if home in ("file", "missing") else home)
        (temporary / "file").touch()
    folder = cache_folder("x")
    assert folder == temporary / f"charlstm-{os.getuid()}" / "x"
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert not state_folder().parent.is_dir(), "what is typed is kept nowhere"
    assert not (temporary / "missing").exists()
    assert not list(Path.cwd().iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other conventions")
def test_what_the_environment_names_is_taken_where_it_can_be_there(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder("x") in (temporary / ".cache/charlstm/x", temporary / f"charlstm-{os.getuid()}" / "x")
    (temporary / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(temporary / "file"))
    assert cache_folder("x") == temporary / f"charlstm-{os.getuid()}" / "x"
    monkeypatch.setenv("XDG_CACHE_HOME", str(temporary / "new" / "folder"))
    assert cache_folder("x") == temporary / "new/folder/charlstm/x"


@pytest.mark.skipif(os.name != "posix", reason="users and modes are POSIX's")
@pytest.mark.parametrize("is_there", ["open to all", "a link", "a file", "someone else's"])
def test_a_temporary_folder_that_others_could_have_made_is_not_used(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, is_there: str
) -> None:
    folder = temporary / f"charlstm-{os.getuid()}"
    if is_there == "a link":
        folder.symlink_to(temporary)
    elif is_there == "a file":
        folder.touch()
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o777 if is_there == "open to all" else 0o700)
    if is_there == "someone else's":
        user = os.getuid()
        monkeypatch.setattr("os.getuid", lambda: user + 1)
        folder.rename(temporary / f"charlstm-{user + 1}")
    with pytest.raises(OSError, match="Not a directory"):
        temporary_folder().mkdir(parents=True)


@pytest.mark.skipif(os.name != "posix", reason="users and modes are POSIX's")
def test_the_folder_at_hand_is_no_folder_for_temporary_files(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes it where there is no other."""
    monkeypatch.setattr("tempfile.tempdir", str(Path.cwd()))
    assert not temporary_folder().exists()
    assert not list(Path.cwd().iterdir())
