"""What a command reads: nothing that it writes may take the place of that.

A file is told by what it is on the disk: another spelling, a link or a hard link to it is the same file.

Knows: which files belong to a model, a text, a run that begins.
Does not know: which command it is, what is in the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from charlstm.config import load_config
from charlstm.errors import Argument, CharlstmError, RunError
from charlstm.files import read_whole
from charlstm.runs.folder import ANOTHER_RUN, RunFolder
from charlstm.text.source_kinds import FileSource
from charlstm.text.sources import find_sources
from charlstm.text.walking import Identity, identity_of


class Inputs:
    """The files that a command reads: those of models and their runs, of TEXT arguments, and others."""

    def __init__(self, models: Iterable[Path] = (), texts: Sequence[str] = (), files: Iterable[Path] = ()) -> None:
        self._sources = [source for source in find_sources(texts).all if isinstance(source, FileSource)] if texts else []
        of_models = [file for model in models for file in _files_of(model)]
        paths = [*of_models, *files, *(source.path for source in self._sources)]
        self._identities = {found for path in paths if (found := _found_at(path)) is not None}

    def hold(self, place: Path) -> bool:
        """Whether a place is that of a file that is read."""
        return _found_at(place) in self._identities

    def below(self, folder: Path) -> list[FileSource]:
        """The files of texts that lie in a folder, or below it."""
        place = folder.resolve()
        return [source for source in self._sources if source.path.resolve().is_relative_to(place)]


def refuse_replacing(folder: RunFolder, text: Sequence[str], config: Path | None) -> None:
    """RunError where a run in a folder would replace files of its own text or settings, or lie in a folder of its text.

    The text would be another one as soon as the run is there: what lies beside a run is no text.
    """
    if not folder.path.is_dir():
        return
    inputs = Inputs(texts=text, files=[config] if config and not _is_as_written(config) else ())
    for place in folder.replaced():
        if lost := place if inputs.hold(place) else next((source.path for source in inputs.below(place)), None):
            raise RunError(f"{lost} is read by this training, and what it writes would take its place", remedy=ANOTHER_RUN)
    for source in inputs.below(folder.path):
        if source.skippable:
            among = f"{source.path} was found as a part of the text, and no text is looked for in a folder with a run"
            raise RunError(among, remedy=ANOTHER_RUN)


def refuse_losing(run: Path | None, overwrite: bool, model: Path | None, extend: bool) -> None:
    """CharlstmError where a new run would replace the model that it begins with, or extend a vocabulary without a model."""
    if extend and not model:
        remedy = ("name one with ", Argument("begin"))
        raise CharlstmError("it needs a trained model", key="extend_vocabulary", value=True, remedy=remedy)
    if model and run and overwrite and _is_of(run, model):
        lost = (Argument("overwrite", True), " would replace the run that ", Argument("begin"), f" begins with, {model}")
        raise CharlstmError(lost, remedy=ANOTHER_RUN)


def _is_of(run: Path, model: Path) -> bool:
    """Whether a model is that of a run: its folder, or a file that is one of its files, whatever it is called."""
    if run.resolve() in (model.resolve(), model.resolve().parent):
        return True
    return model.is_file() and any(file.samefile(model) for file in RunFolder(run).held())


def _files_of(model: Path) -> list[Path]:
    """Those of a run, or a model file and those of the run that it is in."""
    if model.is_dir():
        return RunFolder(model).held()
    folder = RunFolder(model.parent)
    return [model, *(folder.held() if model in (folder.best, folder.last) else ())]


def _found_at(path: Path) -> Identity | None:
    try:
        return identity_of(path, path.stat())
    except (OSError, ValueError):  # it is not there, or no path
        return None


def _is_as_written(config: Path) -> bool:
    """Whether a config file is as a run wrote it, so that nothing is lost when another one takes its place."""
    try:
        return read_whole(config) == load_config(config).to_toml().encode()
    except CharlstmError:
        return False
