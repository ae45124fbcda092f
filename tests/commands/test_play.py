"""`charlstm play` as a black box: from a pipe, and on a pseudo-terminal."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.text.vocabulary import CharVocabulary
from tests.commands.test_sample import SYMBOLS, save

LENGTH = 12


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("play") / "m"
    save(path, CharVocabulary(SYMBOLS + "\\/\x1b"), f"sample.length={LENGTH}", "sample.temperature=1.0")
    return path


Play = Callable[..., tuple[int, str, str]]


@pytest.fixture
def play(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Play:
    """What comes of lines on standard input: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    folder = model.parent

    def call(lines: str | bytes, *arguments: str, model: str = model.name) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        data = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        code = main(["play", str(folder / model), "--seed", "7", *arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def test_lines_and_what_follows_them_are_one_text_on_standard_output(play: Play, tmp_path: Path) -> None:
    code, out, err = play("abc\n\nde\\n\n/save text\n/quit\nnot read\n")
    assert (code, err) == (0, f"{6 + 3 * LENGTH} characters in text\n")
    assert (tmp_path / "text").read_bytes() == out.encode()
    assert (out[:3], out[3 + 2 * LENGTH : 6 + 2 * LENGTH], len(out)) == ("abc", "de\n", 6 + 3 * LENGTH)
    assert play("abc") == (0, out[: 3 + LENGTH], ""), "the end of the input is the end, and needs no newline"
    assert play("abc\r\n") == (0, out[: 3 + LENGTH], "")


def test_the_seed_is_that_of_sample_and_the_next_one_is_one_higher(
    play: Play, model: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    _, out, err = play("ab\n/retry\n/seed 7\n/retry\n")
    assert err == ""
    first, second, third = out[2 : 2 + LENGTH], out[2 + LENGTH : 2 + 2 * LENGTH], out[2 + 2 * LENGTH :]
    assert first == third != second
    for seed, written in (("7", first), ("8", second)):
        main(["sample", str(model), "--prime", "ab", "--no-prime", "--seed", seed])
        assert capfdbinary.readouterr().out.decode() == written


def test_an_empty_line_begins_with_the_runs_prime(play: Play) -> None:
    code, out, err = play("\n/new\n/set prime c\n\n")
    assert (code, err) == (0, "0 characters\n")
    assert (out[:2], out[2 + LENGTH], len(out)) == ("ab", "c", 3 + 2 * LENGTH)


def test_backslashes_and_slashes(play: Play, tmp_path: Path) -> None:
    play("//a\\\\h\\nb\n/undo\n/save text\n")
    assert (tmp_path / "text").read_text() == "/a\\h\nb"


def test_branches_undo_and_redo(play: Play) -> None:
    code, out, err = play("ab\n/branch one\ncd\n/branch two\n/go one\n/text\n/undo\n/text\n/undo\n/redo\n/branches\n")
    assert code == 0
    one, two = 2 + LENGTH, 4 + 2 * LENGTH
    assert out == out[:two] + out[:one] + out[:two]
    assert err.splitlines() == [
        *(f"{n} characters" for n in (one, two, one, two, 4 + LENGTH, two)),
        f"one       {one} characters",
        f"two       {two} characters",
    ]


def test_settings_are_changed_and_shown(play: Play, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[sample]\nlength = 3\nmin_length = 2\n[train]\nepochs = 2\n", encoding="utf-8")
    arguments = ("--config", "s.toml", "--set", "sample.top_k=4", "--set", "sample.length=5")
    code, out, err = play('a\n/set length 6\n/set stop \\n\\n\n/set ban "\\u001b"\n\n/show\n', *arguments)
    assert code == 0
    assert len(out) == 1 + 5 + 6
    shown = dict(line.split(maxsplit=1) for line in err.splitlines())
    assert (shown["length"], shown["top_k"], shown["stop"]) == ("6", "4", "['\\n\\n']")
    assert (shown["ban"], shown["min_length"], shown["seed"]) == ("'\\x1b'", "2", "9")


def test_a_file_takes_a_ban_of_the_run_away_and_an_empty_prime_is_the_runs(
    tmp_path: Path, play: Play, model: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The same in `sample` and in `play`."""
    save(model.parent / "banned", CharVocabulary(SYMBOLS), f"sample.length={LENGTH}", "sample.ban=cde", "sample.stop=f")
    (tmp_path / "s.toml").write_text('[sample]\nprime = ""\nban = ""\nstop = []\n', encoding="utf-8")
    _, out, err = play("\n/show\n", "--config", "s.toml", model="banned")
    shown = dict(line.split(maxsplit=1) for line in err.splitlines())
    assert (shown["ban"], shown["stop"], shown["prime"]) == ("''", "[]", "'ab'")
    assert main(["sample", str(model.parent / "banned"), "--seed", "7", "--config", "s.toml"]) == 0
    assert capfdbinary.readouterr().out.decode() == out
    assert set("cdef") & set(out), "with what the run would not write"


def test_help_lists_every_command(play: Play) -> None:
    _, out, err = play("/help\n")
    assert out == ""
    assert {"/undo", "/set NAME VALUE", "/quit"} <= set(re.findall(r"^/\S+(?: [A-Z]+)*", err, re.MULTILINE))


def test_a_mistake_is_one_line_and_nothing_is_lost(play: Play, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")
    (tmp_path / "folder").mkdir()
    mistakes: dict[str | bytes, str] = {
        "é": "the model never saw 'é' (U+00E9)",
        b"a\xff": "a line of standard input is not UTF-8 (offset 1)",
        "/undo": "nothing to undo",
        "/retry": "there is no text to go on from",
        "/foo": "no command '/foo'",
        "/set temperature x": "sample.temperature = 'x': expected a number",
        "/set top_k": "/set top_k: expected a value too",
        "/seed -1": "/seed '-1': expected a whole number at least 0",
        "/go x": "no branch 'x'",
        "/save there": "'there' is there already: /save! there replaces it",
        "/save folder": "it is not a file",
        "/save! folder": "it is not a file",
        "/save no/where": "can't write no/where",
        "/save a\0b": "can't save 'a\\x00b'",
        "/save " + "a" * 999: "can't save",
    }
    for line, said in mistakes.items():
        data = line if isinstance(line, bytes) else line.encode()
        code, out, err = play(data + b"\n/text\n")
        assert (code, out) in ((2, ""), (1, "")), line
        assert said in err
        assert err.count("\n") == 1
    assert (tmp_path / "there").read_text() == "kept"
    assert play("ab\n/save! there\n")[0] == 0
    assert (tmp_path / "there").read_text().startswith("ab")


def test_what_was_asked_for_is_checked_before_the_model_is_read(play: Play, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[sample]\nlength = "x"\n', encoding="utf-8")
    for arguments, said in (
        (("--set", "sample.length=0"), "sample.length = 0"),
        (("--set", "train.epochs=3"), "--set 'train.epochs=3': play has the settings of [sample]"),
        (("--seed", "-1"), "--seed -1"),
        (("--config", "s.toml"), "sample.length = 'x'"),
        (("--config", "none.toml"), "no such config file"),
        (("--set", "sample.ban=★"), "'★'"),
    ):
        code, out, err = play("a\n", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_a_stop_text_that_comes_at_once_is_said(play: Play) -> None:
    code, out, err = play("ab\n", "--set", 'sample.stop=["a","b","c","d","e","f","g","h","\\n","/","\\\\","\\u001b"]')
    assert (code, out) == (0, "ab")
    assert "nothing was written" in err
    assert "★" in play("/set stop ★\n")[2]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process, self.end, self.seen = process, end, ""

    def type(self, keys: str) -> None:
        os.write(self.end, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """All that came until the pattern did."""
        while not (found := re.search(pattern, self.seen)):
            self._read()
        came, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return came

    def wait_for_end(self) -> tuple[int, str]:
        with suppress(OSError):  # what Linux says when the other end is closed
            while self._read():
                pass
        return self.process.wait(60), self.seen

    def _read(self) -> bytes:
        if not select.select([self.end], [], [], 60)[0]:
            raise AssertionError(f"nothing more came: {self.seen}")
        piece = os.read(self.end, 65536)
        self.seen += piece.decode(errors="replace")
        return piece


@contextmanager
def on_terminal(model: Path, folder: Path, *arguments: str, term: str = "xterm") -> Iterator[Terminal]:
    import pty
    import termios

    end, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    environment = {**os.environ, "TERM": term, "XDG_STATE_HOME": str(folder / "state")}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "charlstm", "play", str(model), "--seed", "7", *arguments]
    own_terminal = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", own_terminal, *command],
        cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(terminal)
        try:
            yield Terminal(process, end)
        finally:
            process.kill()
            os.close(end)


READY = r"> |>[\x08\r\x1b\[\d;mD]*C"  # a terminal may be told to go right instead
needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
ENDLESS = ("--set", "sample.length=100000000", "--set", "sample.ban=\x1b\\")


@needs_terminal
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_ctrl_c_stops_the_text_and_not_the_program(model: Path, tmp_path: Path, term: str) -> None:
    with on_terminal(model, tmp_path, *ENDLESS, term=term) as terminal:
        terminal.wait_for(READY)
        terminal.type("abc\r")
        terminal.wait_for(r"[a-h/\s]{500}")
        terminal.type("\x03")
        terminal.wait_for(READY)
        terminal.type("/save one\r")
        terminal.wait_for(r"characters in one")
        terminal.wait_for(READY)
        terminal.type("abc\x03")  # and the line, where one is typed
        terminal.wait_for(READY)
        terminal.type("/undo\r")
        terminal.wait_for(r"\D3 characters")
        terminal.type("/save two\r")
        terminal.wait_for(r"3 characters in two")
        terminal.wait_for(READY)
        terminal.type("\x04")
        code, rest = terminal.wait_for_end()
    assert code == 0
    assert "Traceback" not in rest
    one, two = (tmp_path / "one").read_text(), (tmp_path / "two").read_text()
    assert two == "abc"
    assert one.startswith("abc")
    assert len(one) > 300


@needs_terminal
def test_sigterm_ends_it_wherever_it_is_and_leaves_the_terminal_as_it_was(model: Path, tmp_path: Path) -> None:
    import termios

    for line in ("", "abc\r"):
        with on_terminal(model, tmp_path, *ENDLESS) as terminal:
            before = termios.tcgetattr(terminal.end)
            terminal.wait_for(READY)
            if line:
                terminal.type(line)
                terminal.wait_for(r"[a-h/\s]{500}")
            terminal.process.send_signal(signal.SIGTERM)
            terminal.wait_for("charlstm: stopped")
            after = termios.tcgetattr(terminal.end)
            code, rest = terminal.wait_for_end()
        assert code == 143
        assert "Traceback" not in rest
        assert after == before


@needs_terminal
def test_nothing_in_a_text_is_obeyed(model: Path, tmp_path: Path) -> None:
    """ESC is typed, written and at the end of the text before the line."""
    with on_terminal(model, tmp_path, "--set", 'sample.allow="\\u001b"') as terminal:
        terminal.wait_for(READY)
        terminal.type("a\x16\x1b[5mb\x16\x1b\r")  # Ctrl-V takes the next key as it is
        came = terminal.wait_for(r"(\\x1b){12}\r\n")
        came += terminal.wait_for(READY)
        terminal.type("/text\r")
        came += terminal.wait_for(r"\\x1b\r\n")
        terminal.wait_for(READY)
        terminal.type("\x04")
        code, rest = terminal.wait_for_end()
    assert code == 0
    assert "\x1b[5m" not in came + rest


@needs_terminal
def test_lines_are_completed_and_remembered_and_a_refused_text_can_be_mended(model: Path, tmp_path: Path) -> None:
    with on_terminal(model, tmp_path) as terminal:
        terminal.wait_for(READY)
        terminal.type("aé\r")
        terminal.wait_for("never saw 'é'")
        terminal.wait_for(READY)
        terminal.type("\x7fb\r")  # the é is taken away, the a is still there
        terminal.wait_for(READY)
        terminal.type("/se\tt len\t 5\r/sh\t\r")
        terminal.wait_for(r"length +5\b")
        terminal.type("/new\r")
        terminal.wait_for(r"\D0 characters")
        terminal.type("/quit\r")
        assert terminal.wait_for_end()[0] == 0
    history = (tmp_path / "state" / "charlstm" / "play_history").read_text()
    assert re.findall(r"^\+(.*)", history, re.MULTILINE)[:2] == ["aé", "ab"]
    with on_terminal(model, tmp_path) as terminal:
        terminal.wait_for(READY)
        terminal.type("\x1b[A\x1b[A\r")  # up, twice
        terminal.wait_for(r"\D0 characters")
        terminal.wait_for(READY)
        terminal.type("\x04")
        assert terminal.wait_for_end()[0] == 0


@needs_terminal
def test_a_history_that_cannot_be_kept_harms_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with on_terminal(model, tmp_path) as terminal:
        terminal.wait_for(READY)
        terminal.type("ab\r")
        terminal.wait_for(READY)
        terminal.type("/undo\r")
        terminal.wait_for(r"\D2 characters")
        terminal.wait_for(READY)
        terminal.type("\x04")
        assert terminal.wait_for_end()[0] == 0
