"""The options of `data`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from typing import Annotated

import typer

from charlstm.cli.app import data
from charlstm.cli.options import JsonOption


@data.command(name="list")
def list_data(as_json: JsonOption = False) -> None:
    """Show the data sets, how long they are, and which are here."""
    from charlstm.commands.data import show_datasets

    show_datasets(as_json)


@data.command(name="get")
def get_data(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As charlstm data list shows them.")],
) -> None:
    """Fetch data sets into the user's cache folder, and check that they are what they should be."""
    from charlstm.commands.data import get_datasets

    get_datasets(names)
