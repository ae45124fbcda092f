"""A request made ready for a model: all that generating takes, each part made once.

    job = resolve(SampleRequest({"prime": "The ", "top_k": 5}, count=3), read_weights(path))
    for number, piece in job.pieces():
        ...

Knows: which part of a request becomes which, and which way of generating a request is.
Does not know: where texts go, how anything is shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.config import SampleConfig
from charlstm.errors import Argument, CharlstmError, NoneFitError, Phrase
from charlstm.runs.model_file import Weights, read_weights
from charlstm.sampling.beam import Found, beam_search
from charlstm.sampling.completions import Accept, Completion, generate_completions
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.engines.blend import BlendEngine, require_same_vocabulary
from charlstm.sampling.engines.selection import Opened, open_engine
from charlstm.sampling.generate import (
    Begins,
    Cursor,
    encode_prime,
    generate_pieces,
    read_ids,
    read_side_by_side,
    without_unknown,
)
from charlstm.sampling.request import SampleRequest
from charlstm.sampling.stops import NO_END
from charlstm.text.types import Ids, Progress
from charlstm.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.sampling.novelty import Copied, CopyIndex

USUAL_TRIES = 20
"""How often a text is drawn, at most, where that is left open."""


@dataclass(frozen=True)
class SampleJob:
    """What is to be generated, with what. Its methods may be called as often as one likes, and give the same each time."""

    request: SampleRequest
    engine: Engine
    opened: tuple[Opened, ...]
    """What was opened for it: the model itself, unless its engine was given, and those that are mixed in."""
    controls: Controls
    primes: Sequence[str]
    """What texts start from: `count` of them each."""
    ids: Ids
    """Of the first prime, (N,), N >= 1."""
    seed: int
    """Of text 0, chosen afresh where none was asked for."""
    index: CopyIndex | None
    """What texts are compared with."""

    @property
    def settings(self) -> SampleConfig:
        """The model's own with what was asked for in their place."""
        return self.controls.config

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self.controls.vocabulary

    @property
    def prime(self) -> str:
        """The first."""
        return self.primes[0]

    def prime_of(self, number: int) -> str:
        """What a text starts from."""
        return self.primes[number // self.count]

    @property
    def count(self) -> int:
        """How many texts are asked for, for each prime."""
        return self.request.count or 1

    @property
    def total(self) -> int:
        """How many texts are asked for in all."""
        return self.count * len(self.primes)

    @property
    def tries(self) -> int:
        """How often a text is drawn, at most."""
        return self.request.tries or USUAL_TRIES if self._may_draw_again else 1

    @cached_property
    def start(self) -> Cursor:
        """Where the prime ends. It is read once."""
        return read_ids(self.engine, self.ids)

    @property
    def _may_draw_again(self) -> bool:
        return self.request.unique or self.accept is not None

    @property
    def _begins(self) -> Begins:
        return self.start if len(self.primes) == 1 else self._cursors

    def _cursors(self, numbers: Sequence[int]) -> list[Cursor]:
        """Where the texts of these numbers begin: each of their primes is read once."""
        wanted = list(dict.fromkeys(map(self.prime_of, numbers)))
        read = read_side_by_side(self.engine, [encode_prime(prime, self.vocabulary) for prime in wanted])
        by_prime = dict(zip(wanted, read, strict=True))
        return [by_prime[self.prime_of(number)] for number in numbers]

    @cached_property
    def accept(self) -> Accept | None:
        """Whether a text is one that was asked for; None where any is."""
        pattern, least, copied = self.request.pattern, self.request.reject_copied, self.copied
        if pattern is None and least is None:
            return None
        names_cr = pattern is not None and ("\r" in pattern.pattern or r"\r" in pattern.pattern)
        searched = str if names_cr else self.vocabulary.line_ends.as_newlines

        def accept(text: str) -> bool:
            if pattern is not None and pattern.search(searched(text)) is None:
                return False
            found = None if least is None else copied(text)
            return found is None or least is None or found.longest < least

        return accept

    def pieces(self) -> Iterator[tuple[int, str]]:
        """Pieces of the texts, each with its text's number, a text's own after those of the one before it.

        Those of the first text that has not ended come as they are generated, through `generate` and `in_order` and nothing
        else; a text that has to be accepted, or is searched for, is one piece.
        """
        if self.request.beam is not None:
            return iter([(0, self.find().text)])
        if self._may_draw_again:
            return ((completion.number, completion.text) for completion in self.completions())
        return generate_pieces(self.engine, self.controls, self._begins, self.seed, self.total)

    def completions(self) -> Iterator[Completion]:
        """The texts as values, in the order of their numbers; those that never were as asked for are left out."""
        return generate_completions(
            self.engine,
            self.controls,
            self._begins,
            self.seed,
            self.total,
            accept=self.accept,
            tries=self.tries,
            alternatives=self.request.logprobs,
            unique=self.request.unique,
        )

    def find(self) -> Found:
        """The most probable text that a search of the width `request.beam` finds."""
        assert self.request.beam is not None
        return beam_search(self.engine, self.controls, self.request.beam, self.ids)

    def copied(self, text: str) -> Copied | None:
        """What of a text is in the corpus that texts are compared with; None where there is none."""
        return None if self.index is None else self.index.measure(text)

    def require_all(self, fitting: int) -> None:
        """NoneFitError where fewer texts were as asked for than the request says."""
        if fitting >= self.total:
            return
        wishes = {
            "require": "a pattern that fits more",
            "unique": "a longer or more daring text",
            "reject_copied": "a larger number",
        }
        made = {key: remedy for key, remedy in wishes.items() if getattr(self.request, key) not in (None, False)}
        about: list[str | Argument] = []
        for key in made:
            about += [" and "] * bool(about) + [Argument(key, getattr(self.request, key))]
        often = "once" if self.tries == 1 else f"up to {self.tries} times"
        remedy: Phrase = ("give more ", Argument("tries"), ", another ", Argument("seed"), f", or {' or '.join(made.values())}")
        raise NoneFitError((*about, f": {fitting:,} of {self.total:,} texts fit, each drawn {often}"), remedy=remedy)


def resolve(
    request: SampleRequest,
    weights: Weights,
    *,
    prime: str | None = None,
    engine: Engine | None = None,
    progress: Progress = lambda done, total: None,
    checked: Callable[[Controls], object] = lambda controls: None,
) -> SampleJob:
    """Make a request ready for a model.

    `prime` stands in place of that of the settings. `engine` is what steps the model where that is open already, whatever the
    request says of engine, precision and device. `progress` is told how far the corpus of `request.novelty` is read.
    `checked` is called once the settings fit the vocabulary, before anything that takes long.
    CharlstmError and its kinds where the request does not fit the model, or where a model or corpus can't be read.
    """
    vocabulary, settings = weights.vocabulary, request.asked.over(weights.config.sample)
    primes = _known_primes(request.primes or [settings.prime if prime is None else prime], request, vocabulary)
    ids = encode_prime(primes[0], vocabulary)
    if request.forever:
        settings = settings.model_copy(update={"length": NO_END})
    controls = Controls(settings, vocabulary)
    checked(controls)
    index = _index(request, weights, progress)
    stepping, opened = _open(request, weights, engine)
    seed = secrets.randbelow(2**32) if request.seed is None else request.seed
    return SampleJob(request, stepping, opened, controls, primes, ids, seed, index)


def _known_primes(primes: Sequence[str], request: SampleRequest, vocabulary: Vocabulary) -> list[str]:
    """Primes as the model reads them. CharlstmError names each character that it lacks, and which prime it is of several."""
    known = []
    for number, prime in enumerate(map(vocabulary.line_ends.typed, primes), 1):
        try:
            known.append(without_unknown(prime, vocabulary) if request.unknown == "skip" else prime)
            if vocabulary.unknown(known[-1]):
                encode_prime(prime, vocabulary)
        except CharlstmError as error:
            error.where = f"prime {number:,}: " if request.primes else ""
            raise
    return known


def _index(request: SampleRequest, weights: Weights, progress: Progress) -> CopyIndex | None:
    if not request.novelty:
        return None
    from charlstm.sampling.novelty import index_corpus  # here, as few need it and it takes long

    return index_corpus(request.novelty, weights.config.data, weights.vocabulary, progress, request.reading)


def _open(request: SampleRequest, weights: Weights, engine: Engine | None) -> tuple[Engine, tuple[Opened, ...]]:
    """What steps the model, or the blend of it and others; and what was opened for that."""

    def opened(model: Weights) -> Opened:
        return open_engine(model, request.engine, request.precision, request.device)

    others = [_blended(path, weights.vocabulary) for path, _ in request.blended]
    own = [opened(weights)] if engine is None else []
    every = [*own, *map(opened, others)]
    engines = [*([engine] if engine else []), *(one.engine for one in every)]
    if len(engines) == 1:
        return engines[0], tuple(every)
    return BlendEngine(engines, [1.0, *(weight for _, weight in request.blended)]), tuple(every)


def _blended(path: Path, vocabulary: Vocabulary) -> Weights:
    other = read_weights(path)
    require_same_vocabulary(vocabulary, other.vocabulary, str(path))
    return other
