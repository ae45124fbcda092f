"""A text that a person and a model add to in turns: where it stands, what can be taken back, places to return to.

Knows: that a place is a value, which costs nothing to return to: no text is ever read again.
Does not know: commands, terminals, how the model draws.
"""

from __future__ import annotations

import difflib
from collections.abc import Generator
from dataclasses import dataclass

from charlstm.asked import ask_sampling
from charlstm.config import SampleConfig
from charlstm.errors import Argument, CharlstmError, shown
from charlstm.sampling.completions import Continuation
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.generate import Cursor, read_ids
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.values import escape_hint, unicode


@dataclass(frozen=True, eq=False)
class Place:
    """Where a text stands: what was added last, and the place before that, which other places may share."""

    before: Place | None = None
    added: str = ""
    is_generated: bool = False
    """By the model, and not typed."""
    cursor: Cursor | None = None
    """None where the text is empty."""
    length: int = 0
    """Characters of the whole text."""

    def end(self, most: int) -> str:
        """The last characters of the text."""
        pieces, place, missing = [], self, most
        while missing > 0:
            pieces.append(place.added[-missing:])
            missing -= len(pieces[-1])
            if place.before is None:
                break
            place = place.before
        return "".join(reversed(pieces))

    def text(self) -> str:
        """All of it."""
        return self.end(self.length)


class Draft:
    """Text typed and text generated, one after the other. Whatever fails leaves it as it was."""

    def __init__(self, engine: Engine, controls: Controls, seed: int) -> None:
        self.controls = controls
        self.seed = seed
        """Of what the model generates next; the one after it has the next higher one."""
        self.place = Place()
        self.branches: dict[str, Place] = {}
        self._engine = engine
        self._done: list[Place] = []
        self._undone: list[Place] = []

    @property
    def settings(self) -> SampleConfig:
        """Those that hold now."""
        return self.controls.config

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self.controls.vocabulary

    def add(self, text: str) -> None:
        """Put a typed text at the end. CharlstmError names the characters that the model can't read."""
        try:
            unicode(text)
        except ValueError:
            raise CharlstmError(f"{shown(text)} is not UTF-8: nothing was added") from None
        text = self.vocabulary.line_ends.typed(text)
        if missing := self.vocabulary.unknown(text):
            hint = "\\" in missing and text == self.settings.prime and escape_hint(text)  # a line that is typed has its own way
            never_saw = f"the model never saw {describe(missing)}: nothing was added"
            raise CharlstmError(never_saw, remedy=hint or "write it without")
        if text:
            text = self.vocabulary.normalized(text)
            cursor = read_ids(self._engine, self.vocabulary.encode(text), self.place.cursor)
            self._move_to(self._after(self.place, text, False, cursor))

    def go_on(self) -> Generator[str, None, None]:
        """Let the model go on from here: its pieces as they come. What was taken of them is added, and none where none was."""
        return self._generated_after(self.place)

    def retry(self) -> Generator[str, None, None]:
        """The same from before what it generated last, in place of that."""
        return self._generated_after(self.before_retry)

    @property
    def before_retry(self) -> Place:
        """Where a retry begins."""
        place = self.place
        return place.before if place.is_generated and place.before else place

    def undo(self) -> None:
        """Return to the place before the last change of the text: an addition, a retry, a move to a branch, a new text."""
        if not self._done:
            raise CharlstmError("there is nothing to undo")
        self._undone.append(self.place)
        self.place = self._done.pop()

    def redo(self) -> None:
        """Take back an undo. There is none to take back once the text has changed."""
        if not self._undone:
            raise CharlstmError("there is nothing to redo")
        self._done.append(self.place)
        self.place = self._undone.pop()

    def branch(self, name: str, overwrite: bool = False) -> None:
        """Remember this place under a name. CharlstmError where there is such a branch that is not to be overwritten."""
        if name in self.branches and not overwrite:
            remedy = ("take another name, or ", Argument("overwrite", True))
            raise CharlstmError(f"there is a branch {shown(name)}", remedy=remedy)
        self.branches[name] = self.place

    def go_to(self, name: str) -> None:
        """Return to a branch."""
        if name not in self.branches:
            near = difflib.get_close_matches(name, self.branches, 1)
            raise CharlstmError(f"no branch {shown(name)}", remedy=f"did you mean {near[0]}?" if near else "")
        self._move_to(self.branches[name])

    def start_anew(self) -> None:
        """An empty text. The branches stay."""
        self._move_to(Place())

    def set(self, name: str, value: str) -> None:
        """Change a setting of [sample], the value as in TOML or a bare text. ConfigError or CharlstmError say what is wrong."""
        key = name.removeprefix("sample.").replace("-", "_")
        settings = ask_sampling(None, [f"sample.{key}={value}"]).over(self.settings)
        self.controls = Controls(settings, self.vocabulary)

    def _generated_after(self, place: Place) -> Generator[str, None, None]:
        if place.cursor is None:
            raise CharlstmError("there is no text to go on from: type how it begins")
        continuation = Continuation(self._engine, self.controls, place.cursor, self.seed)
        self.seed += 1
        return self._kept(place, continuation)

    def _kept(self, place: Place, continuation: Continuation) -> Generator[str, None, None]:
        taken = []
        try:
            for piece in continuation:
                taken.append(piece)
                yield piece
        finally:
            if text := "".join(taken):
                self._move_to(self._after(place, text, True, continuation.cursor()))

    @staticmethod
    def _after(place: Place, added: str, is_generated: bool, cursor: Cursor) -> Place:
        return Place(place, added, is_generated, cursor, place.length + len(added))

    def _move_to(self, place: Place) -> None:
        self._done.append(self.place)
        self._undone.clear()
        self.place = place
