"""A run that the tests of the front door share, and a model that was loaded from it."""

from __future__ import annotations

from pathlib import Path

import pytest

import charlstm
from tests.conftest import VERSE


@pytest.fixture(scope="session")
def poems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of some thousand characters."""
    file = tmp_path_factory.mktemp("front-door") / "poems.txt"
    file.write_text(VERSE, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def run(poems: Path) -> charlstm.Run:
    """Nothing may change it."""
    return charlstm.train(poems, run=poems.parent / "run", epochs=2, hidden_size=16, embedding_size=8, curves=False)


@pytest.fixture(scope="session")
def model(run: charlstm.Run) -> charlstm.Model:
    """The same."""
    return run.model()
