"""What `charlstm sample` was asked for, and what of it can be found wrong before a model is loaded.

Knows: which options contradict each other and which need another; primes, patterns and names of files from outside.
Does not know: models, how anything is written.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from charlstm.asked import Asked, ask_sampling
from charlstm.config import LONGEST
from charlstm.errors import CharlstmError, TextError, shown
from charlstm.text.sources import find_sources
from charlstm.values import unescaped

MOST_PRIME = 2**20
"""Bytes of a prime. A longer one would take minutes to read, and a model remembers some thousands of characters at best."""
_WIDEST_BEAM = 1000  # a beam; wider ones need gigabytes, and find nothing better to read
_MOST = 10**9
_PLACEHOLDER = re.compile(r"\{(?::(0\d{1,2}))?\}")

_EXCLUDES = {
    "--forever": (
        "writes one text without an end",
        ("--length", "--count", "--json", "--beam", "--require", "--novelty", "--output"),
    ),
    "--prime-file": ("is the prime", ("--prime",)),
    "--beam": (
        "looks for the most probable text and draws nothing",
        (
            "--seed",
            "--count",
            "--temperature",
            "--top-k",
            "--top-p",
            "--min-p",
            "--typical-p",
            "--require",
            "--reject-copied",
            "--logprobs",
        ),
    ),
    "--json": ("tells prime and text apart by itself", ("--no-prime", "--separator", "--raw")),
}
"""What an option does, and the options that can't be had with it."""
_NEEDS = {
    "--logprobs": ("--json",),
    "--tries": ("--require", "--reject-copied"),
    "--separator": ("--count",),
    "--reject-copied": ("--novelty",),
}
"""An option, and those of which one must be there too."""


