"""Completion: what each shell is answered, and that each shell, once it is installed, completes."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import shellingham

from charlstm.cli import main
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals, and none of the shells")
SHELLS = ("bash", "zsh", "fish")
PROGRAM = f"""#!{sys.executable}
import os, sys
from charlstm.cli import main
if "_CHARLSTM_COMPLETE" in os.environ or sys.argv[1:] == ["--install-completion"]:
    code = main()
    assert "torch" not in sys.modules, "Tab has to be fast"
    sys.exit(code)
print("CALLED WITH", *sys.argv[1:])
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a user whose home is new, and for whom `charlstm` is a command that says what it is called with."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "charlstm"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR"))}
    return {**kept, "HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "xterm"}


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")


def words_before(shell: str, words: list[str]) -> dict[str, str]:
    """How a shell's script hands on what was typed, the last word not yet complete."""
    if shell == "bash":
        return {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    return {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("charlstm ", ["train", "sample", "data", "memory"], "--engine"),
        ("charlstm data ", ["list", "get"], "train"),
        ("charlstm sample runs/demo --to", ["--top-k", "--top-p"], "--engine"),
        ("charlstm sample runs/demo --engine ", ["auto", "torch", "onnx"], "--top-k"),
        ("charlstm train --errors r", ["replace"], "strict"),
    ],
)
def test_a_shell_is_offered_commands_options_and_values(
    environment: dict[str, str], shell: str, typed: str, offered: list[str], not_offered: str
) -> None:
    asked = {"_CHARLSTM_COMPLETE": f"complete_{shell}", **words_before(shell, typed.split(" "))}
    answer = subprocess.run(["charlstm"], env=environment | asked, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    for word in offered:
        assert word in answer.stdout
    assert not_offered not in answer.stdout


@pytest.mark.parametrize(("typed", "code"), [("charlstm sam", 0), ("charlstm sample run", 1)])
def test_fish_is_told_by_an_exit_code_where_files_are_meant(monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    monkeypatch.setattr("sys.argv", ["charlstm"])
    answer = {"_CHARLSTM_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args", "_TYPER_COMPLETE_ARGS": typed}
    for name, value in answer.items():
        monkeypatch.setenv(name, value)
    assert main() == code


@pytest.fixture
def install(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(shell: str) -> subprocess.CompletedProcess[str]:
        needs(shell)
        command = [
            shell,
            "-c",
            "charlstm --install-completion; exit $?" if shell != "fish" else "charlstm --install-completion",
        ]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(("shell", "startup"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_tab_completes_commands_folders_options_and_values(
    install: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    tmp_path: Path,
    shell: str,
    startup: str,
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / startup).write_text("PS1='READY> '\n", encoding="utf-8")
    first, again = install(shell), install(shell)
    assert (first.returncode, first.stdout, again.returncode) == (0, "", 0)
    assert first.stderr.startswith(f"{shell} completion is in {tmp_path}")
    assert (tmp_path / startup).read_text("utf-8").count("charlstm" if shell == "bash" else ".zfunc") == 1
    shown = typed_into([shell, "-i"], environment, "charlstm samp\tru\t --eng\ton\t\r", "CALLED WITH")
    called = "CALLED WITH sample runs/ --engine onnx\n"  # zsh takes the slash away before a space
    assert called.replace("/", "" if shell == "zsh" else "/") in shown.replace("\r", "")


def typed_into(command: list[str], environment: dict[str, str], keys: str, awaited: str) -> str:
    """What a program shows on a terminal of its own until the awaited line is whole; it is typed into once it is ready."""
    import pty

    ours, theirs = pty.openpty()
    shown = ""
    with subprocess.Popen(
        command, env=environment, cwd=environment["HOME"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        try:
            end = time.monotonic() + 60
            while "\n" not in shown.partition(awaited)[2]:
                assert select.select([ours], [], [], max(0.0, end - time.monotonic()))[0], f"nothing came after {shown!r}"
                shown += os.read(ours, 65536).decode("utf-8", "replace")
                if keys and "READY> " in shown:
                    os.write(ours, keys.encode())
                    keys = ""
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)
    return shown


def test_fish_completes(
    install: Callable[..., subprocess.CompletedProcess[str]], environment: dict[str, str], tmp_path: Path
) -> None:
    done = install("fish")
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "runs").mkdir()
    typed = ("charlstm samp", "charlstm sample ru", "charlstm sample runs/ --eng", "charlstm sample runs/ --engine on")
    script = "; ".join(f"complete -C '{line}'" for line in typed)
    answer = subprocess.run(["fish", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.partition("\t")[0] for line in answer.stdout.splitlines()] == ["sample", "runs/", "--engine", "onnx"]


def test_a_shell_without_completion_is_named(install: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    done = install("sh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "charlstm: --install-completion: there is none for sh; call it from bash, zsh or fish\n"
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_where_no_shell_can_be_told_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", fail)
    assert main(["--install-completion"]) == 2
    told = "charlstm: --install-completion: can't tell which shell this is; call it from bash, zsh or fish\n"
    assert capsys.readouterr() == ("", told)


def test_a_startup_file_that_is_no_text_stays_as_it_is(
    install: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / ".bashrc").write_bytes(b"# caf\xe9\n")
    done = install("bash")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the startup file of bash is not UTF-8" in done.stderr
    assert (tmp_path / ".bashrc").read_bytes() == b"# caf\xe9\n"


@pytest.mark.parametrize("home", [None, "", "relative", "/missing"])
def test_without_a_home_nothing_is_installed_where_it_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, home: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    monkeypatch.setattr("pwd.getpwuid", lambda user: {}[user])
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
        (tmp_path / "relative").mkdir()
    assert main(["--install-completion"]) == 2
    assert "there is no home to put it into" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
