"""An error in the words of a command line: `unknown="skip"` is `--unknown skip`.

Knows: what arguments are called there; that a command may have no option for one.
Does not know: which errors there are, which options a command has.
"""

from __future__ import annotations

import re
from collections.abc import Set

from charlstm.errors import Argument, CharlstmError, shown

_POSITIONAL = {"model": "MODEL", "text": "TEXT"}
_RENAMED = {"begin": "--from"}
"""`from` is a word of Python's."""
_IN_DATA = ("encoding", "errors", "newlines", "normalize")
"""Settings of [data] that some commands have options for."""


class _CommandLine:
    def __init__(self, options: Set[str] | None) -> None:
        self._options = options
        """Those of the command that was called; None where any are as good."""

    def subject(self, argument: Argument) -> str:
        if "." in argument.key:
            return argument.key if argument.value is ... else f"{argument.key} = {shown(argument.value)}"
        return self.mention(argument)

    def mention(self, argument: Argument) -> str:
        argument = self._as_setting(argument)
        if "." in argument.key:
            return argument.key if argument.value is ... else f"--set {argument.key}={_typed(argument.value)}"
        name = _POSITIONAL.get(argument.key) or _flag_of(argument.key)
        return name if argument.value is ... or argument.value is True else f"{name} {_typed(argument.value)}"

    def offers(self, argument: Argument) -> bool:
        argument = self._as_setting(argument)
        if "." in argument.key:
            return argument.value is ... or self._has("--set")
        return argument.key in _POSITIONAL or self._has(_flag_of(argument.key))

    def _as_setting(self, argument: Argument) -> Argument:
        """What a command has no option for may be a setting that it takes all the same."""
        is_setting = argument.key in _IN_DATA and not self._has(_flag_of(argument.key)) and self._has("--set")
        return Argument(f"data.{argument.key}", argument.value) if is_setting else argument

    def _has(self, option: str) -> bool:
        return self._options is None or option in self._options


def said(error: CharlstmError, options: Set[str] | None = None) -> str:
    """The line for standard error, without the name of the program.

    `options` are those of the command that was called: a remedy that names another one is left out.

    >>> said(CharlstmError("expected at least 1", key="reject_copied", value=0, remedy=Argument("train.epochs", 3)))
    '--reject-copied 0: expected at least 1; --set train.epochs=3'
    >>> said(CharlstmError("it is no UTF-8", remedy=("give ", Argument("encoding", "cp1252"))), {"--set"})
    'it is no UTF-8: give --set data.encoding=cp1252'
    """
    return error.worded(_CommandLine(options))


def _flag_of(key: str) -> str:
    return _RENAMED.get(key) or f"--{key.replace('_', '-')}"


def _typed(value: object) -> str:
    """A value as it is typed into a shell, where that is plain; else as it can be shown."""
    is_plain = isinstance(value, str) and re.fullmatch(r"[\w./:=+@%-]{1,80}", value)
    return str(value) if is_plain else shown(value)
