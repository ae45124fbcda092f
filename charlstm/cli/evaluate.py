"""The options of `eval` and `info`.

Knows: options, their help, and which of them exclude each other.
Does not know: how anything is done.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import (
    DeviceOption,
    EncodingOption,
    ErrorsOption,
    JsonOption,
    ModelArgument,
    ModelNewlinesOption,
    TextArgument,
    UnknownOption,
    given,
)
from charlstm.errors import CharlstmError
from charlstm.scoring.protocols import require_protocol


@app.command(name="eval")
def evaluate(
    model: ModelArgument,
    text: TextArgument = None,
    validation: Annotated[
        bool, typer.Option("--validation", help="Score only the part at the end that training kept for validation.")
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Score only the part after it that training never looked at.")] = False,
    protocol: Annotated[
        Literal["stateful", "cold"] | None,
        typer.Option(
            "--protocol", help="Carry the state through the text, or start cold in every window.", show_default="both"
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="W", help="Characters in a cold window.", show_default="256"),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Score a copy too that learns from the text as it goes; takes minutes.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    unknown: UnknownOption = "error",
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: ModelNewlinesOption = None,
) -> None:
    """Score a text: nats and bits per character, with the state carried, and from cold starts of 256 characters."""
    require_protocol(protocol, window, dynamic)
    if validation and test:
        raise CharlstmError("--validation and --test are two parts of a text: score one, then the other")
    from charlstm.commands.evaluate import evaluate_texts

    reading = given(encoding=encoding, errors=errors, newlines=newlines)
    part: Literal["all", "validation", "test"] = "validation" if validation else "test" if test else "all"
    evaluate_texts(model, text or (), part, protocol, window, dynamic, device, as_json, reading, unknown == "skip")


@app.command()
def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what a model is: configuration, vocabulary, parameters, step, losses."""
    from charlstm.commands.evaluate import show_info

    show_info(model, as_json)
