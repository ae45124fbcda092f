"""Runs in a folder, and the curves of runs as a picture.

Knows: how runs become labelled curves.
Does not know: how a picture is drawn, how the state of a run is told.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from charlstm.api.run import Run
from charlstm.api.wording import worded
from charlstm.errors import CharlstmError, require_choice
from charlstm.files import write_output
from charlstm.runs import overview
from charlstm.runs.differences import labels
from charlstm.runs.inputs import Inputs
from charlstm.runs.records import XAxis


@worded
def overviews(under: str | os.PathLike[str] = "runs") -> list[overview.Overview]:
    """The runs in a folder by name, as `charlstm runs` lists them: sizes, losses in nats, how each ended.

    RunError where there is no such folder.
    """
    return overview.overviews(Path(under))


@worded
def plot(*runs: str | os.PathLike[str], output: str | os.PathLike[str], x: XAxis = "steps") -> Path:
    """Draw the curves of runs, their losses in nats, to a file that ends in .png or .svg -> its path.

    `x` is what they are drawn over: `steps`, `characters` or `minutes`. RunError where one is no run, SaveError where the file
    can't be written. It takes matplotlib (the extra `plot`).
    """
    require_choice("x", x, get_args(XAxis))
    path, kind = Path(output), Path(output).suffix.lower()
    if not runs:
        raise CharlstmError("expected at least one run", key="runs")
    if kind not in (".png", ".svg"):
        raise CharlstmError("expected a name that ends in .png or .svg", key="output", value=str(path))
    found = [Run(run) for run in runs]
    if Inputs([run.path for run in found]).hold(path):
        raise CharlstmError("it is among what is to be read", key="output", value=str(path), remedy="name another file")
    if find_spec("matplotlib") is None:
        raise CharlstmError("a picture needs matplotlib, which is not installed", remedy="pip install 'charlstm[plot]'")
    from charlstm.views.curves import Drawn, draw_curves

    names = labels([run.path for run in found], [run.own_config for run in found])
    drawn = [Drawn(name, run.columns()) for name, run in zip(names, found, strict=True)]
    noun = " or ".join(sorted({run.noun for run in found}, reverse=True))
    write_output(path, [draw_curves(drawn, x, noun, "svg" if kind == ".svg" else "png")])
    return path
