from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from charlstm.config import Config
from charlstm.errors import SaveError
from charlstm.folder import RunFolder, new_run_folder, write_atomically


def test_records_are_lines_of_json(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append_metrics({"step": 1, "loss": 0.5})
    folder.append_metrics({"step": 2, "loss": 0.25})
    assert [json.loads(line)["step"] for line in folder.metrics.read_text(encoding="utf-8").splitlines()] == [1, 2]
    folder.append_sample(1, "epoch 1", "to be\n★")
    assert "=== step 1, epoch 1\nto be\n★\n" in folder.samples.read_text(encoding="utf-8")


def test_new_runs_are_numbered(tmp_path: Path) -> None:
    for expected in ("x", "x-2", "x-3"):
        folder = new_run_folder("x", tmp_path)
        assert folder.path == tmp_path / expected
        folder.path.mkdir()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_have_the_mode_that_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "f", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    write_atomically(file, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(SaveError, match="No space left on device"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SaveError, match="can't write"):
        RunFolder(tmp_path / "file" / "run").start(Config())


def test_records_of_later_steps_are_forgotten_and_a_line_cut_short_with_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append_metrics({"step": step})
        folder.append_sample(step, "epoch 1", f"sample {step}")
    with folder.metrics.open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "lo')
    folder.forget_after(2)
    assert folder.metrics.read_text(encoding="utf-8") == '{"step": 1}\n{"step": 2}\n'
    assert folder.samples.read_text(encoding="utf-8") == "=== step 1, epoch 1\nsample 1\n\n=== step 2, epoch 1\nsample 2\n\n"
