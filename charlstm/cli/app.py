"""The program and its groups of commands.

Knows: the name, the version, the groups.
Does not know: the commands, which the modules beside it add.
"""

from __future__ import annotations

from typing import Annotated

import typer

from charlstm import __version__

app = typer.Typer(
    help="Train a character-level LSTM on any text, and write more of it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Standard texts: fetch one, then data:NAME names it wherever TEXT goes.")
app.add_typer(data, name="data")


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"charlstm {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
