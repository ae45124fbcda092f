"""The loop that generates: a prime is read, an id chosen, fed back, and the next one chosen.

Knows: how texts are generated side by side, where each stands, and that each has its own random numbers.
Does not know: which engine steps the model, how an id is chosen, where the text goes.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from charlstm.errors import Argument, CharlstmError, shown
from charlstm.model.types import Doubles
from charlstm.sampling.controls import HISTORY_LENGTH, Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.stops import Ending
from charlstm.sampling.types import EngineState, Logits
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.values import escape_hint

TOGETHER = 256
"""Texts in a batch, at most: more of them are hardly faster, and would take more memory."""
_READ_ALONE = 2000  # ids of a prime: an engine may read a longer one otherwise than beside others
_READ_AT_ONCE = 2**20  # ids of a prime; an engine takes them in 8 bytes each
_DRAWN_AT_ONCE = 64

Watch = Callable[[Sequence["Row"], Logits, Ids], None]
"""Is shown, at every step, the rows that go on, the model's own logits (B, V) for their next id, and the ids chosen, (B,)."""


@dataclass(frozen=True)
class Cursor:
    """Where a text stands: all that is needed to go on from there, as often as one likes. A value, which nothing changes."""

    logits: Logits
    """Of what comes next, (1, V)."""
    state: EngineState
    """Of a single text."""
    history: Ids
    """The last ids, `HISTORY_LENGTH` at most, which the controls look at."""


def read_ids(engine: Engine, ids: Ids, cursor: Cursor | None = None) -> Cursor:
    """Read ids (N,) from where a cursor stands, or from the beginning, where N must be at least 1."""
    logits, state, history = (cursor.logits, cursor.state, cursor.history) if cursor else (None, None, ids[:0])
    for begin in range(0, len(ids), _READ_AT_ONCE):
        logits, state = engine.prefill(ids[begin : begin + _READ_AT_ONCE].astype(np.int64)[:, None], state)
    assert logits is not None, "nothing to read"
    return Cursor(logits, state, np.concatenate([history, ids[-HISTORY_LENGTH:]])[-HISTORY_LENGTH:])


Begins = Cursor | Callable[[Sequence[int]], Sequence[Cursor]]
"""Where texts begin: all at one place, or each at its own, by their numbers."""


def read_side_by_side(engine: Engine, primes: Sequence[Ids]) -> list[Cursor]:
    """The cursors of several primes, ids (N,), N >= 1: each that of `read_ids`, short ones read together.

    a b c d e     one more is read of all at a time; a prime that has ended leaves with its state
    f g h
    i j k
    """
    found = {i: read_ids(engine, prime) for i, prime in enumerate(primes) if len(prime) > _READ_ALONE}
    live = [i for i in range(len(primes)) if i not in found]
    state, begin = None, 0
    while live:
        end = min(len(primes[i]) for i in live)
        if end > begin:
            part = np.stack([primes[i][begin:end] for i in live], axis=1).astype(np.int64)
            logits, state = engine.prefill(part, state)
        for place, i in enumerate(live):
            if len(primes[i]) == end:
                history = primes[i][-HISTORY_LENGTH:]
                found[i] = Cursor(logits[place : place + 1].copy(), engine.select(state, [place]), history)
        places = [place for place, i in enumerate(live) if i not in found]
        live, begin = [live[place] for place in places], end
        if places:
            state = engine.select(state, places)
    return [found[i] for i in range(len(primes))]


def encode_prime(prime: str, vocabulary: Vocabulary) -> Ids:
    """The ids (N,) of a prime, a newline as the model's line end.

    CharlstmError where it is empty, or names each character that the vocabulary lacks.
    """
    prime = vocabulary.line_ends.typed(prime)
    if not prime:
        raise CharlstmError("the prime is empty: at least one character is needed to start from")
    if missing := vocabulary.unknown(prime):
        problem = f"the prime has characters that the model never saw: {describe(missing)}"
        hint = "\\" in missing and escape_hint(prime)
        raise CharlstmError(problem, remedy=hint or ("use ", Argument("unknown", "skip"), " to leave them out"))
    return vocabulary.encode(prime)


def without_unknown(prime: str, vocabulary: Vocabulary) -> str:
    """A prime without the characters that the vocabulary lacks. CharlstmError where nothing is left of it."""
    known = vocabulary.without_unknown(vocabulary.line_ends.typed(prime))
    if prime and not known:
        raise CharlstmError(f"no character of the prime {shown(prime)} is known to the model")
    return known


