"""`charlstm sample`: write text to standard output.

Knows: which settings hold, and which rooms write.
Does not know: options and their help.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from charlstm.config import SampleConfig, load_config, read_toml, validate
from charlstm.errors import CharlstmError


def write_sample(
    model: Path,
    file: Path | None,
    given: Mapping[str, Any],
    seed: int | None,
    no_prime: bool,
    skip_unknown: bool,
    raw: bool,
    device: str,
) -> None:
    """Write text to standard output; `given` are the keys of [sample] that flags set."""
    load_config(file, sample=given)  # only to find what is wrong with it before torch and the model are loaded
    if seed is not None and seed < 0:
        raise CharlstmError(f"--seed {seed}: expected a whole number at least 0")
    if given.get("prime") == "":
        raise CharlstmError("--prime is empty: give it at least one character to start from")

    from charlstm.opening import open_engine
    from charlstm.sample import without_unknown, write_text
    from charlstm.views.console import print_line
    from charlstm.views.text import stream_out
    from charlstm.weights import read_weights

    saved = read_weights(model)
    chosen = _sample_config(saved.config.sample, file, given)
    if skip_unknown:
        chosen = without_unknown(chosen, saved.vocabulary)
    # A fresh seed is chosen here and not further down, so that it can be told and used again.
    seed = secrets.randbelow(2**32) if seed is None else seed
    pieces = write_text(open_engine(saved, device=device).engine, saved.vocabulary, chosen, seed)
    begin = time.perf_counter()
    stream_out(pieces if no_prime else chain([chosen.prime], pieces), raw)
    if sys.stdout.isatty():
        speed = chosen.length / (time.perf_counter() - begin)
        print_line(f"seed {seed} · {speed:,.0f} characters a second", "dim")


def _sample_config(trained: SampleConfig, file: Path | None, given: Mapping[str, Any]) -> SampleConfig:
    """The run's own settings < those in the file < flags."""
    in_file = {key: value for key, value in (read_toml(file).get("sample", {}) if file else {}).items() if value != ""}
    return validate({"sample": {**trained.model_dump(), **in_file, **given}}).sample
