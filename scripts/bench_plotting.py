"""Measure what drawing `curves.png` beside a training takes from it. Rows of `scripts/bench.py`.

python scripts/bench_plotting.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from plain import PlainLSTM
from report import row, seconds

from charlstm.commands.drawing import Drawing
from charlstm.commands.redrawing import PAUSE
from charlstm.config import Config
from charlstm.folder import RunFolder

EVALUATIONS, REPEATS, STEPS, ROUNDS = 100, 5, 15, 7
_STARTED = """
import sys, time
from charlstm.commands import plot
from charlstm.views import curves
print(time.process_time())
"""
_WITHOUT_A_PAUSE = """
import sys, time
from pathlib import Path
from charlstm.commands import redrawing
redrawing.yield_to_others()
while True:
    redrawing.draw(Path(sys.argv[1]))
    print(time.perf_counter(), time.process_time(), flush=True)
"""


def plotting() -> None:
    """A run of a hundred evaluations: what training waits, what the other process computes, how much slower training is."""
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        folder.write_config(Config())
        for step in range(1, EVALUATIONS + 1):
            losses = {"train_loss": 1 + 1 / step, "validation_loss": 1.2 + 1 / step}
            about = {"step": step, "characters": step * 2048, "seconds": step * 0.3, "learning_rate": 3e-3, "grad_norm": 0.3}
            with folder.metrics.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**losses, **about}) + "\n")
        _waiting(folder)
        _beside(folder)


def _waiting(folder: RunFolder) -> None:
    first, later = [], []
    for _ in range(REPEATS):
        drawing = Drawing(folder)
        first.append(seconds(drawing.evaluated))
        later += [seconds(drawing.evaluated) for _ in range(EVALUATIONS)]
        drawing.__exit__(KeyboardInterrupt, None, None)
    wait = f"{statistics.median(later) * 1e6:.0f} us (the first time {statistics.median(first) * 1e3:.1f} ms)"
    row("telling of an evaluation that curves.png is to be drawn", wait, "")


def _beside(folder: RunFolder) -> None:
    """Steps of training on all cores, beside a process that draws all the time and alone, in turn."""
    model, ids = PlainLSTM(65), torch.randint(65, (65, 32))

    def steps() -> float:
        return seconds(lambda: [model.step(ids) for _ in range(STEPS)])

    steps()
    slower, walls, cores = [], [], []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", _WITHOUT_A_PAUSE, str(folder.path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout
            process.stdout.readline()  # matplotlib is imported, and the first picture drawn
            beside = steps()
        finally:
            process.kill()
            told, _ = process.communicate()
        times = [tuple(map(float, line.split())) for line in told.splitlines() if line.count(" ") == 1]
        print(beside, len(times))
        slower.append(beside / steps() - 1)
    core = 0
    row("", "", "1%")


if __name__ == "__main__":
    plotting()
