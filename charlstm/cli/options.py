"""The arguments and options that several commands have, with their help.

Knows: names, kinds and help; how a neuron is written.
Does not know: what they are for in a command.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from charlstm.errors import CharlstmError, shown

ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder or a .safetensors file.", show_default=False)
]
TextArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT...", help="Files, folders, globs, -, builtin:NAME or data:NAME.", show_default=False),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with settings.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, such as train.epochs=3; may be repeated.", show_default=False
    ),
]
ENCODING_DEFAULT = "utf-8, or UTF-16 or UTF-32 where the bytes tell"
NEWLINES_DEFAULT = "as the model learned"
"""Where a model reads the text, and none learns it."""
EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="How the text's bytes are read.", show_default=ENCODING_DEFAULT),
]
ErrorsOption = Annotated[
    Literal["strict", "replace", "ignore"] | None,
    typer.Option("--errors", help="What to do with bytes that the encoding does not allow.", show_default="strict"),
]
NewlinesOption = Annotated[
    Literal["keep", "lf", "crlf", "cr"] | None,
    typer.Option("--newlines", help="Leave line ends as they are, or make each the same one.", show_default="keep"),
]
ModelNewlinesOption = Annotated[
    Literal["keep", "lf", "crlf", "cr"] | None,
    typer.Option("--newlines", help="Leave line ends as they are, or make each the same one.", show_default=NEWLINES_DEFAULT),
]
NormalizeOption = Annotated[
    Literal["none", "nfc"] | None,
    typer.Option("--normalize", help="Unicode normalisation of the text and of every prime.", show_default="none"),
]
UnknownOption = Annotated[
    Literal["error", "skip"], typer.Option("--unknown", help="What to do with characters that the model never saw.")
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def given(**flags: str | None) -> dict[str, str]:
    """The flags that were used."""
    return {name: value for name, value in flags.items() if value is not None}


def layer_and_neuron(asked: str | None) -> tuple[int, int] | None:
    """What --neuron L:N names. CharlstmError where it is written otherwise."""
    if asked is None:
        return None
    if not (found := re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", asked)):
        raise CharlstmError(f"--neuron {shown(asked)}: expected LAYER:NEURON, both counted from 0, such as 1:27")
    return int(found[1]), int(found[2])
