"""What is written is all there, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from charlstm.errors import SaveError
from charlstm.files import append_bytes, write_atomically, write_output
from tests.conftest import refusing


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_have_the_mode_that_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "f", [b"x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    write_atomically(file, [b"old"])
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(SaveError, match="No space left on device"):
        write_atomically(file, [b"n", b"ew"])
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_the_file_before_is_kept_where_asked(tmp_path: Path) -> None:
    file, previous = tmp_path / "f", tmp_path / "p"
    for data in (b"1", b"2", b"3"):
        write_atomically(file, [data], previous)
    assert (file.read_bytes(), previous.read_bytes()) == (b"3", b"2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "p"]


def test_the_file_before_is_kept_without_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    test_the_file_before_is_kept_where_asked(tmp_path)


def test_a_file_that_has_both_names_already_is_replaced_all_the_same(tmp_path: Path) -> None:
    """As a crash between the two renames leaves it."""
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "p").hardlink_to(tmp_path / "f")
    write_atomically(tmp_path / "f", [b"2"], tmp_path / "p")
    assert [(tmp_path / name).read_bytes() for name in "fp"] == [b"2", b"1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "p"]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "f").chmod(0o640)
    write_atomically(tmp_path / "f", [b"x"])
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="links are for all only there")
def test_an_output_goes_where_a_link_leads_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "relative").symlink_to("store/f")
    (tmp_path / "twice").symlink_to(tmp_path / "relative")
    for number, name in enumerate(["relative", "twice"]):  # at first it leads to nowhere
        assert write_output(tmp_path / name, [b"content", b" %d" % number]) == 9
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "store" / "f").read_bytes() == b"content %d" % number
    assert sorted(p.name for p in (tmp_path / "store").iterdir()) == ["f"]
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "lost").symlink_to(tmp_path / "missing" / "f")
    for name in ("circle", "lost"):
        with pytest.raises(SaveError, match="can't write"):
            write_output(tmp_path / name, [b"x"])
    write_atomically(tmp_path / "relative", [b"a run's own"])
    assert not (tmp_path / "relative").is_symlink(), "a run is what its folder holds, and a store is not written to"
    assert (tmp_path / "store" / "f").read_bytes() == b"content 1"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="it is not everywhere")
def test_an_output_can_be_a_pipe_a_device_or_what_is_open_already(tmp_path: Path) -> None:
    assert write_output(Path(os.devnull), [b"x"]) == 1
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as readers:
        read = readers.submit((tmp_path / "pipe").read_bytes)
        write_output(tmp_path / "pipe", [b"through ", b"it"])
        assert read.result() == b"through it"
    with (tmp_path / "log").open("ab") as log:
        log.write(b"before ")
        log.flush()
        (tmp_path / "link").symlink_to(f"/dev/fd/{log.fileno()}")
        for place in (Path(f"/dev/fd/{log.fileno()}"), tmp_path / "link"):
            write_output(place, [b"written "])
        log.write(b"after")
    assert (tmp_path / "log").read_bytes() == b"before written written after"
    with pytest.raises(SaveError, match="can't write"):
        write_output(Path("/dev/fd/999"), [b"x"])
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        write_output(Path(f"/dev/fd/{writing}"), [b"x"])
    os.close(writing)


def test_where_no_file_can_be_made_the_one_that_is_there_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"what was there before")
    monkeypatch.setattr("charlstm.files._can_make_files", lambda folder: False)

    def fails() -> Iterator[bytes]:
        yield b"half"
        raise KeyError

    with pytest.raises(KeyError):
        write_output(file, fails())
    assert file.read_bytes() == b"what was there before"
    write_output(file, [b"n", b"ew"])
    assert file.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_protected_file_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"mine")
    (tmp_path / "f").chmod(0o400)
    if os.geteuid() == 0:  # who may write to it all the same
        monkeypatch.setattr(Path, "open", refusing(errno.EACCES))
    with pytest.raises(SaveError, match="Permission denied"):
        write_output(tmp_path / "f", [b"x"])
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"mine"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_knows_no_fsync_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(os, "fsync", refusing(number))
    write_atomically(tmp_path / "f", [b"x"])
    append_bytes(tmp_path / "f", b"y")
    assert (tmp_path / "f").read_bytes() == b"xy"
