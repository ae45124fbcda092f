"""Nothing leaves the machine unasked: what is written lies where the user expects it, and nobody is told of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.test_play import READY, model, needs_terminal, on_terminal
from tests.conftest import TINY, VERSE
from tests.shims import compiled

__all__ = ["model"]

_TELLING = ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "ORT_DISABLE_TELEMETRY")
_COMMANDS = """
import shlex, sys
from charlstm.cli import main
for line in sys.argv[1].splitlines():
    code = main(shlex.split(line))
    assert code == 0, line
"""
_LINES = f"""
train verse.txt --run one {" ".join(f"--set {setting}" for setting in TINY)}
train --resume --run one --set train.epochs=3
sample one --length 20 --output sample.txt
sample one --length 20 --engine torch
sample one --length 20 --novelty verse.txt
sample one --length 9 --beam 2
score one verse.txt
eval one verse.txt --dynamic
inspect one verse.txt --html inspect.html
explain one green --html explain.html
memory one --output memory.png
classify --model a=one --model b=one verse.txt
compare one one
plot one --output curves.svg
runs .
info one
data list
tune tune.toml verse.txt --trials 2 --run found
"""
_SEARCH = '[model]\nhidden_size = 8\n[train]\nmax_steps = 2\n[tune]\n"train.learning_rate" = [0.001, 0.01]\n'
_PYTHON = """
import charlstm
run = charlstm.train("verse.txt", run="one", hidden_size=16, embedding_size=8, max_steps=2)
model = charlstm.load("one")
model.generate("on", length=20)
model.score("green bottles")
model.evaluate("verse.txt")
model.trace("green")
charlstm.plot("one", output="curves.svg")
run._repr_html_()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home, of a user who has set nothing up. Beside it is a folder to work in."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", *_TELLING):
        monkeypatch.delenv(name, raising=False)
    home, work = tmp_path / "home", tmp_path / "work"
    monkeypatch.setenv("HOME", str(home))
    home.mkdir()
    work.mkdir()
    (work / "verse.txt").write_text(VERSE)
    (work / "tune.toml").write_text(_SEARCH)
    return home


@pytest.fixture
def watched(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processes that are started from now on leave a line for all that they do outside of themselves."""
    monkeypatch.setenv("LD_PRELOAD", str(compiled("watch", tmp_path)))
    monkeypatch.setenv("WATCHED", str(tmp_path / "watched"))
    return tmp_path / "watched"


def unasked(watched: Path, home: Path) -> list[str]:
    """What was done beyond writing into the working folder, and into the program's own folders in the home."""
    own = (home.parent / "work", home / ".cache/charlstm", home / ".local/state/charlstm")
    asked = (
        f"write ({'|'.join(map(re.escape, map(str, own)))})(/.*)?",
        f"write {re.escape(str(home))}/.(cache|local(/state)?)",
    )
    silent = ("write /dev/(null|shm/.*|tty)", r"write .*/__pycache__(/.*)?")
    every = re.compile("|".join((*asked, *silent)))
    return [line for line in watched.read_text().splitlines() if not every.fullmatch(line)]


def run_python(code: str, *arguments: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_commands_write_where_they_are_asked_to_and_open_no_socket(watched: Path, home: Path) -> None:
    """All of them in one process, but for the pictures of a training; the one from Python below has those."""
    work = home.parent / "work"
    run_python(_COMMANDS, _LINES.strip(), folder=work)
    assert unasked(watched, home) == []
    given = {"verse.txt", "tune.toml"}
    outputs = {"one", "found", "sample.txt", "inspect.html", "explain.html", "memory.png", "curves.svg"}
    assert {path.name for path in work.iterdir()} == given | outputs
    assert {path.name for path in home.iterdir()} == {".cache"}


@pytest.mark.slow
def test_from_python_too(watched: Path, home: Path) -> None:
    run_python(_PYTHON, folder=home.parent / "work")
    assert unasked(watched, home) == []
    assert {path.name for path in (home / ".cache").iterdir()} == {"charlstm"}


@needs_terminal
def test_play_keeps_what_was_typed_and_nothing_else(model: Path, watched: Path, home: Path) -> None:
    with on_terminal(model, home.parent / "work") as terminal:
        terminal.wait_for(READY)
        terminal.type("abc\r")
        terminal.wait_for(READY)
        terminal.type("\x04")
        assert terminal.wait_for_end()[0] == 0
    assert unasked(watched, home) == []


def test_what_watches_would_notice(watched: Path, home: Path) -> None:
    """What the tests above look at is really seen: they would also pass on nothing."""
    code = "import os, socket; os.mkdir('sub'); open('sub/file', 'w'); os.rename('sub/file', 'moved'); socket.socket()"
    run_python(f"{code}; socket.getaddrinfo('localhost', 80)", folder=home)
    written = [f"write {home / name}" for name in ("sub", "sub/file", "moved")]
    assert unasked(watched, home) == [*written, "socket ", "look-up localhost"]


@pytest.mark.parametrize("before", [None, "", "0", "1"])
def test_onnx_runtime_reports_to_nobody_whatever_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    """However it comes to be imported: it would write an id that lasts into the home, at once."""
    if before is not None:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", before)
    run_python("from charlstm.text import types; import onnxruntime", folder=home)
    assert not list(home.rglob("*"))


def test_a_user_who_has_set_matplotlib_up_keeps_that(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook, what is imported here is the user's matplotlib too; and the environment is as it was."""
    code = "import os; from charlstm.views import pictures; import matplotlib; print(matplotlib.get_configdir())"
    code += "; assert 'MPLCONFIGDIR' not in os.environ"

    def found() -> Path:
        return Path(subprocess.check_output([sys.executable, "-c", code], text=True).strip())

    assert found() == home / ".cache/charlstm/matplotlib"
    (home / ".config/matplotlib").mkdir(parents=True)
    assert found() == home / ".cache/charlstm/matplotlib", "an empty folder is no setting"
    (home / ".config/matplotlib/matplotlibrc").write_text("font.size: 30")
    assert found() == home / ".config/matplotlib"
