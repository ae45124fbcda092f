"""The program and its groups of commands.

Knows: the name, the version, the groups.
Does not know: the commands, which the modules beside it add.
"""

from __future__ import annotations

from typing import Annotated

import typer

from charlstm import __version__
from charlstm.cli import completion

app = typer.Typer(
    help="Train a character-level LSTM on any text, and write more of it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,  # see cli/completion.py
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Standard texts: fetch one, then data:NAME names it wherever TEXT goes.")
app.add_typer(data, name="data")


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    install_completion: Annotated[
        bool, typer.Option("--install-completion", help="Let Tab complete commands and options in this kind of shell.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"charlstm {__version__}")
    elif install_completion:
        shell, file = completion.install_completion()
        typer.echo(f"{shell} completion is in {file}; it begins with the next {shell}", err=True)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
