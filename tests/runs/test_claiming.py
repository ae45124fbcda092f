"""Which folder a run takes: free names, many at once, and the newest run."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from charlstm.runs.claiming import claimed, new_run_folder, newest_run
from charlstm.runs.folder import RunFolder
from charlstm.tuning.folder import SearchFolder
from tests.conftest import refusing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock is POSIX's")


def test_new_runs_are_numbered(tmp_path: Path) -> None:
    for expected in ("x", "x-2", "x-3"):
        folder = new_run_folder("x", tmp_path)
        assert folder.path == tmp_path / expected
        folder.path.mkdir()


@pytest.mark.parametrize("has_locks", [True, False])
def test_names_that_are_claimed_at_once_are_all_different(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_locks: bool
) -> None:
    """Threads of one process; scripts/torture.py has processes."""
    if not has_locks:
        monkeypatch.setattr("fcntl.flock", refusing(errno.ENOLCK))
    (tmp_path / "x-3").mkdir()  # someone's
    taken, count = list[str](), 12
    begin, have = threading.Barrier(count), threading.Barrier(count)

    def claim() -> None:
        begin.wait()
        with claimed(RunFolder, "x", lambda note: None, tmp_path) as folder:
            taken.append(folder.path.name)
            have.wait()

    threads = [threading.Thread(target=claim) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == sorted(["x", "x-2", *(f"x-{i}" for i in range(4, count + 2))])
    assert [path.name for path in tmp_path.iterdir()] == ["x-3"], "what nothing came into is gone"


def test_a_claim_that_came_to_nothing_leaves_nothing_and_what_a_kill_left_of_one_is_free(tmp_path: Path) -> None:
    under = tmp_path / "runs"
    with pytest.raises(KeyError), claimed(SearchFolder, "x", lambda note: None, under):
        raise KeyError
    assert not under.exists()
    (under / "x").mkdir(parents=True)
    (under / "x" / ".lock").touch()
    assert new_run_folder("x", under).path == under / "x"
    with claimed(RunFolder, "x", lambda note: None, under) as folder:
        assert folder.path == under / "x"
        assert new_run_folder("x", under).path == under / "x-2"
        folder.metrics.touch()
    assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "metrics.jsonl"]


def test_a_link_to_nowhere_has_the_name_it_has(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "missing")
    (tmp_path / "x-2").touch()
    with claimed(RunFolder, "x", lambda note: None, tmp_path) as folder:
        assert folder.path == tmp_path / "x-3"


def test_the_newest_run_is_found_beside_links_to_nowhere_and_under_odd_names(tmp_path: Path) -> None:
    under = tmp_path / "w [x]*?"
    for name in ("a [1]", "b"):
        (under / name).mkdir(parents=True)
    (under / "a [1]" / "resume.safetensors").touch()
    (under / "b" / "resume.safetensors").symlink_to(under / "missing")
    assert newest_run(under).path == under / "a [1]"
