"""Files that a user asks a command to write.

Knows: where one can be written, what must not be lost by it, what is said of it afterwards.
Does not know: what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from charlstm.errors import Argument, CharlstmError, shown
from charlstm.files import write_output
from charlstm.runs.inputs import Inputs


def require_place(key: str, place: Path, inputs: Inputs, pattern: str = "") -> None:
    """CharlstmError where no file can be written to a place, or where it is one that the command reads.

    `pattern` is what was given where it stands for several places.
    """
    try:
        if problem := _problem_with(place, shown(str(place)) if pattern else "it"):
            raise CharlstmError(problem, key=key, value=pattern or str(place))
        require_spared(key, place, inputs, pattern)
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        raise CharlstmError(str(getattr(error, "strerror", error)), key=key, value=pattern or str(place)) from None


def require_spared(key: str, place: Path, inputs: Inputs, pattern: str = "") -> None:
    """CharlstmError where a place is that of a file that the command reads."""
    if inputs.hold(place):
        among = f"{shown(str(place)) if pattern else 'it'} is among what is to be read"
        raise CharlstmError(among, key=key, value=pattern or str(place), remedy="name another file")


def _problem_with(place: Path, it: str) -> str:
    """Why no file can be written to a place, which is called `it`; nothing where one can. OSError where nobody can tell."""
    with suppress(FileNotFoundError):
        place.stat()  # raises for links in a circle
    if not place.absolute().parent.is_dir():
        return f"there is no folder {shown(str(place.parent))}"
    if place.is_dir():
        return f"{it} is there and is not a file"
    if place.is_symlink() and not Path(os.path.realpath(place)).parent.is_dir():
        return f"{it} is a link into {shown(str(place.readlink().parent))}, which is not there"
    return ""


def write_and_say(place: Path, pieces: Iterable[bytes], hint: str = "") -> None:
    """Write a file, and say so in a line with its size."""
    from charlstm.views.console import print_line

    size = write_output(place, pieces)
    print_line(f"wrote {place}, {f'{size / 1e6:.1f} MB' if size >= 1e6 else f'{size / 1e3:.0f} kB'}{hint}")


def picture_kind(place: Path, command: str, instead: tuple[str | Argument, ...], inputs: Inputs) -> Literal["png", "svg"]:
    """What the name of a picture's file asks for. CharlstmError where it can't be drawn, or not written there.

    `instead` is what does without a picture.
    """
    kinds: dict[str, Literal["png", "svg"]] = {".png": "png", ".svg": "svg"}
    kind = kinds.get(place.suffix.lower())
    if kind is None:
        raise CharlstmError(f"expected a name that ends in {' or '.join(kinds)}", key="output", value=str(place))
    require_place("output", place, inputs)
    if find_spec("matplotlib") is None:
        missing = f"{command} draws with matplotlib, which is not installed"
        raise CharlstmError(missing, remedy=("pip install 'charlstm[plot]', or ", *instead))
    return kind
