"""What somebody wants generated, and what of it can be found wrong before a model is loaded.

Knows: which wishes contradict each other and which need another, their ranges, patterns, how a blend is written.
Does not know: models, how anything is generated, where it goes.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from charlstm.asked import Asked, ask_sampling
from charlstm.config import LONGEST, load_config
from charlstm.errors import Argument, CharlstmError, require_choice
from charlstm.sampling.types import EngineName, Precision, PrecisionChoice
from charlstm.text.sources import find_sources

WIDEST_BEAM = 1000
"""Wider ones need gigabytes, and find nothing better to read."""
MOST = 10**9
"""Of texts, of tries for each, of characters in a row."""
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-6, 1e6

Excludes = Mapping[str, tuple[str, Sequence[str]]]
"""By the name of a wish: what it does, and those that can't be had with it."""
Needs = Mapping[str, Sequence[str]]
"""By the name of a wish: those of which one must be there too."""

_EXCLUDES: Excludes = {
    "forever": ("writes one text without an end", ("length", "count", "primes", "beam", "require", "unique", "novelty")),
    "primes": ("is what texts start from", ("prime",)),
    "beam": (
        "looks for the most probable text and draws nothing",
        (
            *("seed", "count", "temperature", "top_k", "top_p", "min_p", "typical_p"),
            *("primes", "require", "unique", "reject_copied", "logprobs"),
        ),
    ),
}
_NEEDS: Needs = {
    "tries": ("require", "unique", "reject_copied"),
    **dict.fromkeys(("reject_copied", "encoding", "errors", "newlines"), ("novelty",)),
}
_COMPILING = Lock()


