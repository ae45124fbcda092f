"""The options of `inspect`.

Knows: options, their help, and which of them need or exclude each other.
Does not know: how anything is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import (
    DeviceOption,
    EncodingOption,
    ErrorsOption,
    ModelArgument,
    ModelNewlinesOption,
    TextArgument,
    UnknownOption,
    given,
    layer_and_neuron,
)
from charlstm.errors import CharlstmError, shown


@app.command()
def inspect(
    model: ModelArgument,
    text: TextArgument = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="The text in colours: those of --neuron, or those of --at.")
    ] = False,
    neuron: Annotated[
        str | None,
        typer.Option("--neuron", metavar="L:N", help="Layer and neuron, both counted from 0.", show_default=False),
    ] = None,
    kind: Annotated[
        Literal["cell", "input", "forget", "output", "candidate", "hidden"],
        typer.Option("--kind", help="What of a neuron: its cell state (as tanh), a gate, the candidate, its hidden state."),
    ] = "cell",
    at: Annotated[
        int | None,
        typer.Option(
            "--at",
            metavar="P",
            help="On which earlier characters the prediction of character P itself rests; counted from 0.",
            show_default=False,
        ),
    ] = None,
    find: Annotated[
        bool, typer.Option("--find", help="The neurons that best follow quotes, lines, capitals, brackets and more.")
    ] = False,
    top: Annotated[
        int, typer.Option("--top", metavar="N", help="Neurons per feature; with --json, successors per character too.")
    ] = 5,
    begin: Annotated[int, typer.Option("--from", metavar="A", help="Begin at this character, counted from 0.")] = 0,
    length: Annotated[
        int | None, typer.Option("--length", metavar="N", help="Look at so many characters.", show_default="10000 at most")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, with every character.")] = False,
    npz: Annotated[
        Path | None,
        typer.Option("--npz", metavar="FILE", help="Write every gate and state there, as NumPy's arrays.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page there to look around in with a browser.", show_default=False),
    ] = None,
    unknown: UnknownOption = "error",
    device: DeviceOption = "auto",
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: ModelNewlinesOption = None,
) -> None:
    """Look inside a model while it reads a text: what each gate does, which neuron follows what, what a prediction rests on."""
    if terminal + as_json + (find and not as_json) > 1:
        raise CharlstmError("--terminal, --find and --json are ways to answer: choose one (only --json takes --find too)")
    if terminal and (neuron is None) == (at is None):
        raise CharlstmError("--terminal colours one thing: name it with --neuron L:N (--find suggests some) or with --at P")
    if neuron and not (terminal or as_json or html):
        raise CharlstmError("--neuron needs --terminal, --json or --html")
    if at is not None and not (terminal or as_json):
        raise CharlstmError("--at needs --terminal or --json")
    for name, value, least in (("--top", top, 1), ("--from", begin, 0), ("--length", length, 2), ("--at", at, 1)):
        if value is not None and not least <= value <= 10**12:
            raise CharlstmError(f"{name} {shown(value)}: expected at least {least}, and at most 1,000,000,000,000")
    from charlstm.commands.inspect import InspectRequest
    from charlstm.commands.inspect import inspect as command

    form: Literal["summary", "find", "terminal", "json"] | None = (
        "terminal" if terminal else "json" if as_json else "find" if find else None if html or npz else "summary"
    )
    request = InspectRequest(form, kind, layer_and_neuron(neuron), at, find, top, begin, length, npz, html)
    command(model, text or (), request, unknown == "skip", device, given(encoding=encoding, errors=errors, newlines=newlines))
