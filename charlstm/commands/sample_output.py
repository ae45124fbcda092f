"""Where the texts of `charlstm sample` go, and how they look there.

Knows: primes, separators, JSON, files and standard output.
Does not know: how a text is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from charlstm.commands.sample_request import SampleRequest
from charlstm.files import write_atomically
from charlstm.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.sampling.beam import Found
    from charlstm.sampling.completions import Choice, Completion

Pieces = Iterable[tuple[int, str]]
"""Pieces of texts, each with its text's number: a text's own follow each other."""


def deliver(pieces: Pieces, before: str, request: SampleRequest) -> None:
    """Write texts, `before` each of them, where they were asked for."""
    from charlstm.views.terminal import stream_out

    between = "" if request.as_json else request.between
    if request.has_file_each:
        for number, group in groupby(pieces, key=itemgetter(0)):
            path = request.place(number)
            assert path is not None
            write_atomically(path, _in_utf8(_joined(group, before, between)))
    elif path := request.place(0):
        write_atomically(path, _in_utf8(_joined(pieces, before, between)))
    else:
        stream_out(_joined(pieces, before, between), request.raw or request.as_json)  # JSON is safe as it is


def _joined(pieces: Pieces, before: str, between: str) -> Iterator[str]:
    last = None
    for number, piece in pieces:
        if number != last:
            yield before if last is None else between + before
            last = number
        yield piece


def _in_utf8(pieces: Iterable[str]) -> Iterator[bytes]:
    return (piece.encode("utf-8", errors="surrogatepass") for piece in pieces)


def text_facts(written: Completion, prime: str, vocabulary: Vocabulary, has_logprobs: bool) -> dict[str, Any]:
    """What --json says of a text that was drawn."""
    facts = _facts(prime, written.text, written.stop, written.seconds) | {"seed": written.seed}
    if has_logprobs:
        facts["logprobs"] = [_choice_facts(choice, vocabulary) for choice in written.choices]
    return facts


def beam_facts(found: Found, prime: str, width: int, seconds: float) -> dict[str, Any]:
    """What --json says of a text that was searched for."""
    return _facts(prime, found.text, found.stop, seconds) | {"beam": width, "logprob": round(found.log_probability, 6)}


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
