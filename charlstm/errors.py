"""The few kinds of error that a user can cause or meet.

An error is one line: what it is about, what is wrong with that, and what helps. It carries these as values, so that each side
words them in its own way: `top_k=-1` in Python is `--top-k -1` on a command line.

| kind | what went wrong | exit code |
|---|---|---|
| `CharlstmError` | something that was asked for; the base of all others | 2 |
| `ConfigError` | a configuration file, section, key or value | 2 |
| `TextError` | a text that can't be read or is too short | 2 |
| `UnknownCharactersError` | a text with characters that a vocabulary lacks | 2 |
| `ModelError`, `DamagedError` | no model there, or not what it says; a file that is missing or not as it was written | 2 |
| `RunError` | a run folder that can't be used as asked | 2 |
| `DeviceError` | a device that this machine does not have | 2 |
| `DivergedError` | a loss or gradient that is not a number any more | 1 |
| `OutOfMemoryError` | what was asked for is valid and does not fit into this machine's memory | 1 |
| `SearchError`, `NoneFitError` | a search without a finished trial; texts that never were as asked | 1 |
| `SaveError`, `FetchError` | a file that could not be written; one that did not come over the network | 1 |

Knows: the parts of an error; how a value is shown in it; which exit code it ends in; its words in Python.
Does not know: who raises it, what an argument is called on a command line.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Argument:
    """An argument that a message mentions, by the name that it has everywhere.

    A name with a dot is a setting (`train.patience`), one without is a parameter of a command and a function (`unknown`).

    >>> str(Argument("unknown", "skip")), str(Argument("train.patience", 0)), str(Argument("run"))
    ("unknown='skip'", 'train.patience=0', 'run')
    """

    key: str
    value: object = ...
    """Left out where the message only names the argument."""

    def __str__(self) -> str:
        return self.key if self.value is ... else f"{self.key}={shown(self.value)}"


Phrase = str | Argument | tuple[str | Argument, ...]
"""A part of a message: text, and the arguments that stand in it."""


class Wording(Protocol):
    """How arguments are called by those who read a message."""

    def subject(self, argument: Argument) -> str:
        """What a message is about: how it begins, before a colon."""
        ...

    def mention(self, argument: Argument) -> str:
        """An argument within a message."""
        ...

    def offers(self, argument: Argument) -> bool:
        """Whether those who read it can give such an argument: what names another one is no remedy."""
        ...


class _PythonWording:
    def subject(self, argument: Argument) -> str:
        is_setting = "." in argument.key and argument.value is not ...
        return f"{argument.key} = {shown(argument.value)}" if is_setting else str(argument)

    def mention(self, argument: Argument) -> str:
        return str(argument)

    def offers(self, argument: Argument) -> bool:
        return True


IN_PYTHON: Wording = _PythonWording()


class CharlstmError(Exception):
    """A mistake in what the user asked for or gave: one line, exit code 2.

    >>> str(CharlstmError("expected a whole number at least 1", key="tries", value=0))
    'tries=0: expected a whole number at least 1'
    >>> str(CharlstmError("the model never saw 'x'", remedy=(Argument("unknown", "skip"), " leaves it out")))
    "the model never saw 'x': unknown='skip' leaves it out"
    """

    exit_code = 2
    wording: Wording = IN_PYTHON
    """How `str` words it."""

    def __init__(
        self, problem: Phrase, *, key: str | None = None, value: object = ..., remedy: Phrase = "", where: str = ""
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        """What is wrong."""
        self.key = key
        """The argument or setting that it is about, see `Argument`; None where it is about none."""
        self.value = value
        """What that argument was; `...` where the message says it otherwise."""
        self.remedy = remedy
        """What helps; empty where the problem says it."""
        self.where = where
        """How the message begins: the file or table that the argument stands in; empty where it stands in none."""

    def __str__(self) -> str:
        return self.worded(self.wording)

    def worded(self, wording: Wording) -> str:
        """The message, its arguments called as someone's readers call them."""
        text = _in_words(self.problem, wording)
        if self.key is not None:
            text = f"{wording.subject(Argument(self.key, self.value))}: {text}"
        text = self.where + text
        is_offered = all(wording.offers(part) for part in _parts(self.remedy) if isinstance(part, Argument))
        if is_offered and (remedy := _in_words(self.remedy, wording)):
            text += f"{'; ' if ': ' in text else ': '}{remedy}"
        return text


def _in_words(phrase: Phrase, wording: Wording) -> str:
    return "".join(wording.mention(part) if isinstance(part, Argument) else part for part in _parts(phrase))


def _parts(phrase: Phrase) -> tuple[str | Argument, ...]:
    return phrase if isinstance(phrase, tuple) else (phrase,)


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP. Not an Exception, so that nothing that deals with errors deals with it."""

    def __init__(self, number: int, message: str = "stopped") -> None:
        super().__init__(message)
        self.number = number
        self.exit_code = 128 + number


class ConfigError(CharlstmError):
    """A configuration file, section, key or value that can't be used."""


class TextError(CharlstmError):
    """A text that can't be read, or can't be trained on."""


class UnknownCharactersError(TextError):
    """A text with characters that a given vocabulary lacks."""


class ModelError(CharlstmError):
    """A path that holds no model, or a model file that is not what it says."""


class DamagedError(ModelError):
    """A file that is not there, or not as it was written."""


class RunError(CharlstmError):
    """A run folder that can't be used as asked."""


class DeviceError(CharlstmError):
    """A device that this machine does not have."""


class DivergedError(CharlstmError):
    """A loss or gradient that is not a number any more."""

    exit_code = 1


class OutOfMemoryError(CharlstmError):
    """A step that did not fit into memory: the text and the settings are valid, the machine is too small, so exit code 1."""

    exit_code = 1


class SearchError(CharlstmError):
    """A search in which no trial came to its end: what was asked for is valid, so exit code 1."""

    exit_code = 1


class NoneFitError(CharlstmError):
    """Texts that were drawn again and again and never were as asked: what was asked for is valid, so exit code 1."""

    exit_code = 1


class SaveError(CharlstmError):
    """A file that could not be written: nothing the user typed was wrong, so exit code 1."""

    exit_code = 1


class FetchError(CharlstmError):
    """A file that did not come over the network whole and as expected: nothing the user typed was wrong, so exit code 1."""

    exit_code = 1


class _Short(reprlib.Repr):
    """`repr`, cut to what fits into a line, and never longer in the making than in the result."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out thousands of digits, which hexadecimal TOML can hold all the same.
        return super().repr_int(x, level) if abs(x) < 10**80 else "a number of more than 80 digits"


_SHORT = _Short()


def require_choice(key: str, value: object, choices: Sequence[str]) -> None:
    """CharlstmError where a value is none of the choices, which a type checker alone would refuse."""
    if value not in choices:
        raise CharlstmError(f"expected {', '.join(choices[:-1])} or {choices[-1]}", key=key, value=value)


def shown(value: object) -> str:
    """A value from outside as an error can show it: one line, of bounded length, without control characters.

    >>> shown("two\\nlines"), len(shown("x" * 1_000_000))
    ("'two\\\\nlines'", 80)
    """
    return _SHORT.repr(value)
