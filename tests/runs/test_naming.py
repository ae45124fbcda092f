"""Names of runs and texts that a shell or a pattern could take for something else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.config import load_config
from charlstm.errors import CharlstmError
from charlstm.runs.folder import RunFolder
from charlstm.runs.naming import in_shell, with_absolute_paths
from charlstm.text.corpus import read_corpus
from tests.conftest import TINY, VERSE

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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("caf\udcc3\udca9.txt", "this locale can't spell the path '.*café.txt': set LC_ALL=C.UTF-8 in the environment"),
        ("caf\udce9.txt", "the path .*caf.udce9.txt' is not UTF-8: move or rename the text"),
    ],
)
def test_a_path_that_a_config_cannot_spell_is_told_by_its_reason(name: str, said: str) -> None:
    config = load_config().model_copy(update={"data": load_config().data.model_copy(update={"text": (name,)})})
    with pytest.raises(CharlstmError, match=said):
        with_absolute_paths(config)


@pytest.mark.parametrize(
    ("name", "said"),
    [("r\udcc3\udca9", "this locale can't spell: set LC_ALL=C.UTF-8"), ("r\udce9", "has a name that is not UTF-8")],
)
def test_so_is_the_name_of_a_run(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(CharlstmError, match=said):
        RunFolder(tmp_path / name).refuse_held(overwrite=False)


@pytest.mark.skipif(sys.platform == "win32", reason="locales are POSIX's")
def test_the_locale_that_is_named_helps(tmp_path: Path) -> None:
    (tmp_path / "café.txt").write_text("some words and more of them\n" * 40, encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_CTYPE", "PYTHONUTF8")}

    def dry_run(**environment: str) -> subprocess.CompletedProcess[bytes]:
        small = [word for setting in TINY for word in ("--set", setting)]
        command = [sys.executable, "-m", "charlstm", "train", "café.txt", "--dry-run", *small]
        return subprocess.run(command, cwd=tmp_path, env={**plain, **environment}, capture_output=True, check=False)

    refused = dry_run(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert b"set LC_ALL=C.UTF-8 in the environment" in refused.stderr
    assert dry_run(LC_ALL="C.UTF-8", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0").returncode == 0
