"""What a run is called, and where it says that its text is.

Knows: how a name follows from a text or a config file, which paths a config.toml can spell.
Does not know: what is in a run.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from charlstm.config import Config, is_path, placed_in
from charlstm.errors import CharlstmError, shown
from charlstm.runs.folder import RunFolder
from charlstm.text.compression import DECOMPRESSORS
from charlstm.values import ANOTHER_LOCALE, is_locale_to_blame, is_unicode


def run_name(text: Sequence[str], file: Path | None, config: Config) -> str:
    """A run is called after its config file, or after the run whose own that is, or else after its text."""
    if file and not text:
        return (file == RunFolder(file.parent).config and file.parent.name) or file.stem
    source = config.data.text[0]
    path = Path(source.removeprefix("builtin:").removeprefix("data:"))
    name = "stdin" if source == "-" else path.with_suffix("").stem if path.suffix.lower() in DECOMPRESSORS else path.stem
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:60] or "run"


def in_shell(path: Path | str) -> str:
    r"""A path as it is typed into a shell: one that begins with a dash would be an option, and a line end the end of it.

    >>> in_shell("runs/a b"), in_shell("-x"), in_shell("one\ntwo")
    ("'runs/a b'", './-x', "$'one\\ntwo'")
    """
    name = str(path)
    name = f"./{name}" if name.startswith("-") else name
    if name.isprintable():
        return shlex.quote(name)
    escaped = (rf"\{c}" if c in r"\'" else c if c.isprintable() else _escaped(c) for c in name)
    return f"$'{''.join(escaped)}'"


def _escaped(character: str) -> str:
    (byte, *more) = character.encode("utf-8", errors="surrogateescape")
    return character.encode("unicode_escape").decode() if more or byte < 128 else f"\\x{byte:02x}"


def with_absolute_paths(config: Config) -> Config:
    """The run's own config.toml names its text from wherever it is read."""
    text = tuple(placed_in(Path.cwd(), source) if is_path(source) else source for source in config.data.text)
    if odd := [source for source in text if not is_unicode(source)]:
        if is_locale_to_blame(odd[0]):
            named = os.fsencode(odd[0]).decode()
            raise CharlstmError(f"this locale can't spell the path {shown(named)}", remedy=ANOTHER_LOCALE)
        raise CharlstmError(f"the path {shown(odd[0])} is not UTF-8", remedy="move or rename the text")
    return config.model_copy(update={"data": config.data.model_copy(update={"text": text})})
