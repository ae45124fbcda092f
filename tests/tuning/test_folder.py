from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.runs.folder import RunFolder
from charlstm.tuning.folder import SearchFolder


def test_a_trainings_folder_is_refused_and_a_searchs_is_not(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.trials.touch()
    folder.best_config.touch()
    folder.refuse_other()
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(RunError, match="holds a training and no search"):
        folder.refuse_other()


def test_what_a_crash_left_half_written_is_cleared(tmp_path: Path) -> None:
    left, foreign = tmp_path / ".best.toml.77.tmp", tmp_path / ".mine.tmp"
    left.touch()
    foreign.touch()
    with SearchFolder(tmp_path).locked():
        assert (left.exists(), foreign.exists()) == (False, True)


@pytest.mark.parametrize("name", ["trial", "best.toml", "notes.txt"])
def test_a_folder_of_something_else_is_refused_and_spared(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / ".lock").touch()  # as an earlier search that never began may leave it
    with pytest.raises(RunError, match=f"holds '{name}' and no search"):
        SearchFolder(tmp_path).refuse_other()


def test_a_training_does_not_move_into_the_folder_of_a_search(tmp_path: Path) -> None:
    SearchFolder(tmp_path).trials.touch()
    with pytest.raises(RunError, match="holds a search for settings: choose another run"):
        RunFolder(tmp_path).refuse_held(overwrite=True)
