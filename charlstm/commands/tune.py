"""`charlstm tune`: search for a recipe, or go on with a search.

Knows: which packages make up a search, in which order.
Does not know: options and their help.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.asked import ask
from charlstm.commands.common import program
from charlstm.commands.signals import if_stopped, stopping
from charlstm.commands.streams import READER_LEFT, unread
from charlstm.commands.text import piped_text, read_text
from charlstm.errors import Argument, CharlstmError, SearchError
from charlstm.runs.claiming import claimed
from charlstm.runs.inputs import refuse_replacing
from charlstm.runs.naming import in_shell, run_name, with_absolute_paths
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.space import DEFAULT_TRIALS, read_space, require_budget
from charlstm.views.console import print_warning

if TYPE_CHECKING:
    from charlstm.tuning.search import Search


def search_recipe(
    file: Path,
    text: Sequence[str],
    settings: Sequence[str],
    *,
    trials: int | None,
    minutes: float | None,
    run: Path | None,
    device: str,
    as_json: bool,
) -> int:
    """Search over the [tune] table of a config file -> the exit code: 0, or 128 and the number of a signal that stopped it."""
    require_budget(trials, minutes)
    asked = ask(file, settings, **({"data": {"text": list(text)}} if text else {}))
    if not asked.has("data.text") and (text := piped_text()):
        asked = ask(file, settings, data={"text": text})
    data = asked.config.data
    space = read_space(file, settings, asked.config)
    if find_spec("optuna") is None:
        raise CharlstmError("charlstm tune needs Optuna, which is not installed", remedy="pip install 'charlstm[tune]'")
    name = f"{run_name(text, file, asked.config)}-tune"
    with ExitStack() as held:
        folder = SearchFolder(run) if run else held.enter_context(claimed(SearchFolder, name, print_warning))
        folder.refuse_other()
        if run:
            refuse_replacing(folder, data.text, file)
        options = [
            *(("--set", setting) for setting in settings),
            ("--trials", trials),
            ("--minutes", minutes),
            ("--device", None if device == "auto" else device),
        ]
        flags = shlex.join(str(part) for option in options if option[1] is not None for part in option)
        places = " ".join(one if one == "-" else in_shell(one) for one in (str(file), *text))
        piped = "cat TEXT | " * ("-" in data.text)
        again = f"{piped}{program()} tune {places} --run {in_shell(folder.path)} {flags}".rstrip()
        with if_stopped("stopped before the first trial; the same command begins again"):
            corpus = read_text(data.text, data)  # before torch is loaded: a text that can't be read is said at once

            from charlstm.model.device import find_device
            from charlstm.training.prepared import prepare
            from charlstm.tuning.search import Search
            from charlstm.views.summary import print_prepared
            from charlstm.views.tune import print_search

            found = find_device(device)
            print_prepared(prepare(corpus, asked), asked.config)
        if run:
            held.enter_context(folder.locked(print_warning))
        with if_stopped(f"stopped before the next trial; to go on: {again}"):
            absolute = replace(asked, config=with_absolute_paths(asked.config))
            search = Search(corpus, absolute, space, found, folder)
            most = trials or (math.inf if minutes else DEFAULT_TRIALS)
            seconds = minutes * 60 if minutes else None
            print_search(search, most, seconds)
        return _run(search, most, seconds, as_json, again)


def _run(search: Search, most: float, seconds: float | None, as_json: bool, again: str) -> int:
    """Search to the end or to a signal, show it, and give the exit code."""
    from charlstm.views.console import print_line
    from charlstm.views.tune import SearchView, print_best, print_trials

    readers_left: list[int] = []

    def leave() -> None:
        readers_left.append(READER_LEFT)
        search.stop()

    view = SearchView(search)
    at_once = if_stopped(f"stopped at once; the trials before are kept; to go on: {again}")
    with unread(leave):
        try:
            with at_once, stopping(search) as received, closing(search.run(most, seconds)) as records:
                for record in records:
                    view.show(record)
        finally:
            view.close()
        print_trials(search, as_json)
        if best := search.trials.best():
            print_best(search, best, program())
        codes = [128 + number for number in received] + readers_left
        if codes:
            print_line(f"to go on: {again}")
        elif not best:
            remedy = ("allow more time or shorter trials, such as with ", Argument("train.max_steps", 300))
            raise SearchError("no trial was done, so none is the best", remedy=remedy)
    return codes[0] if codes else 0
