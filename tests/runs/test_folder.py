from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charlstm.errors import RunError, SaveError
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Point
from tests.conftest import file_size_limit, refusing


def test_records_are_lines_of_json(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append_metrics({"step": 1, "loss": 0.5})
    folder.append_metrics({"step": 2, "loss": 0.25})
    assert [json.loads(line)["step"] for line in folder.metrics.read_text(encoding="utf-8").splitlines()] == [1, 2]
    folder.append_sample(1, "epoch 1", "to be\n★")
    assert "=== step 1, epoch 1\nto be\n★\n" in folder.samples.read_text(encoding="utf-8")


def test_a_curve_is_what_the_records_say(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.curve() == []
    folder.append_metrics({"step": 9, "epoch": 1, "train_loss": 1.5, "validation_loss": 1.25})
    assert folder.curve() == [Point(9, 1, 1.5, 1.25)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SaveError, match="can't write"), RunFolder(tmp_path / "file" / "run").locked():
        pass


def test_logs_go_back_to_what_they_held_at_a_save(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append_metrics({"step": step})
        folder.append_sample(step, "epoch 1", f"sample {step}")
        if step == 2:
            marks, metrics, samples = folder.marks(), folder.metrics.read_bytes(), folder.samples.read_bytes()
    assert folder.go_back_to(marks) == []
    assert folder.metrics.read_bytes() == metrics == b'{"step": 1}\n{"step": 2}\n'
    assert folder.samples.read_bytes() == samples == b"=== step 1, epoch 1\nsample 1\n\n=== step 2, epoch 1\nsample 2\n\n"


def test_a_log_that_is_not_as_it_was_written_is_named_and_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append_metrics({"step": 1})
    folder.append_metrics({"step": 2})
    marks = folder.marks()
    folder.metrics.write_bytes(folder.metrics.read_bytes()[:-3])  # cut short
    assert folder.go_back_to(marks) == ["metrics.jsonl"]
    assert folder.metrics.read_bytes() == b'{"step": 1}\n'
    folder.metrics.write_bytes(b'{"step": 1}\n{"step": 3}\n')  # one bit flipped
    assert folder.go_back_to(marks) == ["metrics.jsonl"]
    assert folder.metrics.read_bytes() == b'{"step": 1}\n{"step": 3}\n'


def test_a_folder_in_use_is_refused_until_it_is_free(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        folder.append_metrics({"step": 1})
        with pytest.raises(RunError, match="another training is writing to"), folder.locked():
            pass
        with pytest.raises(RunError, match="another training is writing to"):
            folder.refuse_held(overwrite=True)
    with folder.locked():
        pass


def test_a_picture_makes_no_run_and_goes_with_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.curves.write_bytes(b"of several runs")
    folder.refuse_held(overwrite=False)
    folder.append_metrics({"step": 1})
    assert folder.held() == [folder.metrics]
    folder.start(overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_half_written_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".resume.safetensors.4242.tmp").write_bytes(b"half")
    mine = ["notes.tmp", ".thesis.tmp", ".thesis.12.tmp", ".best.safetensors.tmp"]
    for name in mine:
        (tmp_path / name).write_bytes(b"mine")
    with RunFolder(tmp_path).locked():
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([".lock", *mine])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_log_on_a_full_disk_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.symlink_to("/dev/full")
    with pytest.raises(SaveError, match="No space left on device"):
        folder.append_metrics({"step": 1})


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_line_that_does_not_fit_leaves_no_part_of_itself(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append_metrics({"step": 1})
    before = folder.metrics.read_bytes()
    with file_size_limit(len(before) + 5), pytest.raises(SaveError, match=r"can't write .*metrics.jsonl"):
        folder.append_metrics({"step": 2})
    assert folder.metrics.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="links are for all only there")
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_run_that_goes_on_adds_nothing_to_what_another_folder_has_too(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    """As where a run was copied by links, or lies in a store of files by their content."""
    store, folder = RunFolder(tmp_path / "store"), RunFolder(tmp_path / "run")
    for one in (store, folder):
        one.path.mkdir()
    store.append_metrics({"step": 1})
    store.append_sample(1, "epoch 1", "sample")
    link(folder.metrics, store.metrics)
    link(folder.samples, store.samples)
    before = store.marks()
    assert folder.go_back_to(before) == []
    folder.append_metrics({"step": 2})
    folder.append_sample(2, "epoch 1", "sample")
    assert store.marks() == before
    assert folder.marks() != before


@pytest.mark.parametrize("log", ["metrics", "samples"])
def test_a_log_that_cannot_be_written_is_said_before_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    folder = RunFolder(tmp_path)
    folder.append_metrics({"step": 1})
    folder.append_sample(1, "epoch 1", "sample")
    file, opened = getattr(folder, log), Path.open

    def protected(self: Path, mode: str = "r", *more: Any) -> Any:
        return refusing(errno.EACCES)() if self == file and mode != "rb" else opened(self, mode, *more)

    monkeypatch.setattr(Path, "open", protected)
    with pytest.raises(SaveError, match=f"can't write {file}: Permission denied"):
        folder.go_back_to(folder.marks())
