"""Measure what drawing `curves.png` beside a training takes from it. A row of `scripts/bench.py`.

python scripts/bench_plotting.py
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from report import row, seconds

from charlstm.commands.drawing import EVERY, Drawing
from charlstm.config import Config
from charlstm.folder import RunFolder

EVALUATIONS, REPEATS = 100, 3


def plotting() -> None:
    """A run of a hundred evaluations, drawn a few times: what training waits, and what the other process uses of a core."""
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        folder.write_config(Config())
        for step in range(1, EVALUATIONS + 1):
            losses = {"train_loss": 1 + 1 / step, "validation_loss": 1.2 + 1 / step}
            about = {"step": step, "characters": step * 2048, "seconds": step * 0.3, "learning_rate": 3e-3, "grad_norm": 0.3}
            with folder.metrics.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**losses, **about}) + "\n")
        waits, cores = [], []
        for _ in range(REPEATS + 1):
            used, begin = _children(), time.perf_counter()
            with Drawing(folder) as drawing:
                drawing.evaluated()
                waits.append(seconds(drawing._draw))
            took = time.perf_counter() - begin
            cores.append(_children() - used or took)
    wait, core = statistics.median(waits[1:]), statistics.median(cores[1:])  # the first may make matplotlib's cache of fonts
    row(
        f"drawing curves.png, every {EVERY:.0f} s at most, of the time",
        f"{wait / EVERY:.4%} waited ({wait * 1000:.1f} ms each), {core / EVERY:.2%} of one core ({core:.1f} s each)",
        "1%",
    )


def _children() -> float:
    """Seconds of a core that ended processes have used; always 0 on Windows."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    plotting()
