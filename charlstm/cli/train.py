"""The options of `train` and `tune`.

Knows: options, their help, and which of them exclude each other.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.app import app
from charlstm.cli.options import (
    ConfigOption,
    DeviceOption,
    EncodingOption,
    ErrorsOption,
    JsonOption,
    NewlinesOption,
    NormalizeOption,
    SetOption,
    TextArgument,
    given,
)
from charlstm.errors import CharlstmError


@app.command()
def train(
    text: TextArgument = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="The run folder; by default a new one in runs/.", show_default=False),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --run, or with the newest one in runs/, as if never stopped."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that --run holds.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="MODEL", help="Begin with the weights and vocabulary of a trained model.", show_default=False
        ),
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend-vocabulary", help="With --from: learn the characters too that the model lacks.")
    ] = False,
    device: DeviceOption = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen before the first step, and stop.")] = False,
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: NewlinesOption = None,
    normalize: NormalizeOption = None,
) -> None:
    """Learn a text. Without TEXT and --config: what is piped in, or else the Python documentation that is built in."""
    from charlstm.commands import train as command

    reading = given(encoding=encoding, errors=errors, newlines=newlines, normalize=normalize)
    if not resume:
        code = command.start_run(
            text or (),
            config,
            settings or (),
            reading,
            run=run,
            overwrite=overwrite,
            model=model,
            extend=extend,
            device=device,
            dry_run=dry_run,
        )
    elif text or config or overwrite or reading or model or extend:
        what = ", ".join(["TEXT", "--config", "--overwrite", "--from", *(f"--{name}" for name in reading)])
        raise CharlstmError(f"--resume takes text and configuration from its run: leave out {what}")
    else:
        code = command.resume_run(run, settings or (), device, dry_run)
    raise typer.Exit(code)


@app.command()
def tune(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A TOML file with settings and a \\[tune] table.", show_default=False)
    ],
    text: TextArgument = None,
    settings: SetOption = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            metavar="N",
            help="End with so many trials, those of the run before counted.",
            show_default="20, or no limit with --minutes",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="M", help="End after so many minutes.", show_default="no limit"),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="DIR",
            help="A search to go on with, or where to keep a new one.",
            show_default="a new one in runs/",
        ),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Search for the best values of what CONFIG lists in its tune table, on the part of the text that is learned from."""
    from charlstm.commands.tune import search_recipe

    code = search_recipe(
        config, text or (), settings or (), trials=trials, minutes=minutes, run=run, device=device, as_json=as_json
    )
    raise typer.Exit(code)
