"""Measure what drawing `curves.png` beside a training takes from it. Rows of `scripts/bench.py`.

python scripts/bench_plotting.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch
from plain import PlainLSTM
from report import row, seconds

from charlstm.commands.drawing import Drawing
from charlstm.commands.redrawing import PAUSE
from charlstm.config import Config
from charlstm.errors import Stopped
from charlstm.runs.folder import RunFolder

EVALUATIONS, REPEATS, STEPS, ROUNDS = 100, 5, 8, 5
_WITHOUT_A_PAUSE = """
import sys, time
from itertools import count
from pathlib import Path
import charlstm.commands.plot, charlstm.views.curves
from charlstm.commands import redrawing
for number in count():
    if number == int(sys.argv[2]):
        redrawing.yield_to_others()
    print(time.process_time(), flush=True)
    redrawing.draw(Path(sys.argv[1]))
"""


def plotting() -> None:
    """A run of a hundred evaluations: what training waits, what the other process computes, how much slower training is."""
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        folder.write_config(Config())
        for step in range(1, EVALUATIONS + 1):
            losses = {"train_loss": 1 + 1 / step, "validation_loss": 1.2 + 1 / step}
            about = {"step": step, "characters": step * 2048, "seconds": step * 0.3, "learning_rate": 3e-3, "grad_norm": 0.3}
            folder.append_metrics({**losses, **about})
        _waiting(folder)
        start, one = _drawing(folder)
        _slowing(folder, start, one)


def _waiting(folder: RunFolder) -> None:
    first, later = [], []
    for _ in range(REPEATS):
        drawing = Drawing(folder)
        try:
            first.append(seconds(drawing.evaluated))
            later += [seconds(drawing.evaluated) for _ in range(EVALUATIONS)]
        finally:
            drawing.__exit__(Stopped, None, None)
    wait = f"{statistics.median(later) * 1e6:.0f} us, the first time {statistics.median(first) * 1e3:.1f} ms"
    row("what training waits at an evaluation for the drawing of curves.png", wait, "")


def _drawing(folder: RunFolder) -> tuple[float, float]:
    """Seconds of a core that starting takes, and one picture."""
    with _drawing_on(folder, REPEATS + 2) as process:
        assert process.stdout
        times = [float(process.stdout.readline()) for _ in range(REPEATS + 2)]
    pictures = [after - before for before, after in pairwise(times[1:])]  # the first looks for fonts
    return times[0], statistics.median(pictures)


def _slowing(folder: RunFolder, start: float, one: float) -> None:
    """Steps of training on all cores, alone and beside a process that draws all the time, in turn."""
    model, ids = PlainLSTM(65), torch.randint(65, (65, 32))

    def steps() -> float:
        return seconds(lambda: [model.step(ids) for _ in range(STEPS)])

    steps()
    alone, beside, cores = [], [], []
    for _ in range(ROUNDS):
        alone.append(steps())
        before = _children()
        with _drawing_on(folder, 1) as process:
            assert process.stdout
            process.stdout.readline()
            used = float(process.stdout.readline())  # matplotlib is imported, and the first picture drawn
            beside.append(steps())
        cores.append(_children() - before - used)
    slower = statistics.median(b / a - 1 for a, b in zip(alone, beside, strict=True))
    core = statistics.median(cores) / statistics.median(beside)
    # A picture then takes 1 / core times its seconds of a core, and the pause after it is PAUSE times those.
    row(
        "training 2x512 while curves.png is drawn, of its time",
        f"{slower / (1 + PAUSE * core):.2%} more ({slower:.1%} where it is drawn without a pause, by {core:.0%} of a core), "
        f"and {start:.1f} s of a core once; {one:.2f} s of a core a picture, so one in {one * (PAUSE + 1):.0f} s at most",
        "1%",
    )


@contextmanager
def _drawing_on(folder: RunFolder, pictures: int) -> Iterator[subprocess.Popen[str]]:
    """While open, a process draws without a pause, and says before each picture how many seconds of a core it has used.

    After so many pictures, it computes only while nobody else wants to.
    """
    command = [sys.executable, "-c", _WITHOUT_A_PAUSE, str(folder.path), str(pictures)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0)
    with process:
        try:
            yield process
        finally:
            process.kill()


def _children() -> float:
    """Seconds of a core that ended processes have used; always 0 on Windows."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    plotting()
