"""An error in the words of a command line: `unknown="skip"` is `--unknown skip`.

Knows: what arguments are called there.
Does not know: which errors there are.
"""

from __future__ import annotations

import re

from charlstm.errors import Argument, CharlstmError, shown

_POSITIONAL = {"model": "MODEL", "text": "TEXT"}
_RENAMED = {"begin": "--from"}
"""`from` is a word of Python's."""


class _CommandLine:
    def subject(self, argument: Argument) -> str:
        if "." in argument.key:
            return argument.key if argument.value is ... else f"{argument.key} = {shown(argument.value)}"
        return self.mention(argument)

    def mention(self, argument: Argument) -> str:
        if "." in argument.key:
            return argument.key if argument.value is ... else f"--set {argument.key}={_typed(argument.value)}"
        name = _POSITIONAL.get(argument.key) or _RENAMED.get(argument.key) or f"--{argument.key.replace('_', '-')}"
        return name if argument.value is ... or argument.value is True else f"{name} {_typed(argument.value)}"


def said(error: CharlstmError) -> str:
    """The line for standard error, without the name of the program.

    >>> said(CharlstmError("expected at least 1", key="reject_copied", value=0, remedy=Argument("train.epochs", 3)))
    '--reject-copied 0: expected at least 1; --set train.epochs=3'
    """
    return error.worded(_CommandLine())


def _typed(value: object) -> str:
    """A value as it is typed into a shell, where that is plain; else as it can be shown."""
    is_plain = isinstance(value, str) and re.fullmatch(r"[\w./:=+@%-]{1,80}", value)
    return str(value) if is_plain else shown(value)
