"""The options of `plot`, `runs` and `compare`.

Knows: options, their help, and which of them exclude each other.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import JsonOption
from charlstm.errors import CharlstmError


@app.command()
def plot(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    x: Annotated[Literal["steps", "characters", "minutes"], typer.Option("--x", help="What the curves run against.")] = "steps",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="A name that ends in .png or .svg.",
            show_default="curves.png, in the run folder where there is one RUN",
        ),
    ] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Draw on the terminal, with characters.")] = False,
) -> None:
    """Draw the curves of runs: losses, learning rate, gradient norm."""
    if terminal and output:
        raise CharlstmError("--terminal draws on the terminal: leave out --output")
    from charlstm.commands.plot import plot_runs

    plot_runs(runs, x, output, terminal)


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the run folders lie.")] = Path("runs"),
    sort: Annotated[
        Literal["name", "size", "loss", "minutes", "date"], typer.Option("--sort", help="Lowest first; for date, newest first.")
    ] = "name",
    as_json: JsonOption = False,
) -> None:
    """List the runs in a folder: text, size, best loss, time, state."""
    from charlstm.commands.runs import show_runs

    show_runs(folder, sort, as_json)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run folder or a .safetensors file.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    prime: Annotated[
        str | None,
        typer.Option("--prime", metavar="TEXT", help="What both start from.", show_default="A, or a character that both know"),
    ] = None,
    length: Annotated[int, typer.Option("--length", metavar="N", help="Characters that each writes.")] = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of both.")] = 1,
    show_all: Annotated[bool, typer.Option("--all", help="Show the settings too that are the same.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put two models side by side: settings, losses, vocabulary, and what each writes."""
    from charlstm.commands.compare import compare_models

    compare_models((a, b), prime, length, seed, show_all, as_json)
