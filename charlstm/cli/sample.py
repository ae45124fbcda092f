"""The options of `sample`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import ConfigOption, DeviceOption, ModelArgument


@app.command()
def sample(
    model: ModelArgument,
    prime: Annotated[
        str | None,
        typer.Option(
            "--prime",
            metavar="TEXT",
            help="What to start from; the run's is A unless set, or else the training text's first character.",
            show_default="the run's",
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option("--length", metavar="N", help="Characters to write after the prime.", show_default="the run's"),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k", metavar="K", help="Draw from the K most probable characters; 0 for all.", show_default="the run's"
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", metavar="T", help="Lower is more cautious; 0 takes the most probable.", show_default="the run's"
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", help="The same seed writes the same text.", show_default="a fresh one"),
    ] = None,
    no_prime: Annotated[bool, typer.Option("--no-prime", help="Print only what follows the prime.")] = False,
    unknown: Annotated[
        Literal["error", "skip"],
        typer.Option("--unknown", help="What to do with characters of the prime that the model never saw."),
    ] = "error",
    raw: Annotated[bool, typer.Option("--raw", help="Exact bytes on a terminal too, control characters obeyed.")] = False,
    config: ConfigOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write text. What is not given here comes from --config, or else from the settings that the run was trained with."""
    flags = {"prime": prime, "length": length, "top_k": top_k, "temperature": temperature}
    given = {key: value for key, value in flags.items() if value is not None}
    from charlstm.commands.sample import write_sample

    write_sample(model, config, given, seed, no_prime, unknown == "skip", raw, device)
