"""Completion in the shell: what stands in a user's startup files, so that Tab completes commands, options and their values.

A shell that wants to complete runs `charlstm` with _CHARLSTM_COMPLETE set, and Typer answers before any command is looked at.

Knows: which shells it is there for, and which one this process was called from.
Does not know: commands and options, which Typer reads off them.
"""

from __future__ import annotations

from pathlib import Path

from typer.completion import get_completion_inspect_parameters
from typer.completion import install as install_with_typer  # type: ignore[attr-defined]  # it is there, but not by Typer's word

from charlstm.errors import CharlstmError
from charlstm.user_folders import home_folder

_PROGRAM = "charlstm"
_SHELLS = ("bash", "zsh", "fish")
"""Typer has PowerShell too, but there it would allow scripts from anywhere to run."""


def register_shells() -> None:
    """Make Typer answer to shells, as it else does only together with options of its own for installing."""
    get_completion_inspect_parameters()


def install_completion() -> tuple[str, Path]:
    """Put what the shell that this was called from needs into the home -> its name, and the file that holds it.

    CharlstmError where that is none of bash, zsh and fish, and where there is no home.
    """
    shell = _shell()
    if home_folder() is None:  # else its files would come to lie wherever this was called
        raise CharlstmError("there is no home to put it into", key="install_completion", remedy="let HOME name one")
    try:
        _, file = install_with_typer(shell, _PROGRAM)
    except UnicodeDecodeError as error:
        raise CharlstmError(f"the startup file of {shell} is not UTF-8, and stays as it is: {error}") from None
    if shell == "zsh":
        # It reads the file at the first Tab, as the body of a function that completes; Typer's only defines another one.
        with file.open("a", encoding="utf-8") as script:
            script.write(f'\n_{_PROGRAM}_completion "$@"\n')
    return shell, file


def _shell() -> str:
    """The shell that this process was called from."""
    import shellingham

    remedy = f"call it from {', '.join(_SHELLS[:-1])} or {_SHELLS[-1]}"
    try:
        name = str(shellingham.detect_shell()[0])
    except (shellingham.ShellDetectionFailure, RuntimeError):
        raise CharlstmError("can't tell which shell this is", key="install_completion", remedy=remedy) from None
    if name not in _SHELLS:
        raise CharlstmError(f"there is none for {name}", key="install_completion", remedy=remedy)
    return name
