"""docs/troubleshooting.md: its commands run, its messages are those of the program, what it says helps.

A block of it is a terminal: a line that begins with `$` is a command, and the lines below are in what it says. A command with
such a line that begins with `charlstm:` fails, every other one succeeds. `…` stands for what differs from case to case.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_lines import PACKAGE, charlstm
from tests.conftest import VERSE

PAGE = (PACKAGE.parent / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
BLOCKS = [block for block in re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if block.startswith("$ ")]
QUOTED = re.findall(r"^\| `([^`]+)`", PAGE, re.MULTILINE)
"""Messages of cases that can't be made here: a full disk, a missing package."""

QUOTED_LINE = "“Well,” she said, “it’s café time”\n"
TEXTS = {
    "verse": VERSE.encode(),
    "star": ("green ★ bottles\n" * 30).encode(),
    "tiny": b"buy milk\n",
    "curly": (QUOTED_LINE * 30).encode("cp1252"),
    "wrong": ("“Well,” she said\n" * 50).encode() + b"\x81" + QUOTED_LINE.encode() * 50,
    "dos": VERSE.replace("\n", "\r\n").encode(),
    "decomposed": ("cafe\u0301 au lait\n" * 100).encode(),
    "joined": f"{VERSE}\ufeff{VERSE}".encode(),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, filled_once: Callable[..., Path]) -> Path:
    """The files that the page speaks of."""

    def fill(folder: Path) -> None:
        for name, text in TEXTS.items():
            (folder / f"{name}.txt").write_bytes(text)
        (folder / "book.pdf").write_bytes(b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n" + bytes(2000))
        (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert charlstm("train verse.txt QUICK --set train.max_steps=0") == 0
        shutil.copytree(folder / "runs", folder / "folder" / "runs")
        shutil.copy(folder / "verse.txt", folder / "folder")

    return filled_once("desk", fill)


def call(command: str) -> int:
    """The exit code of a command of the page, small and short where it trains."""
    line = command.removeprefix("charlstm ")
    is_new = line.startswith("train ") and "--resume" not in line
    return charlstm(f"{line} {'FEW' if '--from' in line else 'QUICK'}" if is_new else line)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0].removeprefix("$ charlstm "))
def test_a_block_runs_as_it_says(
    block: str, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(desk, tmp_path / "desk"))
    for step in block.removeprefix("$ ").split("\n$ "):
        command, *lines = step.strip().split("\n")
        capfd.readouterr()
        code = call(command)
        out, err = capfd.readouterr()
        said = " ".join((out + err).split())
        for line in lines:
            assert re.search(pattern_of(" ".join(line.split())), said), said
        assert (code != 0) is any(line.startswith("charlstm: ") for line in lines), said


def pattern_of(message: str) -> str:
    return ".*".join(map(re.escape, message.split("…")))


def texts_of_the_program() -> Iterator[str]:
    """Every text in its source, a `…` where an f-string has a value."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_that_is_quoted_exists(message: str) -> None:
    assert any(message in text for text in texts_of_the_program()), message


def test_a_message_that_is_none_would_be_found() -> None:
    texts = list(texts_of_the_program())
    assert any("another training is writing to …" in text for text in texts)
    assert not any("another training writes to …" in text for text in texts)


def test_the_page_has_cases_of_both_kinds() -> None:
    assert len(BLOCKS) >= 15
    assert len(QUOTED) > 10
