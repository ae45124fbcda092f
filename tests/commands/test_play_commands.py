from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.commands.play_commands import COMMANDS, Command, command_in, completions
from charlstm.errors import CharlstmError


@pytest.mark.parametrize("line", ["", "text", " /undo", "//undo", "\\n"])
def test_what_is_text(line: str) -> None:
    assert command_in(line) is None


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/undo", Command("undo", "")),
        ("/u ", Command("undo", "")),
        ("/b x", Command("branch", "x")),
        ("/branches", Command("branches", "")),
        ("/sa! a b.txt ", Command("save", "a b.txt", True)),
        ('/set stop "\\n"', Command("set", 'stop "\\n"')),
        ("/q", Command("quit", "")),
    ],
)
def test_names_may_be_cut_short(line: str, command: Command) -> None:
    assert command_in(line) == command


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/", "no command '/'"),
        ("/udno", "did you mean /undo?"),
        ("/r", "/r may be /redo or /retry"),
        ("/s", "/s may be /set or /show or /seed or /save"),
        ("/undo 3", "/undo '3': it takes nothing"),
        ("/undo!", "/undo takes no '!'"),
        ("/save", "/save: expected /save FILE"),
        ("/\x1b[2J", "'/\\x1b[2J'"),
    ],
)
def test_what_is_no_command_is_said_in_one_line(line: str, said: str) -> None:
    with pytest.raises(CharlstmError) as error:
        command_in(line)
    assert said in str(error.value)
    assert str(error.value).isprintable()


def test_completion_of_names_settings_and_branches() -> None:
    assert completions("/", ()) == [f"/{name}" for name in COMMANDS]
    assert completions("/se", ()) == ["/set", "/seed"]
    assert completions("/set top", ()) == ["top_k", "top_p"]
    assert completions("/go ", ("two", "one")) == ["one", "two"]
    assert completions("/g t", ("two", "one")) == ["two"]
    for line in ("", "se", "//se", "/x y", "/r y", "/undo ", "/set top_k 1"):
        assert completions(line, ("one",)) == []


def test_completion_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a b.txt", "a[1].txt", "a\x1b.txt"):
        Path(name).touch()
    Path("ab").mkdir()
    Path("ab/c").touch()
    assert completions("/save a", ()) == ["a b.txt", "a[1].txt", "ab/"]
    assert completions("/save! a[", ()) == ["a[1].txt"]
    assert completions("/save ab/", ()) == ["ab/c"]
    assert completions("/save nowhere/x", ()) == completions("/save ~nobody-here/x", ()) == []
