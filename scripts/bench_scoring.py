"""Measure how fast lines are scored, against reading them a character at a time. A row of `scripts/bench.py`.

python scripts/bench_scoring.py
"""

from __future__ import annotations

import statistics
import time

import torch
from report import median_ratio, row

from charlstm.config import Config, DataConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.scoring.surprise import surprises
from charlstm.text.passages import read_passages
from charlstm.text.types import Ids
from charlstm.text.vocabulary import CharVocabulary

LINES, ALONE = 600, 6


def scoring() -> None:
    """Lines of the built-in text by a 2x512, side by side; the first of them also by `nn.LSTM`, a character at a time."""
    text = [passage.text for passage in read_passages(Config().data.text, DataConfig(), "line") if passage.text][:LINES]
    vocabulary = CharVocabulary("".join(text) + "\n")
    model = CharLSTM(vocabulary.size, Config().model, torch.Generator().manual_seed(0)).eval()
    newline = int(vocabulary.encode("\n")[0])
    lines = [vocabulary.encode(line) for line in text]
    one_by_one(model, lines[:2], newline)
    speeds = []
    for _ in range(3):
        begin = time.perf_counter()
        surprises(model, lines, newline)
        middle = time.perf_counter()
        one_by_one(model, lines[:ALONE], newline)
        end = time.perf_counter()
        speeds.append((sum(map(len, lines)) / (middle - begin), sum(map(len, lines[:ALONE])) / (end - middle)))
    fast, slow = (statistics.median(pair) for pair in zip(*speeds, strict=True))
    what = "scoring lines, 2x512, against a plain nn.LSTM one-step loop"
    row(what, f"{median_ratio(speeds):.1f} times ({fast:,.0f} against {slow:,.0f} chars/s)", "10")


@torch.no_grad()
def one_by_one(model: CharLSTM, lines: list[Ids], newline: int) -> list[list[float]]:
    """The nats of each character, as one would write it first."""
    found = []
    for line in lines:
        nats, state, last = [], None, newline
        for i in map(int, line):
            logits, state = model(torch.tensor([[last]]), state)
            nats.append(-float(torch.log_softmax(logits[0, 0], 0)[i]))
            last = i
        found.append(nats)
    return found


if __name__ == "__main__":
    scoring()
