"""The curves of runs as a picture.

Knows: how runs become labelled curves.
Does not know: how a picture is drawn.
"""

from __future__ import annotations

import os
from pathlib import Path

from charlstm.api.run import Run
from charlstm.api.wording import worded
from charlstm.errors import CharlstmError
from charlstm.files import write_atomically
from charlstm.runs.differences import labels
from charlstm.runs.records import XAxis


@worded
def plot(*runs: Run, output: str | os.PathLike[str], x: XAxis = "steps") -> Path:
    """Draw the curves of runs, one below the other, to a file that ends in .png or .svg -> its path.

    Losses are in nats; `x` is what they are drawn over. CharlstmError where there is no run, or the file has another ending;
    SaveError where it can't be written. It takes matplotlib (the extra `plot`).
    """
    path = Path(output)
    if not runs:
        raise CharlstmError("expected at least one run", key="runs")
    if path.suffix not in (".png", ".svg"):
        raise CharlstmError("expected a name that ends in .png or .svg", key="output", value=str(path))
    from charlstm.views.curves import Drawn, draw_curves

    names = labels([run.path for run in runs], [run.config for run in runs])
    drawn = [Drawn(name, run.columns()) for name, run in zip(names, runs, strict=True)]
    write_atomically(path, [draw_curves(drawn, x, runs[0].noun, "svg" if path.suffix == ".svg" else "png")])
    return path