class Row:
    """One text while it is generated among others: its random numbers, its ids, where it ends."""

    def __init__(self, controls: Controls, cursor: Cursor, seed: int | Sequence[int], number: int = 0) -> None:
        vocabulary, config = controls.vocabulary, controls.config
        self.number = number
        """Tells it from the others."""
        stops = [vocabulary.normalized(stop) for stop in config.stop]
        self.ending = Ending(stops, config.length, config.min_length, vocabulary.line_ends, config.keep_stop)
        self.history = array("q", cursor.history.tolist())
        """The last ids, those of the prime before its own: at least as many as the controls look at."""
        self._generator = np.random.default_rng(seed)
        self._decode = vocabulary.decoder()

    def draw(self) -> Doubles:
        """The uniform numbers for its next `_DRAWN_AT_ONCE` ids, one each."""
        return self._generator.random(_DRAWN_AT_ONCE)

    def add(self, chosen: int) -> str:
        """The next id -> what is certain to belong to the text now."""
        history = self.history
        history.append(chosen)
        if len(history) > 2 * HISTORY_LENGTH:
            del history[:-HISTORY_LENGTH]
        piece = self._decode(chosen)
        return self.ending.add(piece) if piece else ""


def generate(
    engine: Engine, controls: Controls, cursors: Cursor | Sequence[Cursor], rows: Sequence[Row], watch: Watch | None = None
) -> Iterator[tuple[Row, str]]:
    """Let texts go on from a cursor, or from one each, side by side -> pieces of them, each as soon as it is known.

    The last piece of a text, empty perhaps, comes once its `ending.reason` is given; the text then leaves the batch.
    """
    live = list(rows)
    logits, state = _together(engine, [cursors] * len(live) if isinstance(cursors, Cursor) else cursors)
    choose, step = controls.choose, engine.step
    histories = [row.history for row in live]
    draws, column = np.empty((len(live), 0)), 0
    while True:
        if column == draws.shape[1]:
            draws, column = np.stack([row.draw() for row in live]), 0
        ids = choose(logits, histories, draws[:, column])
        column += 1
        if watch is not None:
            watch(live, logits, ids)
        has_ended = False
        for row, chosen in zip(live, ids.tolist(), strict=True):
            piece = row.add(chosen)
            if row.ending.reason is not None:
                has_ended = True
                yield row, piece
            elif piece:
                yield row, piece
        if has_ended:
            places = [place for place, row in enumerate(live) if row.ending.reason is None]
            if not places:
                return
            live, ids, draws = [live[place] for place in places], ids[places], draws[places]
            state, histories = engine.select(state, places), [row.history for row in live]
        logits, state = step(ids, state)


def _together(engine: Engine, cursors: Sequence[Cursor]) -> tuple[Logits, EngineState]:
    """The logits (B, V) and the state of texts that stand at B cursors."""
    first = cursors[0]
    if len(cursors) == 1:
        return first.logits, first.state
    if all(cursor is first for cursor in cursors):
        return np.repeat(first.logits, len(cursors), axis=0), engine.select(first.state, [0] * len(cursors))
    return np.concatenate([cursor.logits for cursor in cursors]), engine.join([cursor.state for cursor in cursors])


def cursors_of(begins: Begins, numbers: Sequence[int]) -> dict[int, Cursor]:
    """Where the texts of these numbers begin."""
    return dict(zip(numbers, [begins] * len(numbers) if isinstance(begins, Cursor) else begins(numbers), strict=True))


def generate_text(engine: Engine, controls: Controls, seed: int) -> Iterator[str]:
    """What follows `sample.prime`, at most `sample.length` characters, each as soon as it is known.

    CharlstmError, before anything is generated, names each character of the prime that the vocabulary lacks.
    """
    ids = encode_prime(controls.config.prime, controls.vocabulary)

    def pieces() -> Iterator[str]:
        cursor = read_ids(engine, ids)
        for _, piece in generate(engine, controls, cursor, [Row(controls, cursor, seed)]):
            yield piece

    return pieces()


def generate_pieces(engine: Engine, controls: Controls, begins: Begins, seed: int, count: int) -> Iterator[tuple[int, str]]:
    """`count` texts in pieces, each with its text's number: those of text 0 as they come, then those of text 1, and so on.

    Text i draws from a generator that is seeded with `seed + i`.
    """

    def batch(first: int) -> Iterator[tuple[int, str]]:
        numbers = range(first, min(first + TOGETHER, count))
        cursors = cursors_of(begins, numbers)
        rows = [Row(controls, cursors[number], seed + number, number) for number in numbers]
        return in_order(generate(engine, controls, list(cursors.values()), rows), first)

    return chain.from_iterable(map(batch, range(0, count, TOGETHER)))


def in_order(pieces: Iterable[tuple[Row, str]], first: int) -> Iterator[tuple[int, str]]:
    """Pieces of texts side by side -> of one text after the other: of the first that has not ended yet as they come."""
    turn, ended, held = first, set(), defaultdict[int, list[str]](list)
    for row, piece in pieces:
        if row.number == turn:
            yield turn, piece
        else:
            held[row.number].append(piece)
        if row.ending.reason is not None:
            ended.add(row.number)
            while turn in ended:
                turn += 1
                if turn in held:
                    yield turn, "".join(held.pop(turn))
