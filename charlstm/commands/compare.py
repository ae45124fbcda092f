"""`charlstm compare`: two models side by side: settings, losses, vocabulary, and what each writes.

Knows: what is compared.
Does not know: options and their help; how it is shown.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from charlstm.config import SampleConfig, load_config
from charlstm.errors import CharlstmError, ConfigError
from charlstm.runs.differences import differing, settings_of
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import Weights, read_weights
from charlstm.text.vocabulary import Vocabulary, describe
from charlstm.values import escape_hint

_MOST_LENGTH = 100_000
_FIRST_CHOICE: str = "A"


def compare_models(paths: tuple[Path, Path], prime: str | None, length: int, seed: int, show_all: bool, as_json: bool) -> None:
    """Compare two run folders or model files. ModelError where one holds no model; CharlstmError where no prime serves both."""
    if not 1 <= length <= _MOST_LENGTH:
        raise CharlstmError(f"expected from 1 to {_MOST_LENGTH:,} characters", key="length", value=length)
    if seed < 0:
        raise CharlstmError("expected a whole number from 0", key="seed", value=seed)
    weights = (read_weights(paths[0]), read_weights(paths[1]))
    one, two = (each.vocabulary for each in weights)
    prime = _common_prime(one, two) if prime is None else prime

    for path, vocabulary in zip(paths, (one, two), strict=True):
        if not prime or (missing := vocabulary.unknown(vocabulary.line_ends.typed(prime))):
            what = f"{path} never saw {describe(missing)}" if prime else "it is empty"
            hint = prime and "\\" in missing and escape_hint(prime)
            remedy = hint or "both models must be able to start from it"
            raise CharlstmError(what, key="prime", value=prime, remedy=remedy)
    sampling = SampleConfig(prime=prime, length=length)
    settings = [_compared_settings(path, each) for path, each in zip(paths, weights, strict=True)]
    both = [name for name in settings[0] if name in settings[1]]
    different = differing([{name: each[name] for name in both} for each in settings])
    names = both if show_all else different
    answer: dict[str, Any] = {
        "models": [str(path) for path in paths],
        "facts": [_facts_of(each) for each in weights],
        "settings": {name: [_plain(each[name]) for each in settings] for name in names},
        "different": different,
        "vocabulary": {"only": [_only(one, two), _only(two, one)]},
        "sample": {"prime": prime, "seed": seed, "texts": [_generated(each, sampling, seed) for each in weights]},
    }

    from charlstm.views.compare import print_comparison
    from charlstm.views.console import print_json

    if as_json:
        print_json(answer)
    else:
        print_comparison(answer)


def _compared_settings(path: Path, weights: Weights) -> dict[str, object]:
    """Of a run all of them; a model file doesn't say where its text was."""
    folder = RunFolder(path)
    try:
        if path.is_dir():
            return {name: value for name, value in settings_of(load_config(folder.config)).items() if name[:6] != "track."}
    except ConfigError:  # what the model says of itself is as good, but for the text
        pass
    return {name: value for name, value in settings_of(weights.config).items() if name != "data.text" and name[:6] != "track."}


def _facts_of(weights: Weights) -> dict[str, Any]:
    from charlstm.model.shapes import count_parameters

    return {
        **asdict(weights.facts),
        "parameters": count_parameters(weights.vocabulary.size, weights.config.model),
        "unit": weights.vocabulary.unit,
        "symbols": weights.vocabulary.size,
    }


def _common_prime(one: Vocabulary, two: Vocabulary) -> str:
    """A, or the first character in code point order that both know."""
    for character in _FIRST_CHOICE + _symbols(one) + _symbols(two):
        if not one.unknown(character) and not two.unknown(character):
            return character
    raise CharlstmError("the two models have no character in common that both could start from")


def _symbols(vocabulary: Vocabulary) -> str:
    """The characters of a vocabulary; none of bytes, which know them all."""
    return str(vocabulary.to_json().get("symbols", "")) if vocabulary.unit == "char" else ""


def _only(one: Vocabulary, two: Vocabulary) -> str:
    """The characters of one vocabulary that the other lacks."""
    return "".join(c for c in _symbols(one) if two.unknown(c))


def _generated(weights: Weights, settings: SampleConfig, seed: int) -> str:
    from charlstm.sampling.controls import Controls
    from charlstm.sampling.engines.selection import open_engine
    from charlstm.sampling.generate import generate_text

    return "".join(generate_text(open_engine(weights).engine, Controls(settings, weights.vocabulary), seed))


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
