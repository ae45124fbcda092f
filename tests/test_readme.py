"""The documents stay true: every command runs, every option and setting is described, every link leads somewhere."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from charlstm.cli import app, main
from charlstm.config import Config, load_config
from charlstm.tuning.space import read_space
from tests.conftest import ROOT, TINY, VERSE

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
CHARLSTM = [command for command in COMMANDS if command.startswith("charlstm ")]
MAKE = [command for command in COMMANDS if command.startswith("make ")]
MORE_STEPS = itertools.count(3)
QUICK = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md", *(ROOT / "docs").glob("*.md")]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone, with a text, and with the demo's run already there."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("configs", "data"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "poems.txt").write_text(VERSE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "--run", "runs/demo", *QUICK, "--set", "sample.prime=The "]) == 0
    return folder


@pytest.mark.parametrize("command", CHARLSTM)
def test_every_command_in_the_readme_runs(home: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(home)
    arguments = shlex.split(command)[1:]
    if "tinyshakespeare.txt" in arguments:
        shutil.copy("poems.txt", "tinyshakespeare.txt")
        arguments += ["--set", "sample.prime=wall"]
    if "--resume" in arguments:
        os.utime("runs/demo/resume.safetensors")  # the newest, as the command takes
        arguments += ["--set", f"train.max_steps={next(MORE_STEPS)}"]
    elif arguments[0] == "train":
        arguments += QUICK
    elif arguments[0] == "tune":
        searched = read_space(Path(arguments[1]), (), load_config(Path(arguments[1])))
        settings = [setting for setting in (*TINY, "train.max_steps=2") if setting.partition("=")[0] not in searched]
        arguments += ["--trials", "1", *(part for setting in settings for part in ("--set", setting))]
    assert main(arguments) == 0


def test_the_snippet_in_the_readme_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(snippet, {})
    text, _, score = capsys.readouterr().out.rpartition("TextScore(")
    assert len(text) == 201
    assert "bits per character" in score


def test_the_examples_for_python_run_and_print_what_the_page_says(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"  # the examples train and write
    shutil.copytree(home, folder)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "python_doc.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
@pytest.mark.parametrize("command", [*MAKE, "make lint", "make bench", "make format"])
def test_every_target_of_make_exists(command: str) -> None:
    subprocess.run([*command.split("#", maxsplit=1)[0].split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("document", [*DOCUMENTS, *(ROOT / "configs").glob("*.toml")], ids=lambda file: file.name)
def test_nothing_is_left_to_be_filled_in(document: Path) -> None:
    left = r"\b(SAMPLE|MINUTES|LOSS|FAULTS|SPEEDS|FUZZ|SAVE[12]|RECIPE|TRIALS|LESSON|MEANSROW|LAPTOP|TODO|TBD|XXX)\b"
    assert not re.search(left, document.read_text(encoding="utf-8"))
    assert len(document.read_text(encoding="utf-8").splitlines()) > 5


def test_every_setting_is_described() -> None:
    described = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for section, values in Config():
        for key, field in type(values).model_fields.items():
            default = getattr(values, key)
            shown = default if not isinstance(default, tuple) else default[0] if default else []
            assert f"| `{section}.{key}` | `{shown!r}` | {field.description} |" in described


def options_in(text: str) -> set[str]:
    """The long options that a text names, each whole."""
    return set(re.findall(r"(?<![\w-])--[a-z0-9][\w-]*", text))


def test_an_option_is_no_part_of_another() -> None:
    assert options_in("`--allow abc`, --top-k=3 (--no-color), x--y ---\n--json") == {
        "--allow",
        "--top-k",
        "--no-color",
        "--json",
    }


def commands_of(command: Any, name: str = "charlstm") -> Iterator[tuple[str, Any]]:
    """A command and all below it, by what is typed to call them."""
    yield name, command
    for part, below in getattr(command, "commands", {}).items():
        yield from commands_of(below, f"{name} {part}")


@pytest.mark.parametrize(("name", "command"), [pytest.param(*found, id=found[0]) for found in commands_of(get_command(app))])
def test_every_option_is_described(name: str, command: Any) -> None:
    described = options_in("".join(document.read_text(encoding="utf-8") for document in DOCUMENTS))
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {option for option in options if option.startswith("--")} <= described


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link
