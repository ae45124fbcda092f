"""The options of `explain`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.app import app
from charlstm.cli.options import ModelArgument


@app.command()
def explain(
    model: ModelArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='The text itself, such as "First Citizen:".', show_default=False)],
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="N", help="At this character, counted from 0.", show_default="the last"),
    ] = None,
    layer: Annotated[int, typer.Option("--layer", metavar="L", help="In this layer, counted from 0.")] = 0,
    unit: Annotated[
        int | None,
        typer.Option("--unit", metavar="U", help="By this unit, counted from 0.", show_default="the one that changed most"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, with every number.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page that steps through the text.", show_default=False),
    ] = None,
) -> None:
    """Explain one step of the LSTM: its six equations with the numbers that they have at a character of a text."""
    from charlstm.commands.explain import Request
    from charlstm.commands.explain import explain as command

    command(model, text, Request(at, layer, unit, as_json, html))
