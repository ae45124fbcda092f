from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.search_folder import SearchFolder


def test_a_trainings_folder_is_refused_and_a_searchs_is_not(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.trials.touch()
    folder.best_config.touch()
    folder.refuse_training()
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(RunError, match="holds a training and no search"):
        folder.refuse_training()


def test_what_a_crash_left_half_written_is_cleared(tmp_path: Path) -> None:
    left, foreign = tmp_path / ".best.toml.77.tmp", tmp_path / ".mine.tmp"
    left.touch()
    foreign.touch()
    with SearchFolder(tmp_path).locked():
        assert (left.exists(), foreign.exists()) == (False, True)
