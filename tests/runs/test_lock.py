"""Who may write to a folder: with locks and without, one at a time and many at once."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from charlstm.errors import RunError, SaveError
from charlstm.runs.folder import RunFolder
from tests.conftest import refusing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock is POSIX's")
WITHOUT_LOCKS = [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EIO, errno.EPERM]


@pytest.fixture(params=WITHOUT_LOCKS, ids=os.strerror)
def without_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system."""
    monkeypatch.setattr("fcntl.flock", refusing(request.param))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_where_there_are_no_locks_a_file_stands_in(without_locks: None, tmp_path: Path) -> None:
    folder, notes = RunFolder(tmp_path / "r"), list[str]()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / ".lock").touch()  # of a training when there were locks
    for _ in range(2):
        assert not folder.is_in_use()
        with folder.locked(notes.append):
            assert folder.is_in_use()
            gone = f"if process {os.getpid()} on {socket.gethostname()} has died, remove {folder.path / '.lock-instead'}"
            with pytest.raises(RunError, match=f"another training is writing to .*; {gone}"), folder.locked():
                pass
    assert len(notes) == 2
    assert "has no locks" in notes[0]
    assert names(folder.path) == [".lock"]


def test_what_stands_in_for_a_dead_process_is_taken_over(without_locks: None, tmp_path: Path) -> None:
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    stand_in = tmp_path / ".lock-instead"
    stand_in.write_text(f"{died.pid}\n{socket.gethostname()}\n", encoding="utf-8")
    stand_in.chmod(0o600)
    assert not RunFolder(tmp_path).is_in_use()
    stand_in.write_text(f"{died.pid}\n{socket.gethostname()}\n", encoding="utf-8")
    with RunFolder(tmp_path).locked():
        assert str(os.getpid()) in stand_in.read_text(encoding="utf-8")


@pytest.mark.parametrize("has_locks", [True, False])
def test_another_machines_process_is_not_taken_for_dead_and_the_remedy_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_locks: bool
) -> None:
    if not has_locks:
        monkeypatch.setattr("fcntl.flock", refusing(errno.ENOLCK))
    folder, stand_in = RunFolder(tmp_path), tmp_path / ".lock-instead"
    stand_in.write_text("1\nelsewhere\n", encoding="utf-8")
    assert folder.is_in_use()
    with pytest.raises(RunError, match=f"if process 1 on elsewhere has died, remove {stand_in}"), folder.locked():
        pass
    stand_in.unlink()
    with folder.locked():
        pass


def test_a_link_to_another_folders_lock_is_none(tmp_path: Path) -> None:
    """As in a copy of a folder that is made of links."""
    (tmp_path / "copy").mkdir()
    with RunFolder(tmp_path / "run").locked():
        (tmp_path / "copy" / ".lock").symlink_to(tmp_path / "run" / ".lock")
        with RunFolder(tmp_path / "copy").locked():
            assert not (tmp_path / "copy" / ".lock").is_symlink()


def test_a_lock_that_cannot_be_made_is_no_lack_of_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(SaveError, match="can't write"), RunFolder(tmp_path).locked():
        pass


def test_a_folder_that_vanishes_while_it_is_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when another start gives up the name that both wanted."""
    make, left = Path.mkdir, [1, 2]

    def vanish(self: Path, *arguments: object, **more: object) -> None:
        make(self, *arguments, **more)  # type: ignore[arg-type]
        if left:
            left.pop()
            self.rmdir()

    with ExitStack() as stack:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", vanish)
            stack.enter_context(RunFolder(tmp_path / "r").locked())
        assert (tmp_path / "r" / ".lock").exists()
        assert not left
