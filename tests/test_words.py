from __future__ import annotations

import pytest

from charlstm.words import counted


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(1, "epoch"), "1 epoch"),
        (counted("1", "epoch"), "1 epoch"),
        (counted("0.5", "epoch"), "0.5 epochs"),
        (counted(1, "line", "ends"), "1 line ends"),
        (counted(1_000, "line", "ends"), "1,000 lines end"),
    ],
)
def test_one_is_one_and_all_else_is_many(said: str, expected: str) -> None:
    assert said == expected
