"""Columns of a table on terminals of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from charlstm.views.console import room
from charlstm.views.tables import Column, aligned, layout, print_table
from charlstm.views.terminal import shortened

COLUMNS = [
    Column("name", least=8),
    Column("text", gone=2, least=6, lines=3),
    Column("loss", is_right=True),
    Column("time", gone=3, is_right=True),
    Column("state", gone=1),
]
ROW = ["a-name-that-is-long-1", "one two three four five six seven", "1.2345", "12 min", "finished"]


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (None, [0, 1, 2, 3, 4]),
        (200, [0, 1, 2, 3, 4]),
        (42, [0, 1, 2, 3, 4]),
        (41, [0, 1, 2, 4]),
        (34, [0, 1, 2, 4]),
        (33, [0, 2, 4]),
        (26, [0, 2, 4]),
        (25, [0, 2]),
        (16, [0, 2]),
        (15, [0]),
        (1, [0]),
    ],
)
def test_the_least_important_goes_first_and_the_name_never(most: int | None, shown: list[int]) -> None:
    assert list(layout(COLUMNS, [len(cell) for cell in ROW], most)) == shown


@given(st.lists(st.integers(0, 60), min_size=5, max_size=5), st.integers(1, 120))
def test_a_table_fits_wherever_and_wastes_nothing(natural: list[int], most: int) -> None:
    widths = layout(COLUMNS, natural, most)
    total = sum(widths.values()) + 2 * (len(widths) - 1)
    assert 0 in widths
    assert total <= most or widths == {0: natural[0]}
    assert all(width <= natural[i] for i, width in widths.items() if len(widths) > 1)
    assert total == most or len(widths) == 1 or all(width == natural[i] for i, width in widths.items())


@given(st.text(st.sampled_from("ab日😀é"), max_size=40), st.integers(1, 30))
def test_a_shortened_name_keeps_both_its_ends_and_fits(name: str, width: int) -> None:
    short = shortened(name, width)
    assert cell_len(short) <= width
    if cell_len(name) <= width:
        assert short == name
    else:
        begin, _, end = short.partition("…")
        assert name.startswith(begin)
        assert name.endswith(end)
        assert cell_len(short) >= width - 2


def test_wide_characters_are_counted_as_two() -> None:
    assert aligned("日本", 6) == "日本  "
    assert aligned("日本", 6, is_right=True) == "  日本"


def table(capsys: pytest.CaptureFixture[str], *rows: list[str]) -> list[str]:
    print_table(COLUMNS, [[*map(Text, row)] for row in rows])
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("columns", ["1", "30", "abc", "²", "0", ""])
def test_where_there_is_no_terminal_a_row_is_a_line_and_whole(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    name = "日本" * 100
    lines = table(capsys, ROW, [name, *ROW[1:]])
    assert len(lines) == 3
    for cell in (name, *ROW[1:]):
        assert cell in lines[2]


@pytest.mark.parametrize(("columns", "most"), [("1", 1), ("12", 12), ("37", 37), ("80", 80), ("abc", 80), ("²", 80), ("0", 80)])
def test_on_a_terminal_no_line_is_wider_and_none_takes_many(
    columns: str, most: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "dumb")
    assert room(stderr=False) == most
    lines = table(capsys, ROW, ["日本語" * 60, "x" * 500, *ROW[2:]])
    assert all(cell_len(line) <= most for line in lines)
    assert len(lines) <= 1 + 3 + 3
    assert "…" in "".join(lines)


def test_a_cell_is_folded_at_its_words_and_shortened_only_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "54")
    monkeypatch.setenv("TERM", "dumb")
    head, *lines = table(capsys, ["a-name", *ROW[1:]])
    assert head.split() == [column.title for column in COLUMNS]
    assert [line.split("  ")[0] for line in lines] == ["a-name", ""]
    assert " ".join(" ".join(line[8:30].split()) for line in lines) == ROW[1]
