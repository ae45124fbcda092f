"""What is written is all there, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from charlstm.errors import SaveError
from charlstm.files import write_atomically


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
