"""What a command line of `charlstm sample` says beside the request itself: where the prime comes from, where the texts go.

Knows: which of these contradict each other, primes and names of files from outside.
Does not know: models, how anything is generated.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from charlstm.commands.outputs import require_place, require_spared
from charlstm.config import load_config
from charlstm.errors import CharlstmError, TextError, shown
from charlstm.runs.inputs import Inputs
from charlstm.sampling.request import Excludes, Needs, SampleRequest, require_agreement
from charlstm.text.compression import Stream
from charlstm.text.decoding import TextReader
from charlstm.text.line_ends import with_line_ends
from charlstm.values import unescaped

MOST_PRIMES = 2**27
"""Bytes of a file with many."""
MOST_PRIME = 2**20
"""Bytes of a prime. A longer one would take minutes to read, and a model remembers some thousands of characters at best."""
_LOOKED_AT_FIRST = 1000
"""Of many files so many are looked at before a model is loaded; each is once more before it is written."""
_PLACEHOLDER = re.compile(r"\{(?::(0\d{1,2}))?\}")

_EXCLUDED_OPTIONS: Excludes = {
    "forever": ("writes one text without an end", ("json", "output")),
    "prime_file": ("is the prime", ("prime", "primes")),
    "primes": ("is what texts start from", ("prime", "beam", "forever")),
    "json": ("tells prime and text apart by itself", ("no_prime", "separator", "raw")),
}
_NEEDED_OPTIONS: Needs = {"logprobs": ("json",), "separator": ("count", "primes")}
_TO_READ: Needs = dict.fromkeys(("encoding", "errors"), ("novelty", "prime_file", "primes"))


@dataclass(frozen=True)
class SampleOptions:
    """The options as they were given: None, False or empty where one was not.

    CharlstmError, as they are made, names the first thing that is wrong.
    """

    model: Path
    request: SampleRequest
    prime_file: str | None = None
    primes_file: str | None = None
    """A file with a prime on each line."""
    is_prime_piped: bool = False
    """Whether standard input holds the prime."""
    reading: Mapping[str, str] = field(default_factory=dict)
    """Keys of [data] that say how the bytes of primes are read: `encoding` and `errors`, where they were given."""
    no_prime: bool = False
    output: str | None = None
    separator: str | None = None
    as_json: bool = False
    raw: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        needed = _NEEDED_OPTIONS if self.is_prime_piped else {**_NEEDED_OPTIONS, **_TO_READ}
        require_agreement(self._used(), _EXCLUDED_OPTIONS, needed)
        if self.separator is not None and self.has_file_each:
            raise CharlstmError("--separator does nothing where --output gives each text a file of its own: leave it out")
        if "-" in self.request.novelty and self._prime_source() == "-":
            raise CharlstmError("--novelty - and a prime from standard input: only one of them can be read from there")
        count = (self.request.count or 1) * max(1, len(self.request.primes))
        for number in {*range(min(count, _LOOKED_AT_FIRST)), count - 1}:
            self._require_place(number)

    def read_primes(self, unit: str = "char") -> tuple[str, ...]:
        """The primes that `primes_file` holds, one a line, whatever ends it; none where it was not named.

        `unit` is the model's: one that knows bytes starts from any.
        """
        if self.primes_file is None:
            return ()
        name = "standard input" if self.primes_file == "-" else shown(self.primes_file)
        text = self._decoded(_bytes_of("the primes", self.primes_file, MOST_PRIMES, "give them in several files"), name, unit)
        lines = with_line_ends(text, "lf").removesuffix("\n").split("\n")
        for number, line in enumerate(lines, 1):
            if not line:
                where = f"line {number:,} of the primes from {name} is empty"
                raise TextError(f"{where}: a prime needs at least one character, so take the line out")
        return tuple(lines)

    def read_prime(self, unit: str = "char") -> str | None:
        """The prime that a file or standard input holds; None where neither was named. `unit` as for `read_primes`."""
        source = self._prime_source()
        if source is None or source == self.primes_file:
            return None
        name = "standard input" if source == "-" else shown(source)
        shorter = "give its end alone (tail -c 100000), as a model remembers no more"
        prime = self._decoded(_bytes_of("the prime", source, MOST_PRIME, shorter), name, unit)
        if not prime:
            raise TextError(f"the prime from {name} is empty: give it at least one character to start from")
        return prime

    def require_spared(self, path: Path) -> None:
        """CharlstmError where a text would take the place of something that is read for it."""
        require_spared("output", path, self._inputs, self._pattern)

    @property
    def _pattern(self) -> str:
        """What names the files of several texts; empty where they go to one."""
        return self.output if self.output is not None and self.has_file_each else ""

    @cached_property
    def _inputs(self) -> Inputs:
        files = [Path(file) for file in (self.prime_file, self.primes_file, self.request.config) if file is not None]
        return Inputs([self.model, *(model for model, _ in self.request.blended)], self.request.novelty, files)

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
        if self.as_json:
            return ""
        return "\n---\n" if self.separator is None else unescaped(self.separator)

    def _decoded(self, data: bytes, name: str, unit: str) -> str:
        """The text that bytes hold. It is UTF-8 if it can be, where nothing else was asked for, or for another text."""
        if not self.reading or self.request.novelty:
            with suppress(UnicodeDecodeError):
                return data.decode("utf-8-sig")
        reader = TextReader(load_config(data={**self.reading, "unit": unit}).data)
        return "".join(reader.read(Stream(io.BytesIO(data), name)))

    def _prime_source(self) -> str | None:
        return "-" if self.is_prime_piped else self.prime_file or self.primes_file

    def _used(self) -> frozenset[str]:
        options = {
            "prime": self.is_prime_piped,
            "prime_file": self.prime_file is not None,
            "primes": self.primes_file is not None,
            "no_prime": self.no_prime,
            "output": self.output is not None,
            "separator": self.separator is not None,
            "json": self.as_json,
            "raw": self.raw,
        }
        return self.request.used | self.reading.keys() | {name for name, is_used in options.items() if is_used}

    def _require_place(self, number: int) -> None:
        path = self.place(number)
        if path is None:
            return
        if re.search("[{}]", _PLACEHOLDER.sub("", str(self.output))):
            raise CharlstmError(f"--output {shown(self.output)}: braces stand for a text's number, as {{}} or {{:03}}")
        require_place("output", path, self._inputs, self._pattern)


def _bytes_of(what: str, source: str, most: int, shorter: str) -> bytes:
    """A file or standard input (`-`). TextError where it can't be read or has too many bytes."""
    name = "standard input" if source == "-" else shown(source)
    try:
        if source == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise TextError(f"can't read {what} from {name}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > most:
        verb = "has" if what == "the prime" else "have"
        raise TextError(f"{what} from {name} {verb} more than {most:,} bytes: {shorter}")
    return data
