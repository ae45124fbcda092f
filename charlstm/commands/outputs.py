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


def require_place(key: str, place: Path, inputs: Inputs) -> None:
    """CharlstmError where no file can be written to a place, or where it is one that the command reads."""
    name = str(place)
    try:
        with suppress(FileNotFoundError):
            place.stat()  # raises for links in a circle
        if not place.absolute().parent.is_dir():
            raise CharlstmError(f"there is no folder {shown(str(place.parent))}", key=key, value=name)
        if place.is_dir():
            raise CharlstmError("it is there and is not a file", key=key, value=name)
        if place.is_symlink() and not Path(os.path.realpath(place)).parent.is_dir():
            folder = shown(str(place.readlink().parent))
            raise CharlstmError(f"it is a link into {folder}, which is not there", key=key, value=name)
        if inputs.hold(place):
            raise CharlstmError("it is among what is to be read", key=key, value=name, remedy="name another file")
    except OSError as error:  # a name too long, say
        raise CharlstmError(str(error.strerror), key=key, value=name) from None


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
