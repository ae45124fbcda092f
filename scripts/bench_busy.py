"""What another process that never pauses costs a training, a score and an evaluation, on all CPUs but the one that it takes.

Each measurement is a process of its own, as threads are told how to wait before torch is loaded: alone and beside the other
one, as it is now (few threads for small work, which soon sleep while they wait) and as it was (all threads, which spin), in
turn.

    python scripts/bench.py --only busy     # about two minutes; the machine must do nothing else
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from report import row

from charlstm.asked import Asked
from charlstm.config import load_config
from charlstm.model import device
from charlstm.scoring.evaluation import stateful
from charlstm.scoring.surprise import surprises
from charlstm.text.batches import batches
from charlstm.text.corpus import read_corpus
from charlstm.training.prepared import prepare
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer

_MODELS = ((16, 1), (64, 1), (128, 1), (512, 2))
_ROUNDS = 2
_SECONDS = 0.7
"""For how long each thing is done again and again."""


def busy() -> None:
    """Ratios of the mean times, medians of the rounds."""
    times = defaultdict[tuple[str, bool, bool], list[float]](list)
    for _ in range(_ROUNDS):
        for is_old in (False, True):
            for is_busy in (False, True):
                for name, taken in _measured(is_old, is_busy).items():
                    times[name, is_old, is_busy].append(taken)
    middle = {key: statistics.median(taken) for key, taken in times.items()}
    for name in dict.fromkeys(name for name, *_ in middle):
        now, before = (middle[name, is_old, True] / middle[name, is_old, False] for is_old in (False, True))
        alone = middle[name, False, False] / middle[name, True, False]
        row(f"{name}, beside a busy process / alone", f"{now:.2f} times ({before:.1f} with threads that spin)", "at most 2.5")
        row(f"{name}, alone, of the time with threads that spin", f"{alone:.2f}", "at most 1.05")


def _measured(is_old: bool, is_busy: bool) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "GOMP_SPINCOUNT")}
    environment.pop("OMP_WAIT_POLICY", None)
    if not is_old:
        environment["GOMP_SPINCOUNT"] = "3000"
    with _beside() if is_busy else _alone():
        found = subprocess.check_output([sys.executable, __file__, *(["old"] if is_old else [])], env=environment)
    return dict(json.loads(found))


@contextmanager
def _beside() -> Iterator[None]:
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


@contextmanager
def _alone() -> Iterator[None]:
    yield


def _all() -> dict[str, float]:
    """Mean seconds of each thing with each model."""
    corpus = read_corpus(["builtin:python-docs"])
    found: dict[str, float] = {}
    for hidden, layers in _MODELS:
        settings = (f"model.hidden_size={hidden}", f"model.num_layers={layers}", "train.batch_size=16")
        prepared = prepare(corpus, Asked.all_of(load_config(None, settings)))
        for name, action in _actions(Trainer(prepared, new_training(prepared, torch.device("cpu")))):
            found[f"{name}, {layers}x{hidden}"] = _mean(action)
    return found


def _actions(trainer: Trainer) -> Iterator[tuple[str, Callable[[], object]]]:
    model, ids = trainer.model, np.asarray(trainer.prepared.ids[:8000])
    lines = [ids[begin : begin + 50] for begin in range(0, 2000, 50)]
    steps = (trainer._step(batch) for batch in batches(trainer.prepared.ids, trainer.prepared.layout))
    yield "a step of training", lambda: next(steps)
    yield "a score of 40 lines", lambda: surprises(model, lines, 0)
    yield "an evaluation of 8,000 characters", lambda: stateful(model, ids)


def _mean(action: Callable[[], object]) -> float:
    action()
    begin, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - begin < _SECONDS:
        action()
        count += 1
    return (time.perf_counter() - begin) / count


if __name__ == "__main__":
    if "old" in sys.argv:
        device._WORTH_A_THREAD = 1
    print(json.dumps(_all()))
