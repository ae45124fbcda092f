"""What a run is called, and where it says that its text is.

Knows: how a name follows from a text or a config file, which paths a config.toml can spell.
Does not know: what is in a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from charlstm.config import Config, is_path
from charlstm.errors import CharlstmError, shown
from charlstm.runs.folder import RunFolder, is_unicode
from charlstm.text.compression import DECOMPRESSORS


def run_name(text: Sequence[str], file: Path | None, config: Config) -> str:
    """A run is called after its config file, or after the run whose own that is, or else after its text."""
    if file and not text:
        return (file == RunFolder(file.parent).config and file.parent.name) or file.stem
    source = config.data.text[0]
    path = Path(source.removeprefix("builtin:").removeprefix("data:"))
    name = "stdin" if source == "-" else path.with_suffix("").stem if path.suffix.lower() in DECOMPRESSORS else path.stem
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:60] or "run"


def with_absolute_paths(config: Config) -> Config:
    """The run's own config.toml names its text from wherever it is read."""
    text = tuple(str(Path(source).absolute()) if is_path(source) else source for source in config.data.text)
    if odd := [source for source in text if not is_unicode(source)]:
        raise CharlstmError(f"the path {shown(odd[0])} is not UTF-8", remedy="move or rename the text")
    return config.model_copy(update={"data": config.data.model_copy(update={"text": text})})
