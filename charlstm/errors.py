"""The few kinds of error that a user can cause or meet.

Knows: that an error is one line which names the thing, its value and the remedy; how a value is shown in it; which exit code
it ends in.
Does not know: who raises it or how it is shown.
"""

from __future__ import annotations

import reprlib


class CharlstmError(Exception):
    """A mistake in what the user asked for or gave: one line, exit code 2."""

    exit_code = 2


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that nothing that deals with errors deals with it."""

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


def shown(value: object) -> str:
    """A value from outside as an error can show it: one line, of bounded length, without control characters.

    >>> shown("two\\nlines"), len(shown("x" * 1_000_000))
    ("'two\\\\nlines'", 80)
    """
    return _SHORT.repr(value)
