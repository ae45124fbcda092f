"""The options of `play`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from typing import Annotated

import typer

from charlstm.cli.app import app
from charlstm.cli.options import ConfigOption, DeviceOption, ModelArgument, SetOption


@app.command()
def play(
    model: ModelArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", help="Of the first continuation; the next has S + 1.", show_default="a fresh one"),
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write together with a model: type, see it go on, undo, retry, branch, change any control."""
    from charlstm.commands.play import play

    raise typer.Exit(play(model, config, settings or (), seed, device))
