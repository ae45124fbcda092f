"""The commands of `charlstm play`: their names, how one is found in a line, and how a line is completed.

Knows: names, abbreviations, and what follows a name.
Does not know: what a command does.
"""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError, shown


class _About(NamedTuple):
    takes: str
    does: str
    can_force: bool = False


COMMANDS = {
    "undo": _About("", "back to before the last change of the text; again for the one before"),
    "redo": _About("", "take back an undo"),
    "retry": _About("", "write the last continuation again, with the next seed"),
    "branch": _About("NAME", "remember this place of the text; /branch! replaces a branch", True),
    "branches": _About("", "list them"),
    "go": _About("NAME", "return to a branch"),
    "set": _About("NAME VALUE", "change a setting, such as /set temperature 0.7 or /set stop \\n\\n"),
    "show": _About("", "list the settings"),
    "seed": _About("S", "let what is written next have this seed"),
    "text": _About("", "print the whole text"),
    "save": _About("FILE", "write the text to a file; /save! replaces one", True),
    "new": _About("", "start with an empty text; the branches stay"),
    "help": _About("", "list the commands"),
    "quit": _About("", "end; so does Ctrl-D"),
}
"""By name, in the order in which they are listed."""


class Command(NamedTuple):
    """A command that a person gave."""

    name: str
    argument: str
    is_forced: bool = False
    """By a `!` after its name."""


def command_in(line: str) -> Command | None:
    """The command that a line is; None where it is text. CharlstmError where it is neither.

    >>> command_in("/sa! a b.txt"), command_in("//sa"), command_in("sa")
    (Command(name='save', argument='a b.txt', is_forced=True), None, None)
    """
    if not line.startswith("/") or line.startswith("//"):
        return None
    word, _, argument = line[1:].partition(" ")
    name, argument = _full_name(word.removesuffix("!")), argument.strip()
    about, is_forced = COMMANDS[name], word.endswith("!")
    if is_forced and not about.can_force:
        raise CharlstmError(f"/{name} takes no '!'")
    if bool(argument) != bool(about.takes):
        wanted = f"expected /{name} {about.takes}" if about.takes else "it takes nothing"
        raise CharlstmError(f"/{name} {shown(argument) if argument else ''}".rstrip() + f": {wanted}")
    return Command(name, argument, is_forced)


def completions(line: str, branches: Iterable[str]) -> list[str]:
    """What the first word of a line may become, or all that follows it."""
    word, space, rest = line.partition(" ")
    if not word.startswith("/") or word.startswith("//"):
        return []
    if not space:
        return [f"/{name}" for name in COMMANDS if name.startswith(word[1:])]
    try:
        name = _full_name(word[1:].removesuffix("!"))
    except CharlstmError:
        return []
    if name == "save":
        return _files(rest)
    words = {"set": list(SampleConfig.model_fields), "go": sorted(branches)}.get(name, [])
    return [word for word in words if word.startswith(rest)]


def _full_name(word: str) -> str:
    """The command that a word names or begins; where it begins several, the one that itself begins them all."""
    found = [name for name in COMMANDS if word and name.startswith(word)]
    shortest = min(found, key=len, default="")
    if found and (word == shortest or all(name.startswith(shortest) for name in found)):
        return shortest
    if found:
        raise CharlstmError(f"/{word} may be {' or '.join(f'/{name}' for name in found)}: write more of it")
    near = difflib.get_close_matches(word, COMMANDS, 1)
    hint = f"did you mean /{near[0]}? " if near else ""
    raise CharlstmError(
        f"no command {shown('/' + word)}: {hint}/help lists them, and a text that begins with / has two of them"
    )


def _files(begin: str) -> list[str]:
    """Files and folders whose names begin so; those that a terminal can't show are left out."""
    folder, name = os.path.split(begin)
    try:
        found = sorted(Path(folder or ".").expanduser().glob(f"{glob.escape(name)}*"))
        return [os.path.join(folder, f"{path.name}{'/' if path.is_dir() else ''}") for path in found if path.name.isprintable()]  # noqa: PTH118
    except (OSError, ValueError, RuntimeError):  # a folder that may not be read, a NUL, a home that nobody has
        return []
