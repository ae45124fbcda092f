"""Whole texts: how each ended, how probable its characters were, and drawing again until one fits; and a text to go on from.

Knows: how many times a text may be drawn, and from which random numbers.
Does not know: what makes a text fit, where it goes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from charlstm.model.softmax import log_softmax
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.generate import TOGETHER, Begins, Cursor, Row, cursors_of, generate, read_ids
from charlstm.sampling.types import Logits
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary

Accept = Callable[[str], bool]
"""Whether a text, without its prime, is as asked for."""


class Choice(NamedTuple):
    """An id that was chosen, and what could have been."""

    chosen: int
    logprob: float
    """Its log-probability in nats under the model's own distribution, before any control."""
    alternatives: list[tuple[int, float]]
    """The most probable ids with theirs, the most probable first."""


@dataclass(frozen=True)
class Completion:
    """A text that has ended."""

    number: int
    """Among those that were generated together, from 0."""
    seed: int
    text: str
    """What follows the prime."""
    stop: str | None
    """The stop text that ended it; None where it has its full length."""
    seconds: float = field(compare=False)
    """From the start of its batch to its end."""
    choices: list[Choice]
    """Of the ids that its characters were made of; empty unless asked for."""


class Continuation:
    """One text from a cursor: its pieces as they come, and then, or whenever it is left, a cursor where it stands.

    Iterate over it once. Going on from `cursor()` takes nothing back: the one that it began at is as it was.
    """

    def __init__(self, engine: Engine, controls: Controls, cursor: Cursor, seed: int) -> None:
        self._engine, self._controls, self._begin = engine, controls, cursor
        self._log = _Log()
        self._row = Row(controls, cursor, seed)

    def __iter__(self) -> Iterator[str]:
        for _, piece in generate(self._engine, self._controls, self._begin, [self._row], self._log):
            yield piece

    def cursor(self) -> Cursor:
        """Where the text stands that was given out, without the stop text that ended it or was held back."""
        ids = self._log.ids[0]
        ids = ids[: _count_ids(self._controls.vocabulary, ids, self._row.ending.characters)]
        return read_ids(self._engine, np.array(ids, self._begin.history.dtype), self._begin)


def generate_completions(
    engine: Engine,
    controls: Controls,
    begins: Begins,
    seed: int,
    count: int,
    *,
    accept: Accept | None = None,
    tries: int = 1,
    alternatives: int | None = None,
    unique: bool = False,
) -> Iterator[Completion]:
    """Up to `count` texts in the order of their numbers, each as soon as it and those before it are done.

    Text i draws from a generator seeded with `seed + i`. One that `accept` refuses is drawn again, at most `tries` times in
    all: try r > 0 from a generator seeded with `[seed + i, r]`. Those that never fit are left out. With `alternatives`, of each
    id its log-probability is kept, and so many others. `unique` refuses a text that one with a smaller number has too.
    """
    seen = set[bytes]()
    for begin in range(0, count, TOGETHER):
        numbers = range(begin, min(begin + TOGETHER, count))
        cursors = cursors_of(begins, numbers)

        def drawn(attempts: Mapping[int, int], cursors: Mapping[int, Cursor] = cursors) -> Iterator[Completion]:
            """The texts of these numbers, each at this try."""
            seeds = {number: (seed + number, attempt) if attempt else seed + number for number, attempt in attempts.items()}
            rows = [Row(controls, cursors[number], of, number) for number, of in seeds.items()]
            return _ended(engine, controls, [cursors[number] for number in attempts], rows, seed, alternatives)

        if unique:
            yield from _distinct(drawn, numbers, accept, tries, seen)
            continue
        pending, done, turn = set(numbers), dict[int, Completion](), begin
        for attempt in range(tries):
            for completion in drawn(dict.fromkeys(sorted(pending), attempt)):
                if accept is None or accept(completion.text):
                    pending.remove(completion.number)
                    done[completion.number] = completion
                    while turn in done:
                        yield done.pop(turn)
                        turn += 1
            if not pending:
                break
        for number in sorted(done):
            yield done[number]


