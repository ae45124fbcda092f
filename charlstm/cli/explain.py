"""The options of `explain`.

Knows: options, their help, and which exclude each other.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.app import app
from charlstm.cli.options import ModelArgument, UnknownOption, layer_and_neuron
from charlstm.errors import CharlstmError


@app.command()
def explain(
    model: ModelArgument,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help='The text itself, such as "First Citizen:", not a file.', show_default=False)
    ],
    at: Annotated[
        int | None,
        typer.Option(
            "--at",
            metavar="N",
            help="Show what happens as character N, counted from 0, is read.",
            show_default="the last; a page begins at the first",
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            "--layer", metavar="L", help="In this layer, counted from 0, by the neuron that changed most.", show_default="0"
        ),
    ] = None,
    neuron: Annotated[
        str | None,
        typer.Option(
            "--neuron",
            metavar="L:N",
            help="By this neuron: layer and neuron, both counted from 0.",
            show_default="the one that changed most",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, with every number.")] = False,
    unknown: UnknownOption = "error",
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page there that steps through the text.", show_default=False),
    ] = None,
) -> None:
    """Explain one step of the LSTM: its six equations with the numbers that they have at a character of a text."""
    if neuron is not None and layer is not None:
        raise CharlstmError("--layer and --neuron exclude each other: --neuron L:N names the layer too")
    from charlstm.commands.explain import ExplainRequest
    from charlstm.commands.explain import explain as command

    asked = layer_and_neuron(neuron)
    in_layer, number = asked or (layer or 0, None)
    command(model, text, ExplainRequest(at, in_layer, number, as_json, html, unknown == "skip"))
