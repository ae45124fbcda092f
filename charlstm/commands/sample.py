"""`charlstm sample`: generate texts.

Knows: which packages generate, and what is said beside the texts.
Does not know: options and their help; how a request becomes texts; where the texts go.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from charlstm.commands.sample_output import Delivery, beam_facts, text_facts
from charlstm.commands.sample_request import SampleOptions
from charlstm.commands.text import say_if_waiting, say_left_out_of
from charlstm.errors import shown
from charlstm.sampling.request import SampleRequest
from charlstm.text.sources import find_sources
from charlstm.values import escape_hint

if TYPE_CHECKING:
    from charlstm.runs.model_file import Weights
    from charlstm.sampling.controls import Controls
    from charlstm.sampling.job import SampleJob


def sample_texts(options: SampleOptions) -> None:
    """Bring the texts that were asked for to standard output or files."""
    from charlstm.runs.model_file import read_weights
    from charlstm.views.console import print_line

    weights = read_weights(options.model)
    unit = weights.vocabulary.unit
    prime, primes = options.read_prime(unit), options.read_primes(unit)
    if primes:
        options = replace(options, request=replace(options.request, primes=primes))
    job = _job_for(options.request, weights, prime)
    _warn_of_what_is_skipped(options.request, job)
    if options.verbose:
        for path, one in zip([options.model, *(path for path, _ in job.request.blended)], job.opened, strict=True):
            print_line(f"{path}: engine {one.name}; {one.reason}")
    begin, delivery = time.perf_counter(), Delivery(job, options)
    if options.as_json:
        delivery.deliver(_json_lines(job, options.output is None and sys.stdout.isatty()))
    elif job.index is None:
        delivery.deliver(job.pieces())
    else:
        _deliver_with_novelty(job, delivery)
    job.require_all(delivery.texts)
    if sys.stdout.isatty() and options.output is None and not options.as_json:
        speed = delivery.characters / (time.perf_counter() - begin)
        chosen = f"seed {job.seed}" if job.request.beam is None else f"beam of {job.request.beam}"
        print_line(f"{chosen} · {speed:,.0f} characters a second", "dim")


def _job_for(request: SampleRequest, weights: Weights, prime: str | None) -> SampleJob:
    """Make the request ready for the model, with a bar where a long corpus is read for it."""
    from charlstm.sampling.job import resolve

    if not request.novelty:
        return resolve(request, weights, prime=prime, checked=_warn_of_stops)
    from charlstm.views.bars import reading_bar

    say_if_waiting(request.novelty)
    say_left_out_of(find_sources(request.novelty))
    with reading_bar() as progress:
        return resolve(request, weights, prime=prime, progress=progress, checked=_warn_of_stops)


def _warn_of_what_is_skipped(request: SampleRequest, job: SampleJob) -> None:
    """That a newline may have been meant by a backslash and an n, of which one was left out."""
    from charlstm.views.console import print_warning

    typed = str(request.given.get("prime", ""))
    if request.unknown == "skip" and (hint := escape_hint(typed)) and job.vocabulary.unknown("\\"):
        print_warning(f"of the prime {shown(typed)} the backslash was left out; {hint}")


def _warn_of_stops(controls: Controls) -> None:
    from charlstm.sampling.stops import impossible_stops
    from charlstm.views.console import print_warning

    settings = controls.config
    for stop in impossible_stops(settings, controls.vocabulary):
        hint = f"; {how}" if (how := escape_hint(stop)) else ""
        is_long = len(stop) > settings.length - settings.min_length
        reason = "it is longer than the text may be" if is_long else "it has a character that is never written"
        print_warning(f"the stop text {shown(stop)} can't occur: {reason}{hint}")


def _deliver_with_novelty(job: SampleJob, delivery: Delivery) -> None:
    from charlstm.commands.sample_novelty import Novelty
    from charlstm.views.console import print_line

    novelty = Novelty(job)
    delivery.deliver(novelty.noted(job.pieces()))
    for line in novelty.lines():
        print_line(line)


def _json_lines(job: SampleJob, is_shown: bool) -> Iterator[tuple[int, str]]:
    """The texts as JSON, each with its number; safe for a terminal where it is shown on one."""
    from charlstm.views.console import to_json

    for number, text, facts in _texts_and_facts(job):
        if copied := job.copied(text):
            from charlstm.commands.sample_novelty import copied_facts

            facts["novelty"] = copied_facts(copied, text)
        yield number, to_json(facts, is_shown)


def _texts_and_facts(job: SampleJob) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each text with its number and what is to be said of it."""
    if job.request.beam is None:
        for completion in job.completions():
            yield completion.number, completion.text, text_facts(completion, job)
    else:
        begin = time.perf_counter()
        found = job.find()
        yield 0, found.text, beam_facts(found, job, time.perf_counter() - begin)
