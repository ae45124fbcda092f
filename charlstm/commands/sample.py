"""`charlstm sample`: write texts.

Knows: which settings hold, and which rooms write.
Does not know: options and their help; where the texts go.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from charlstm.commands.sample_output import Pieces, beam_facts, deliver, text_facts
from charlstm.commands.sample_request import SampleRequest
from charlstm.config import SampleConfig
from charlstm.errors import NoneFitError, shown
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.commands.sample_novelty import Novelty
    from charlstm.runs.model_file import Weights
    from charlstm.sampling.engines import Engine

_TRIES = 20


def sample_texts(request: SampleRequest) -> None:
    """Write the texts that were asked for to standard output or files."""
    request.check()
    prime = request.prime()

    from charlstm.runs.model_file import read_weights
    from charlstm.sampling.generate import encode_prime, without_unknown
    from charlstm.views.console import print_line

    weights = read_weights(request.model)
    vocabulary, settings = weights.vocabulary, request.asked.over(weights.config.sample)
    prime = settings.prime if prime is None else prime
    if request.skip_unknown:
        prime = without_unknown(prime, vocabulary)
    ids = encode_prime(prime, vocabulary)
    settings = _examined(settings, vocabulary, request.forever)
    novelty = _novelty(request, weights)
    engine = _open_blend(weights, request)
    # A fresh seed is chosen here and not further down, so that it can be told and used again.
    seed = secrets.randbelow(2**32) if request.seed is None else request.seed
    begin, tally = time.perf_counter(), _Tally(request)
    pieces = _pieces(engine, vocabulary, settings, ids, prime, seed, request, novelty)
    if novelty and not request.as_json:
        pieces = novelty.noted(pieces)
    deliver(tally.counted(pieces), "" if request.no_prime or request.as_json else prime, request)
    for line in novelty.lines() if novelty else ():
        print_line(line)
    tally.require_all()
    if sys.stdout.isatty() and request.output is None and not request.as_json:
        speed = tally.characters / (time.perf_counter() - begin)
        chosen = f"seed {seed}" if request.beam is None else f"beam of {request.beam}"
        print_line(f"{chosen} · {speed:,.0f} characters a second", "dim")


def _open_blend(weights: Weights, request: SampleRequest) -> Engine:
    """What steps the model, or the blend of it and others."""
    from charlstm.runs.model_file import read_weights
    from charlstm.sampling.engines.blend import BlendEngine, require_same_vocabulary
    from charlstm.sampling.engines.selection import open_engine
    from charlstm.views.console import print_line

    parts = [(weights, 1.0)]
    for path, weight in request.blended():
        other = read_weights(path)
        require_same_vocabulary(weights.vocabulary, other.vocabulary, str(path))
        parts.append((other, weight))
    opened = [open_engine(part, request.engine, request.precision, request.device) for part, _ in parts]
    if request.verbose:
        for path, one in zip([request.model, *(path for path, _ in request.blended())], opened, strict=True):
            print_line(f"{path}: engine {one.name}; {one.reason}")
    engines = [one.engine for one in opened]
    return engines[0] if len(engines) == 1 else BlendEngine(engines, [weight for _, weight in parts])


def _novelty(request: SampleRequest, weights: Weights) -> Novelty | None:
    """What the texts are compared with, where that was asked for."""
    if not request.novelty:
        return None
    from charlstm.commands.sample_novelty import Novelty

    return Novelty(request.novelty, weights.config.data, weights.vocabulary)


def _examined(settings: SampleConfig, vocabulary: Vocabulary, is_endless: bool) -> SampleConfig:
    """The settings, once they are known to fit the vocabulary; without a length where the text is to have no end."""
    from charlstm.sampling.controls import Controls
    from charlstm.sampling.stops import NO_END, impossible_stops
    from charlstm.views.console import print_warning

    Controls(settings, vocabulary)  # only to find what is wrong with them before anything is written
    settings = settings.model_copy(update={"length": NO_END}) if is_endless else settings
    for stop in impossible_stops(settings, vocabulary):
        hint = "; a shell's way to write a newline is $'\\n'" if "\\n" in stop else ""
        is_long = len(stop) > settings.length - settings.min_length
        reason = "it is longer than the text may be" if is_long else "it has a character that is never written"
        print_warning(f"the stop text {shown(stop)} can't occur: {reason}{hint}")
    return settings


def _pieces(
    engine: Engine,
    vocabulary: Vocabulary,
    settings: SampleConfig,
    ids: Ids,
    prime: str,
    seed: int,
    request: SampleRequest,
    novelty: Novelty | None,
) -> Pieces:
    """The texts as they are delivered: in pieces where that can be, as JSON where that was asked for."""
    from charlstm.sampling.completions import generate_completions
    from charlstm.sampling.generate import generate_pieces, read_ids
    from charlstm.views.console import to_json

    is_shown = request.output is None and sys.stdout.isatty()
    if request.beam is not None:
        text, facts = _search(engine, vocabulary, settings, ids, prime, request.beam)
        if novelty:
            facts["novelty"] = novelty.facts(text)
        yield 0, to_json(facts, is_shown) if request.as_json else text
        return
    count, accept, cursor = request.count or 1, _accept(request, novelty), read_ids(engine, ids)
    if accept is None and not request.as_json:
        yield from generate_pieces(engine, vocabulary, settings, cursor, seed, count)
        return
    tries = 1 if accept is None else request.tries or _TRIES
    for written in generate_completions(engine, vocabulary, settings, cursor, seed, count, accept, tries, request.logprobs):
        if request.as_json:
            facts = text_facts(written, prime, vocabulary, request.logprobs is not None)
            if novelty:
                facts["novelty"] = novelty.facts(written.text)
            yield written.number, to_json(facts, is_shown)
        else:
            yield written.number, written.text


def _accept(request: SampleRequest, novelty: Novelty | None) -> Callable[[str], bool] | None:
    """Whether a text is one that was asked for; None where any is."""
    pattern, least = request.pattern(), request.reject_copied
    if pattern is None and least is None:
        return None

    def accept(text: str) -> bool:
        if pattern is not None and pattern.search(text) is None:
            return False
        return least is None or novelty is None or not novelty.is_copied(text, least)

    return accept


def _search(
    engine: Engine, vocabulary: Vocabulary, settings: SampleConfig, ids: Ids, prime: str, width: int
) -> tuple[str, dict[str, Any]]:
    from charlstm.sampling.beam import beam_search

    begin = time.perf_counter()
    found = beam_search(engine, vocabulary, settings, width, ids)
    return found.text, beam_facts(found, prime, width, time.perf_counter() - begin)


class _Tally:
    """Counts what is delivered. NoneFitError where that is nothing, or in the end less than was asked for."""

    def __init__(self, request: SampleRequest) -> None:
        self.characters = 0
        self._texts = 0
        self._request = request

    def counted(self, pieces: Pieces) -> Iterator[tuple[int, str]]:
        last = None
        for number, piece in pieces:
            self.characters += len(piece)
            if number != last:
                self._texts += 1
                last = number
            yield number, piece
        if not self._texts:  # here, while no file has been touched yet
            self.require_all()

    def require_all(self) -> None:
        request = self._request
        asked, tries = request.count or 1, request.tries or _TRIES
        if self._texts < asked:
            options = {
                "--require": (request.require, "a pattern that fits more"),
                "--reject-copied": (request.reject_copied, "a larger number"),
            }
            used = {option: both for option, both in options.items() if both[0] is not None}
            given = " and ".join(f"{option} {shown(value)}" for option, (value, _) in used.items())
            remedies = " or ".join(remedy for _, remedy in used.values())
            raise NoneFitError(
                f"{given}: {self._texts} of {asked} texts fit, each drawn {'once' if tries == 1 else f'up to {tries} times'}; "
                f"give more --tries, another --seed, or {remedies}"
            )
