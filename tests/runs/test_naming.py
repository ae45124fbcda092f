"""Names of runs and texts that a shell or a pattern could take for something else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.config import load_config
from charlstm.runs.naming import in_shell, with_absolute_paths
from charlstm.text.corpus import read_corpus
from tests.conftest import VERSE

ODD = [
    "w [x]",
    "a*b",
    "what?",
    "-x",
    "--run",
    "it's",
    'say "so"',
    "$HOME",
    "a\\b",
    "one\ntwo",
    "tab\t",
    "bell\x07",
    "\N{SNOWMAN}",
    "~",
]


@pytest.mark.skipif(sys.platform == "win32", reason="its shells and names are others")
@pytest.mark.parametrize("name", [*ODD, os.fsdecode(b"not \xff UTF-8")])
def test_a_shell_reads_a_path_as_it_is(name: str) -> None:
    said = subprocess.run(["bash", "-c", f"printf %s {in_shell(name)}"], capture_output=True, check=True).stdout
    assert os.fsdecode(said).removeprefix("./") == name
    if name.isprintable():
        assert shlex.split(in_shell(name))[0].removeprefix("./") == name
    assert in_shell(name).isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="its names are others")
@pytest.mark.parametrize("name", ODD)
def test_a_config_in_a_folder_of_any_name_finds_its_texts_and_so_does_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    (folder / "texts").mkdir(parents=True)
    for text in ("a.txt", "b [1].txt"):
        (folder / "texts" / text).write_text(VERSE, encoding="utf-8")
    for source, count in (("texts/*.txt", 2), ("texts", 2), ("texts/b [1].txt", 1), ("**/*.txt", 2)):
        (folder / "c.toml").write_text(f'[data]\ntext = "{source}"\n', encoding="utf-8")
        config = load_config(folder / "c.toml")
        assert len(read_corpus(config.data.text).names) == count, source
        monkeypatch.chdir(folder)
        absolute = with_absolute_paths(load_config(None, data={"text": source}))
        monkeypatch.chdir("/")
        assert len(read_corpus(absolute.data.text).names) == count, source
