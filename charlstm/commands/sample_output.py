"""Where the texts of `charlstm sample` go, and how they look there.

Knows: primes, separators, JSON, files and standard output.
Does not know: how a text is generated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from charlstm.commands.sample_request import SampleOptions
from charlstm.files import write_output
from charlstm.text.vocabulary import Vocabulary, to_bytes

if TYPE_CHECKING:
    from charlstm.sampling.beam import Found
    from charlstm.sampling.completions import Choice, Completion
    from charlstm.sampling.job import SampleJob

Pieces = Iterable[tuple[int, str]]
"""Pieces of texts, each with its text's number: a text's own follow each other."""


class Delivery:
    """Brings texts where they were asked for, each after its prime, and counts them."""

    def __init__(self, job: SampleJob, options: SampleOptions) -> None:
        self.texts = 0
        self.characters = 0
        """Without primes and what stands between texts."""
        self._job, self._options = job, options
        self._shows_prime = not (options.no_prime or options.as_json)

    def deliver(self, pieces: Pieces) -> None:
        """Write texts as they come. NoneFitError where there are none, before a file is touched."""
        options = self._options
        if options.has_file_each:
            for number, own in groupby(pieces, key=itemgetter(0)):
                self._write(number, own)
        elif options.output is not None:
            self._write(0, pieces)
        else:
            from charlstm.views.terminal import stream_out

            ends_in_cr = self._job.vocabulary.line_ends.newlines == "cr"
            stream_out(self._joined(pieces), options.raw or options.as_json, ends_in_cr)  # JSON is safe as it is

    def _write(self, number: int, pieces: Pieces) -> None:
        path = self._options.place(number)
        assert path is not None
        self._options.require_spared(path)
        write_output(path, _in_utf8(self._joined(pieces)))

    def _joined(self, pieces: Pieces) -> Iterator[str]:
        last = None
        for number, piece in pieces:
            if number != last:
                yield ("" if last is None else self._options.between) + (self._job.prime_of(number) * self._shows_prime)
                self.texts += 1
                last = number
            self.characters += len(piece)
            yield piece
        if last is None:
            self._job.require_all(0)


def _in_utf8(pieces: Iterable[str]) -> Iterator[bytes]:
    return map(to_bytes, pieces)


def text_facts(completion: Completion, job: SampleJob) -> dict[str, Any]:
    """What --json says of a text that was drawn."""
    prime = job.prime_of(completion.number)
    facts = _facts(prime, completion.text, completion.stop, completion.seconds) | {"seed": completion.seed}
    if job.request.primes:
        facts["prime_number"] = completion.number // job.count
    if job.request.logprobs is not None:
        facts["logprobs"] = [_choice_facts(choice, job.vocabulary) for choice in completion.choices]
    return facts


def beam_facts(found: Found, job: SampleJob, seconds: float) -> dict[str, Any]:
    """What --json says of a text that was searched for."""
    about = {"beam": job.request.beam, "logprob": round(found.log_probability, 6)}
    return _facts(job.prime, found.text, found.stop, seconds) | about


def _facts(prime: str, text: str, stop: str | None, seconds: float) -> dict[str, Any]:
    return {
        "prime": prime,
        "text": text,
        "stop_reason": "length" if stop is None else "stop",
        "stop": stop,
        "characters": len(text),
        "seconds": round(seconds, 6),
        "characters_per_second": round(len(text) / max(seconds, 1e-9), 1),
    }


def _choice_facts(choice: Choice, vocabulary: Vocabulary) -> dict[str, Any]:
    def symbol(i: int, logprob: float) -> dict[str, Any]:
        return {vocabulary.noun: vocabulary.decode([i]) if vocabulary.unit == "char" else i, "logprob": round(logprob, 6)}

    return symbol(choice.chosen, choice.logprob) | {"top_logprobs": [symbol(*other) for other in choice.alternatives]}
