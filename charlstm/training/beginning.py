"""How a run begins, and how one goes on: from what was asked for to a text that is ready and a training that stands somewhere.

    new run        asked + text (+ a trained model)  ->  Prepared  ->  new_training
    resumed run    its newest whole save + its text  ->  Resumed   ->  Resumed.training

Knows: which checks come before which work, which settings a trained model or a save decides.
Does not know: how a text is read with a bar, what is shown of any of it, the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from charlstm.asked import Asked
from charlstm.config import DataConfig, load_config
from charlstm.errors import Argument, TextError, UnknownCharactersError
from charlstm.runs.folder import RunFolder
from charlstm.runs.naming import with_absolute_paths
from charlstm.runs.saved_model import SavedModel
from charlstm.text.corpus import Corpus
from charlstm.text.source_kinds import is_piped
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.finetune import settle
from charlstm.training.prepared import Prepared, prepare
from charlstm.training.resume import Saved, check_text, load_training, refuse_another, resume_training
from charlstm.training.state import Training


class ReadText(Protocol):
    """Reads `data.text` as `data` says, with a given vocabulary, which may be extended or not; see `read_corpus`."""

    def __call__(
        self, data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False, as_before: bool = False, /
    ) -> Corpus: ...


def prepare_new(asked: Asked, trained: SavedModel | None, extend: bool, read: ReadText) -> Prepared:
    """The text of a new run, ready to train on. With a trained model its vocabulary and network hold.

    UnknownCharactersError where the text has characters that such a model lacks; ConfigError and TextError as in `prepare`.
    """
    if trained is None:
        corpus = read(asked.config.data, None, False)
    else:
        asked = settle(asked, trained.config, extend)
        try:
            corpus = read(asked.config.data, trained.vocabulary, extend)
        except UnknownCharactersError as error:
            remedy = (Argument("extend_vocabulary", True), " adds them to the model's")
            raise UnknownCharactersError(error.problem, remedy=remedy) from None
    return prepare(corpus, replace(asked, config=with_absolute_paths(asked.config)))


@dataclass(frozen=True)
class Resumed:
    """A run that is about to go on."""

    folder: RunFolder
    saved: Saved
    prepared: Prepared
    damage: str
    """What was wrong with the newest save, where it goes on from the one before; else empty."""

    def training(self, device: torch.device) -> Training:
        """The training as it stood. RunError where no step is left to take."""
        return resume_training(self.saved, self.prepared, device)

    def notes(self) -> list[str]:
        """What the user should know of it before it goes on."""
        notes = [self.damage] if self.damage else []
        if not self.folder.holds_config(self.saved.config):
            name = self.folder.config.name
            notes.append(f"{name} is not as it was written: the settings of the save hold, unless others are asked for")
        return notes

    def put_back(self) -> list[str]:
        """Put the folder back to where the save was made -> notes on what was not as it was written."""
        if self.damage:
            self.folder.promote_previous()
        changed = self.folder.go_back_to(self.saved.marks)
        self.folder.forget_kept_after(self.saved.position.step)
        return [f"{name} is not as it was written: its whole lines are kept" for name in changed]


def prepare_resumed(
    folder: RunFolder, read: ReadText, assignments: Iterable[str] = (), sections: Mapping[str, Mapping[str, Any]] | None = None
) -> Resumed:
    """The newest whole save of a run and its text. Settings that are changed come as assignments or by section.

    ModelError where no save is whole, RunError where a setting would make it another training, and all that `prepare` raises.
    """
    saved, damage = load_training(folder)
    own = saved.config.model_dump(mode="json")
    changed = {name: {**keys, **(sections or {}).get(name, {})} for name, keys in own.items()}
    config = with_absolute_paths(load_config(None, assignments, **changed))
    refuse_another(saved.config, config)
    corpus = _read_again(saved, config.data, read)
    check_text(saved, corpus.digest, config.data)
    return Resumed(folder, saved, prepare(corpus, Asked.all_of(config)), damage)


def _read_again(saved: Saved, data: DataConfig, read: ReadText) -> Corpus:
    """The text of a run that goes on, perhaps as the version read it that began the run. TextError says how to name it anew."""
    if "-" in data.text and not is_piped():
        remedy = ("pipe it in again, or ", Argument("data.text", "FILE"), " names a file that holds it")
        raise TextError("the text of this run came from standard input", remedy=remedy)
    given = saved.vocabulary if saved.is_vocabulary_given else None
    try:
        corpus = read(data, given)
        problem = None
    except TextError as error:
        corpus, problem = None, error
    if corpus is None or corpus.digest != saved.text:
        with suppress(TextError):
            before = read(data, given, False, True)
            corpus = before if before.digest == saved.text else corpus
    if corpus is None and problem:
        if not problem.remedy:
            problem.remedy = (Argument("data.text", "PATH"), " says where the text of this run lies now")
        raise problem
    assert corpus is not None
    return corpus