@dataclass(frozen=True)
class SampleRequest:
    """The options as they were given: None, False or empty where one was not."""

    model: Path
    config: Path | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    """The keys of [sample] that flags set."""
    prime_file: str | None = None
    no_prime: bool = False
    skip_unknown: bool = False
    seed: int | None = None
    count: int | None = None
    forever: bool = False
    require: str | None = None
    tries: int | None = None
    novelty: Sequence[str] = ()
    reject_copied: int | None = None
    beam: int | None = None
    blend: Sequence[str] = ()
    output: str | None = None
    separator: str | None = None
    as_json: bool = False
    logprobs: int | None = None
    raw: bool = False
    engine: Literal["auto", "torch", "onnx"] = "auto"
    precision: Literal["auto", "float32", "int8", "int4"] = "auto"
    device: str = "cpu"
    verbose: bool = False

    def check(self) -> None:
        """CharlstmError names the first thing that is wrong."""
        self._require_agreement()
        for option, value, least, most in (
            ("--seed", self.seed, 0, None),
            ("--count", self.count, 1, _MOST),
            ("--tries", self.tries, 1, _MOST),
            ("--reject-copied", self.reject_copied, 1, _MOST),
            ("--beam", self.beam, 1, _WIDEST_BEAM),
            ("--logprobs", self.logprobs, 0, _MOST),
        ):
            if value is not None and (value < least or (most is not None and value > most)):
                limit = "" if most is None else f", at most {most:,}"
                raise CharlstmError(f"{option} {shown(value)}: expected a whole number at least {least}{limit}")
        if self.given.get("prime") == "":
            raise CharlstmError("--prime is empty: give it at least one character to start from")
        self.asked  # noqa: B018 (says what is wrong with it)
        self.pattern()
        self.blended()
        self._require_corpus()
        for number in (0, (self.count or 1) - 1):
            self._require_place(number)

    @cached_property
    def asked(self) -> Asked:
        """What the file and flags ask for; a text without an end is as long as one can be asked to be."""
        keys = {**self.given, "length": LONGEST} if self.forever else self.given
        return ask_sampling(self.config, **keys)

    def prime(self) -> str | None:
        """The prime that a file or standard input holds; None where neither was named."""
        source = "-" if self.given.get("prime") == "-" else self.prime_file
        if source is None:
            return None
        name = "standard input" if source == "-" else shown(source)
        try:
            if source == "-":
                data = sys.stdin.buffer.read(MOST_PRIME + 1)
            else:
                with Path(source).open("rb") as file:
                    data = file.read(MOST_PRIME + 1)
            prime = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if len(data) <= MOST_PRIME:
                raise TextError(f"the prime from {name} is not UTF-8 (offset {error.start})") from None
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL
            raise TextError(f"can't read the prime from {name}: {getattr(error, 'strerror', None) or error}") from None
        if len(data) > MOST_PRIME:
            raise TextError(
                f"the prime from {name} has more than {MOST_PRIME:,} bytes: give its end alone (tail -c 100000), "
                "as a model remembers no more"
            )
        if not prime:
            raise TextError(f"the prime from {name} is empty: give it at least one character to start from")
        return prime

    def pattern(self) -> re.Pattern[str] | None:
        """What a text must match."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of what such a pattern may mean one day
                return None if self.require is None else re.compile(self.require)
        except (re.error, RecursionError, OverflowError) as error:
            raise CharlstmError(f"--require {shown(self.require)} is not a regular expression: {error}") from None

    def blended(self) -> list[tuple[Path, float]]:
        """The models to mix in, with their weights."""
        if not self.blend:
            return []
        from charlstm.sampling.engines.blend import parse_blend

        return [(Path(model), weight) for model, weight in map(parse_blend, self.blend)]

    def place(self, number: int) -> Path | None:
        """The file for a text; None for standard output."""
        if self.output is None:
            return None
        return Path(_PLACEHOLDER.sub(lambda found: format(number, found[1] or ""), self.output))

    @property
    def has_file_each(self) -> bool:
        """Whether each text goes to a file of its own."""
        return self.output is not None and _PLACEHOLDER.search(self.output) is not None

    @property
    def between(self) -> str:
        """What stands between two texts."""
        return "\n---\n" if self.separator is None else unescaped(self.separator)

    def _require_agreement(self) -> None:
        values = {
            "--prime-file": self.prime_file,
            "--no-prime": self.no_prime or None,
            "--raw": self.raw or None,
            "--seed": self.seed,
            "--count": self.count,
            "--forever": self.forever or None,
            "--require": self.require,
            "--tries": self.tries,
            "--novelty": self.novelty or None,
            "--reject-copied": self.reject_copied,
            "--beam": self.beam,
            "--output": self.output,
            "--separator": self.separator,
            "--json": self.as_json or None,
            "--logprobs": self.logprobs,
        }
        used = {option for option, value in values.items() if value is not None}
        used |= {f"--{key.replace('_', '-')}" for key in self.given}
        for option, (reason, others) in _EXCLUDES.items():
            if option in used and (both := [other for other in others if other in used]):
                raise CharlstmError(f"{option} and {both[0]} contradict each other: {option} {reason}; leave out one of them")
        for option, needed in _NEEDS.items():
            if option in used and used.isdisjoint(needed):
                raise CharlstmError(f"{option} does nothing without {' or '.join(needed)}: give both or neither")
        if self.separator is not None and self.has_file_each:
            raise CharlstmError("--separator does nothing where --output gives each text a file of its own: leave it out")

    def _require_corpus(self) -> None:
        if not self.novelty:
            return
        if "-" in self.novelty and "-" in (self.prime_file, self.given.get("prime")):
            raise CharlstmError("--novelty - and a prime from standard input: only one of them can be read from there")
        find_sources(self.novelty)

    def _require_place(self, number: int) -> None:
        path = self.place(number)
        if path is None:
            return
        if re.search("[{}]", _PLACEHOLDER.sub("", str(self.output))):
            raise CharlstmError(f"--output {shown(self.output)}: braces stand for a text's number, as {{}} or {{:03}}")
        try:
            if not path.parent.is_dir():
                raise CharlstmError(f"--output {shown(self.output)}: there is no folder {shown(str(path.parent))}")
            if path.exists() and not path.is_file():
                raise CharlstmError(f"--output {shown(self.output)}: {shown(str(path))} is there and is not a file")
        except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
            raise CharlstmError(f"--output {shown(self.output)}: {getattr(error, 'strerror', None) or error}") from None
