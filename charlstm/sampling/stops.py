"""Where a text ends: at a stop text, or at its length.

Knows: texts as they come, piece by piece.
Does not know: models, ids, how the next piece is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from charlstm.config import SampleConfig
from charlstm.text.vocabulary import Vocabulary

NO_END = 2**62
"""A length that no text reaches."""


class Ending:
    """Takes a text in pieces, and gives on what is certain to belong to it.

    The first stop text that is complete ends it, the longest where two are complete at once; the stop text itself does not
    belong to it. One that begins within the first `min_length` characters is text like any other.

    >>> ending = Ending(["END"], length=100)
    >>> [ending.add(piece) for piece in ("a", "E", "N", "N", "E", "ND.")], ending.reason, ending.stop
    (['a', '', '', 'ENN', '', ''], 'stop', 'END')
    """

    def __init__(self, stops: Sequence[str], length: int, min_length: int = 0) -> None:
        self.reason: Literal["length", "stop"] | None = None
        """Why the text has ended; None while it has not."""
        self.stop: str | None = None
        """The stop text that ended it."""
        self.characters = 0
        """Characters given on so far."""
        self._stops = sorted(set(stops), key=len, reverse=True)
        self._first_characters = frozenset(stop[0] for stop in stops)
        self._length, self._min_length = length, min_length
        self._held = ""  # a suffix of the text that a stop text may begin with

    def add(self, piece: str) -> str:
        """The next piece of the text -> what is certain now. Nothing more may be added once `reason` is given."""
        if not self._held and self._first_characters.isdisjoint(piece) and self.characters + len(piece) < self._length:
            self.characters += len(piece)  # nearly every character takes this way
            return piece
        certain = ""
        for character in piece:
            if self.reason is None:
                certain += self._add_one(character)
        return certain

    def _add_one(self, character: str) -> str:
        held, begin = self._held + character, self.characters
        for stop in self._stops:
            if held.endswith(stop) and begin + len(held) - len(stop) >= self._min_length:
                self.reason, self.stop = "stop", stop
                return self._give_on(held, len(held) - len(stop))
        if begin + len(held) == self._length:
            self.reason = "length"
            return self._give_on(held, len(held))
        possible = range(max(0, self._min_length - begin), len(held))
        return self._give_on(held, next((i for i in possible if self._may_become_stop(held[i:])), len(held)))

    def _give_on(self, held: str, count: int) -> str:
        self._held = held[count:]
        self.characters += count
        return held[:count]

    def _may_become_stop(self, text: str) -> bool:
        return any(stop.startswith(text) for stop in self._stops)


def impossible_stops(config: SampleConfig, vocabulary: Vocabulary) -> list[str]:
    """The stop texts that can't occur: too long, or with a character that the model lacks or may not generate."""
    ban, allow = (set(vocabulary.normalized(characters)) for characters in (config.ban, config.allow))
    found = []
    for stop in config.stop:
        looked_up = vocabulary.normalized(stop)
        is_allowed = ban.isdisjoint(looked_up) and (not allow or allow.issuperset(looked_up))
        if not is_allowed or not _is_known(stop, vocabulary) or len(looked_up) > config.length - config.min_length:
            found.append(stop)
    return found


def _is_known(text: str, vocabulary: Vocabulary) -> bool:
    """False also where U+FFFD stands for one of its characters."""
    return not vocabulary.unknown(text) and vocabulary.decode(vocabulary.encode(text).tolist()) == vocabulary.normalized(text)
