"""The options of `memory`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from charlstm.insight.places import require_places


@app.command()
def memory(
    model: ModelArgument,
    text: TextArgument = None,
    places: Annotated[
        int, typer.Option("--places", metavar="N", help="Places in the text to measure at: more are slower, and more exact.")
    ] = 100,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Draw it too: a name that ends in .png or .svg.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    unknown: UnknownOption = "error",
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: ModelNewlinesOption = None,
) -> None:
    """Measure how long a model remembers: what context is worth to it, and how a planted character fades."""
    require_places(places)
    from charlstm.commands.memory import show_memory

    reading = given(encoding=encoding, errors=errors, newlines=newlines)
    show_memory(model, text or (), places, output, device, as_json, reading, unknown == "skip")
