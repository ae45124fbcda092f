from __future__ import annotations

import json

import pytest

from charlstm.runs.records import Point, read_curve

RECORD = {"step": 30, "epoch": 2, "train_loss": 1.5, "validation_loss": 1.6, "bpc": 2.3, "learning_rate": 0.001}
LINE = json.dumps(RECORD).encode()


def test_a_curve_is_read_back() -> None:
    assert read_curve(LINE + b"\n" + LINE + b"\n") == [Point(30, 2, 1.5, 1.6)] * 2
    assert read_curve(b"") == []


NO_LOSSES: list[object] = [float("nan"), float("inf"), -1.0, 0.0, [], "x"]
NO_STEPS: list[object] = [0, -1, 1.5, True, None, "30", []]


@pytest.mark.parametrize(
    "line",
    [
        LINE[:-20],  # a crash
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[30, 2, 1.5, 1.6]",
        b'"step epoch train_loss validation_loss"',
        b"[" * 100_000,
        b'{"step": ' + b"9" * 5_000 + b"}",
        *(json.dumps({**RECORD, "step": value}).encode() for value in NO_STEPS),
        *(json.dumps({**RECORD, "validation_loss": value}).encode() for value in NO_LOSSES),
        json.dumps({**RECORD, "train_loss": None}).encode(),
        json.dumps({key: value for key, value in RECORD.items() if key != "train_loss"}).encode(),
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)
def test_a_line_that_is_no_record_is_passed_over(line: bytes) -> None:
    assert read_curve(LINE + b"\n" + line + b"\n" + LINE) == [Point(30, 2, 1.5, 1.6)] * 2


def test_a_run_without_a_validation_part_has_a_curve_all_the_same() -> None:
    assert read_curve(json.dumps({**RECORD, "validation_loss": None}).encode()) == [Point(30, 2, 1.5, None)]
