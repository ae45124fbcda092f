"""Errors in the words of Python: a setting is called as the keyword argument that it is.

Knows: how a setting's section is left out.
Does not know: which errors there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from charlstm.errors import IN_PYTHON, Argument, CharlstmError, shown
from charlstm.out_of_memory import out_of_memory

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _Keywords:
    def subject(self, argument: Argument) -> str:
        return self.mention(argument)

    def mention(self, argument: Argument) -> str:
        if argument.key == "data.text":  # which is no keyword, but what comes first
            return f"the text {shown(argument.value)} as an argument"
        return IN_PYTHON.mention(Argument(argument.key.rpartition(".")[2], argument.value))

    def offers(self, argument: Argument) -> bool:
        return IN_PYTHON.offers(argument)


_KEYWORDS = _Keywords()
_LESS = "take a smaller model or a shorter text, or close other programs"


@contextmanager
def in_keywords() -> Iterator[None]:
    """While open, an error that comes by is worded for who calls a function: `top_k=-1` and not `sample.top_k = -1`."""
    try:
        with out_of_memory(_LESS):
            yield
    except CharlstmError as error:
        error.wording = _KEYWORDS
        raise


def in_keywords_each(items: Iterable[T]) -> Iterator[T]:
    """The same items; what is raised as they come is worded so too."""
    with in_keywords():
        yield from items


def worded(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors are worded so."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with in_keywords():
            return function(*args, **kwargs)

    return call
