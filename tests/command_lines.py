"""Command lines as a user types them, in this process, for tests that hold messages and pages true."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

import charlstm as front_door
from charlstm.cli import main
from tests.conftest import TINY

PACKAGE = Path(front_door.__file__).parent
WORDS = {
    "QUICK": " ".join(f"--set {setting}" for setting in (*TINY, "train.max_steps=2")),
    "FEW": "--set train.max_steps=2 --set train.batch_size=4 --set train.seq_len=8 --set track.curves=false",
    "LONG": "green" * 2100,
    "NEWLINE": "\n",
    "NOTUTF8": "\udcff",
    "RUNS": "runs/verse " * 53,
}
"""What stands for more in a command line."""


def charlstm(line: str) -> int:
    """A command line within this process, its standard input after a `<` -> its exit code."""
    for word, more in WORDS.items():
        line = line.replace(word, more)
    line, _, piped = line.partition(" < ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode()), encoding="utf-8"))
        return main(shlex.split(line))