@dataclass(frozen=True)
class SampleRequest:
    """How texts are to be generated: None, False or empty where nothing was said of it.

    CharlstmError, as it is made, names the first thing that is wrong with it.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    """Keys of [sample]. What is neither here nor in `config` is the model's own."""
    config: Path | None = None
    """A TOML file with more of them."""
    unknown: Literal["error", "skip"] = "error"
    """What to do with characters of the prime that the model never saw."""
    seed: int | None = None
    """Of text 0; text i, of all those of all primes, has `seed + i`. None for a fresh one."""
    primes: Sequence[str] = ()
    """What texts start from, several each, in place of one prime for all."""
    count: int | None = None
    """How many texts, for each prime; None for one."""
    forever: bool = False
    """Whether the text has no end."""
    require: str | None = None
    """A regular expression that is to be found in each text."""
    unique: bool = False
    """Whether no text may be what another one is."""
    tries: int | None = None
    """How often a text is drawn, at most, until it is as `require`, `unique` and `reject_copied` say."""
    novelty: Sequence[str] = ()
    """TEXT arguments: what texts are compared with."""
    encoding: str | None = None
    """How their bytes are read; this, `errors` and `newlines` are those of [data], None where they are left open."""
    errors: str | None = None
    newlines: str | None = None
    reject_copied: int | None = None
    """So many characters in a row of `novelty` make a text be drawn again."""
    beam: int | None = None
    """The width of a search for the most probable text."""
    blend: Sequence[str] = ()
    """Models that are mixed in, each as `MODEL:WEIGHT`; the weight of the model itself is 1."""
    logprobs: int | None = None
    """Of each id its log-probability is kept, and so many others."""
    engine: EngineName = "auto"
    precision: PrecisionChoice = "auto"
    device: str = "cpu"

    def __post_init__(self) -> None:
        require_choice("unknown", self.unknown, ("error", "skip"))
        require_choice("engine", self.engine, get_args(EngineName))
        require_choice("precision", self.precision, ("auto", *get_args(Precision)))
        require_agreement(self.used, _EXCLUDES, _NEEDS)
        for key, least, most in (
            ("seed", 0, None),
            ("count", 1, MOST),
            ("tries", 1, MOST),
            ("reject_copied", 1, MOST),
            ("beam", 1, WIDEST_BEAM),
            ("logprobs", 0, MOST),
        ):
            _require_in_range(key, getattr(self, key), least, most)
        if self.given.get("prime") == "":
            raise CharlstmError((Argument("prime"), " is empty"), remedy="give it at least one character to start from")
        for number, prime in enumerate(self.primes, 1):
            if not prime:
                problem = (f"prime {number:,} of ", Argument("primes"), " is empty")
                raise CharlstmError(problem, remedy="give it at least one character to start from")
        _ = self.asked, self.pattern, self.blended  # say what is wrong with them
        if self.novelty:
            find_sources(self.novelty)
            load_config(data=self.reading)  # only to find what is wrong with it

    @property
    def reading(self) -> dict[str, str]:
        """The keys of [data] that say how to read `novelty`."""
        keys = {"encoding": self.encoding, "errors": self.errors, "newlines": self.newlines}
        return {key: value for key, value in keys.items() if value is not None}

    @property
    def used(self) -> frozenset[str]:
        """The names of what was asked for."""
        values = {
            "seed": self.seed,
            "count": self.count,
            "primes": self.primes or None,
            "unique": self.unique or None,
            "forever": self.forever or None,
            "require": self.require,
            "tries": self.tries,
            "novelty": self.novelty or None,
            "reject_copied": self.reject_copied,
            "beam": self.beam,
            "logprobs": self.logprobs,
            **self.reading,
        }
        return frozenset(self.given) | {key for key, value in values.items() if value is not None}

    @cached_property
    def asked(self) -> Asked:
        """The settings that were asked for. A text without an end is as long as one can be asked to be."""
        keys = {**self.given, "length": LONGEST} if self.forever else self.given
        return ask_sampling(self.config, **keys)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What is to be found in a text."""
        try:
            with _COMPILING, warnings.catch_warnings():  # whose filters are those of all threads
                warnings.simplefilter("ignore", FutureWarning)  # of what such a pattern may mean one day
                return None if self.require is None else re.compile(self.require)
        except (re.error, RecursionError, OverflowError) as error:
            raise CharlstmError(f"not a regular expression: {error}", key="require", value=self.require) from None

    @cached_property
    def blended(self) -> Sequence[tuple[Path, float]]:
        """The models to mix in, with their weights."""
        return [(Path(model), weight) for model, weight in map(parse_blend, self.blend)]


def require_agreement(used: Set[str], excludes: Excludes, needs: Needs) -> None:
    """CharlstmError where two of the wishes that were made can't be had together, or one of them needs another."""
    for key, (reason, others) in excludes.items():
        if key in used and (both := [other for other in others if other in used]):
            pair = (Argument(key), " and ", Argument(both[0]))
            problem = (*pair, " contradict each other: ", Argument(key), f" {reason}")
            raise CharlstmError(problem, remedy="leave out one of them")
    for key, needed in needs.items():
        if key in used and used.isdisjoint(needed):
            first, *more = map(Argument, needed)
            either = [part for other in more for part in (" or ", other)]
            raise CharlstmError((Argument(key), " does nothing without ", first, *either), remedy="give both or neither")


def parse_blend(text: str) -> tuple[str, float]:
    """`MODEL:WEIGHT` as both; the MODEL may hold colons. CharlstmError where it is none of that.

    >>> parse_blend("C:/runs/ovid:0.5")
    ('C:/runs/ovid', 0.5)
    """
    model, _, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not model or not _LEAST_WEIGHT <= weight <= _MOST_WEIGHT:
        raise CharlstmError("expected MODEL:WEIGHT with a weight above 0, such as runs/ovid:0.5", key="blend", value=text)
    return model, weight


def _require_in_range(key: str, value: object, least: int, most: int | None) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is None or (is_whole and least <= value and (most is None or value <= most)):  # type: ignore[operator]
        return
    limit = "" if most is None else f", at most {most:,}"
    raise CharlstmError(f"expected a whole number at least {least}{limit}", key=key, value=value)
