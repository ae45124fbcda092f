"""Where a text ends: at a stop text, or at its length.

Knows: texts as they come, piece by piece; that a newline in a stop text is any line end of the model's.
Does not know: models, ids, how the next piece is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from charlstm.config import SampleConfig
from charlstm.text.line_ends import LineEnds
from charlstm.text.vocabulary import Vocabulary

NO_END = 2**62
"""A length that no text reaches."""
_LITERALLY = LineEnds()


class StopTexts:
    """The texts that can end one, each in all its spellings: of a model that writes CRLF, a newline is CRLF, LF or CR.

    >>> stops = StopTexts(["ab", "b"])
    >>> stops.found("cab", 0), stops.found("cab", 2), stops.found("abc", 0)
    ('ab', 'b', None)
    """

    def __init__(self, stops: Sequence[str], line_ends: LineEnds = _LITERALLY) -> None:
        asked = {spelling: stop for stop in reversed(stops) for spelling in line_ends.spellings(stop)}
        self.asked = asked
        """What was asked for, by each spelling of it."""
        self.spellings = sorted(asked, key=len, reverse=True)
        self.first_characters = frozenset(spelling[0] for spelling in asked)
        halves = [] if line_ends.is_plain else [spelling for spelling in asked if spelling[-1] == "\r"]
        self.unfinished = frozenset(half for half in halves if f"{half}\n" in asked)
        """Spellings that end in half a line end: LF, if it comes next, belongs to them."""

    def found(self, text: str, begin: int) -> str | None:
        """The longest spelling that a text ends with which begins at `begin` or later, and not within a line end."""
        for spelling in self.spellings:
            at = len(text) - len(spelling)
            if text.endswith(spelling) and at >= begin and not (self.unfinished and text[max(0, at - 1) : at + 1] == "\r\n"):
                return spelling
        return None

    def may_begin(self, text: str) -> bool:
        """Whether a spelling begins with a text."""
        return any(spelling.startswith(text) for spelling in self.spellings)


class Ending:
    """Takes a text in pieces, and gives on what is certain to belong to it.

    The first stop text that is complete ends it, the longest where two are complete at once; the stop text itself does not
    belong to it, unless it is to be kept. One that begins within the first `min_length` characters is text like any other.

    >>> ending = Ending(["END"], length=100)
    >>> [ending.add(piece) for piece in ("a", "E", "N", "N", "E", "ND.")], ending.reason, ending.stop
    (['a', '', '', 'ENN', '', ''], 'stop', 'END')
    """

    def __init__(
        self, stops: Sequence[str], length: int, min_length: int = 0, line_ends: LineEnds = _LITERALLY, keep_stop: bool = False
    ) -> None:
        self.reason: Literal["length", "stop"] | None = None
        """Why the text has ended; None while it has not."""
        self.stop: str | None = None
        """The stop text that ended it, as it was asked for."""
        self.characters = 0
        """Characters given on so far."""
        self._stops = StopTexts(stops, line_ends)
        self._first_characters = self._stops.first_characters
        self._length, self._min_length, self._keep_stop = length, min_length, keep_stop
        self._held = ""  # a suffix of the text that a stop text may begin with
        self._before = ""  # the last character that was given on, where a line end may go on after it
        self._complete: str | None = None  # the spelling that ends it, unless the next character still belongs to that

    def add(self, piece: str) -> str:
        """The next piece of the text -> what is certain now. Nothing more may be added once `reason` is given."""
        if not self._held and self._first_characters.isdisjoint(piece) and self.characters + len(piece) < self._length:
            self.characters += len(piece)  # nearly every character takes this way
            self._before = ""
            return piece
        certain = ""
        for character in piece:
            if self.reason is None:
                certain += self._add_one(character)
        return certain

    def _add_one(self, character: str) -> str:
        held, begin = self._held + character, self.characters
        found = self._stops.found(self._before + held, len(self._before) + max(0, self._min_length - begin))
        if self._complete and found != f"{self._complete}\n":
            return self._end_before(held[:-1], self._complete)
        is_last = begin + len(held) == self._length
        if found is not None and (is_last or found not in self._stops.unfinished):
            return self._end_before(held, found)
        self._complete = found
        if is_last:
            self.reason = "length"
            return self._give_on(held, len(held))
        possible = range(max(0, self._min_length - begin), len(held))
        return self._give_on(held, next((i for i in possible if self._stops.may_begin(held[i:])), len(held)))

    def _end_before(self, held: str, spelling: str) -> str:
        self.reason, self.stop = "stop", self._stops.asked[spelling]
        return self._give_on(held, len(held) if self._keep_stop else len(held) - len(spelling))

    def _give_on(self, held: str, count: int) -> str:
        self._held = held[count:]
        self.characters += count
        self._before = held[count - 1 : count] if count else self._before
        return held[:count]


def impossible_stops(config: SampleConfig, vocabulary: Vocabulary) -> list[str]:
    """The stop texts that can't occur: too long, or with a character that the model lacks or may not generate."""
    line_ends = vocabulary.line_ends
    ban, allow = (set(line_ends.characters(vocabulary.normalized(characters))) for characters in (config.ban, config.allow))
    room = config.length - config.min_length

    def is_possible(spelling: str) -> bool:
        is_allowed = ban.isdisjoint(spelling) and (not allow or allow.issuperset(spelling))
        return is_allowed and _is_known(spelling, vocabulary) and len(spelling) <= room

    return [stop for stop in config.stop if not any(map(is_possible, line_ends.spellings(vocabulary.normalized(stop))))]


def _is_known(text: str, vocabulary: Vocabulary) -> bool:
    """False also where U+FFFD stands for one of its characters."""
    return not vocabulary.unknown(text) and vocabulary.decode(vocabulary.encode(text).tolist()) == vocabulary.normalized(text)