def _distinct(
    drawn: Callable[[Mapping[int, int]], Iterator[Completion]],
    numbers: Sequence[int],
    accept: Accept | None,
    tries: int,
    seen: set[bytes],
) -> Iterator[Completion]:
    """Of each number the first try that fits and is not what a smaller number has; `seen` are the texts before all of them.

    All that still lack a text are drawn again together, as if none of the smaller numbers changed any more; where one does,
    those after it are looked at anew. So a text is the same however many there are.
    """
    fitting = {number: list[tuple[Completion, bytes]]() for number in numbers}
    attempts = dict.fromkeys(numbers, 0)
    open_numbers = list(numbers)
    while open_numbers:
        taken, pending, settled = set[bytes](), list[int](), list[Completion]()
        for number in open_numbers:
            one = next((pair for pair in fitting[number] if pair[1] not in seen and pair[1] not in taken), None)
            if one is not None and pending:
                taken.add(one[1])
            elif one is not None:
                settled.append(one[0])
                seen.add(one[1])
            elif attempts[number] < tries:
                pending.append(number)
        yield from settled
        if not pending:
            return
        open_numbers = [number for number in open_numbers if number >= pending[0]]
        for completion in drawn({number: attempts[number] for number in pending}):
            attempts[completion.number] += 1
            if accept is None or accept(completion.text):
                key = blake2b(completion.text.encode(errors="surrogatepass"), digest_size=16).digest()
                fitting[completion.number].append((completion, key))


def _ended(
    engine: Engine, controls: Controls, cursors: Sequence[Cursor], rows: Sequence[Row], seed: int, alternatives: int | None
) -> Iterator[Completion]:
    """Texts side by side, each once it has ended; `seed` is that of text 0."""
    log = None if alternatives is None else _Log(alternatives)
    pieces = defaultdict[int, list[str]](list)
    begin = time.perf_counter()
    for row, piece in generate(engine, controls, cursors, rows, log):
        pieces[row.number].append(piece)
        if row.ending.reason is not None:
            text = "".join(pieces.pop(row.number))
            choices = [] if log is None else log.choices_of(row.number, controls.vocabulary, len(text))
            yield Completion(row.number, seed + row.number, text, row.ending.stop, time.perf_counter() - begin, choices)


class _Log:
    """Keeps, of each row, the ids that were chosen, and with `alternatives` how probable they and others were."""

    def __init__(self, alternatives: int | None = None) -> None:
        self.ids = defaultdict[int, list[int]](list)
        self._choices = defaultdict[int, list[Choice]](list)
        self._alternatives = alternatives

    def __call__(self, rows: Sequence[Row], logits: Logits, ids: Ids) -> None:
        for row, chosen in zip(rows, ids.tolist(), strict=True):
            self.ids[row.number].append(chosen)
        if self._alternatives is None:
            return
        logprobs = log_softmax(logits)
        best = (-logprobs).argsort(axis=1, kind="stable")[:, : self._alternatives]
        for row, own, chosen, others in zip(rows, logprobs, ids.tolist(), best, strict=True):
            alternatives = list(zip(others.tolist(), own[others].tolist(), strict=True))
            self._choices[row.number].append(Choice(chosen, float(own[chosen]), alternatives))

    def choices_of(self, number: int, vocabulary: Vocabulary, characters: int) -> list[Choice]:
        """Those of a row that made its first characters, so many."""
        return self._choices[number][: _count_ids(vocabulary, self.ids[number], characters)]


def _count_ids(vocabulary: Vocabulary, ids: Sequence[int], characters: int) -> int:
    """How many of the first ids make so many characters."""
    decode, made = vocabulary.decoder(), 0
    for count, i in enumerate(ids):
        if made >= characters:
            return count
        made += len(decode(i))
    return len(ids)
