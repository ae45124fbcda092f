"""The options of `score` and `classify`.

Knows: options, their help, which of them exclude each other, and how a label is given to a model.
Does not know: how anything is done.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import (
    DeviceOption,
    EncodingOption,
    ErrorsOption,
    ModelArgument,
    ModelNewlinesOption,
    TextArgument,
    UnknownOption,
    given,
)
from charlstm.errors import CharlstmError, shown

if TYPE_CHECKING:
    from charlstm.views.scores import Form

ByOption = Annotated[
    Literal["line", "document"], typer.Option("--by", help="What is judged by itself: each line, or each file as a whole.")
]


@app.command()
def score(
    model: ModelArgument,
    text: TextArgument = None,
    by: ByOption = "line",
    sort: Annotated[
        Literal["worst", "best"] | None,
        typer.Option("--sort", help="The most, or the least, surprising first.", show_default="as in the text"),
    ] = None,
    min_chars: Annotated[
        int,
        typer.Option("--min-chars", metavar="N", help="Leave out lines that are shorter: little can be said of them."),
    ] = 0,
    show: Annotated[bool, typer.Option("--show", help="The text with each character in the colour of its surprise.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON Lines, one object a line or document.")] = False,
    per_char: Annotated[bool, typer.Option("--per-char", help="With --json: each character's nats and rank too.")] = False,
    unknown: UnknownOption = "error",
    device: DeviceOption = "auto",
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: ModelNewlinesOption = None,
) -> None:
    """Say how much each line of a text surprises a model: nats, bits and perplexity per character, and mean rank."""
    if show and as_json:
        raise CharlstmError("--show is for people and --json for programs: leave one of them out")
    if per_char and not as_json:
        raise CharlstmError("--per-char needs --json; for people, --show colours each character")
    if min_chars < 0:
        raise CharlstmError(f"--min-chars {shown(min_chars)}: expected at least 0")
    from charlstm.commands.score import score as command

    form: Form = "per-char" if per_char else "json" if as_json else "show" if show else "table"
    reading = given(encoding=encoding, errors=errors, newlines=newlines)
    command(model, text or (), by, sort, min_chars, form, unknown == "skip", device, reading)


@app.command()
def classify(
    text: TextArgument = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="LABEL=MODEL", help="A model and its name here; at least two.", show_default=False),
    ] = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            "--prior",
            metavar="LABEL=P",
            help="A model's probability beforehand; the others share the rest.",
            show_default="all equal",
        ),
    ] = None,
    by: ByOption = "line",
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON Lines, one object a line or document.")] = False,
    device: DeviceOption = "auto",
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: ModelNewlinesOption = None,
) -> None:
    """Say which of several models explains each line of a text best, and how probable each is."""
    models = {label: Path(path) for label, path in _labelled("--model", "MODEL", model or ()).items()}
    if len(models) < 2:
        count = f"{len(models)} model{'' if models else 's'}"
        raise CharlstmError(f"{count} to choose between: give at least two, as --model a=RUN --model b=RUN")
    priors = _priors(list(models), _labelled("--prior", "P", prior or ()))
    from charlstm.commands.score import classify as command

    reading = given(encoding=encoding, errors=errors, newlines=newlines)
    command(models, priors, text or (), by, as_json, device, reading)


def _labelled(option: str, what: str, pairs: list[str] | tuple[()]) -> dict[str, str]:
    """LABEL=VALUE, several times, each label once."""
    found: dict[str, str] = {}
    for pair in pairs:
        label, _, value = pair.partition("=")
        if not label or not value:
            raise CharlstmError(f"{option} {shown(pair)}: expected LABEL={what}")
        if label in found:
            raise CharlstmError(f"{option} {shown(pair)}: the label {shown(label)} is given twice")
        found[label] = value
    return found


def _priors(labels: list[str], asked: dict[str, str]) -> list[float]:
    """A prior for each label: what was asked for, and an equal share of the rest for the others."""
    if odd := [label for label in asked if label not in labels]:
        raise CharlstmError(f"--prior {shown(odd[0])}: no --model has this label; there are {', '.join(map(shown, labels))}")
    found = {label: _probability(label, value) for label, value in asked.items()}
    rest = 1 - sum(found.values())
    others = len(labels) - len(found)
    if (others and rest <= 0) or (not others and not math.isclose(rest, 0, abs_tol=1e-6)):
        need = f"less than 1, as {others} others share the rest" if others else "1"
        raise CharlstmError(f"--prior: the probabilities add up to {1 - rest:g}; their sum must be {need}")
    return [found.get(label, rest / max(1, others)) for label in labels]


def _probability(label: str, value: str) -> float:
    try:
        if 0 < (number := float(value)) < 1:
            return number
    except ValueError:
        pass
    raise CharlstmError(f"--prior {shown(label)}={shown(value)}: expected a probability between 0 and 1")
