"""The lesson's setting, written plainly, against ours on the same text: 60,000 characters, 50 passes, the best validation loss.

python scripts/lesson.py tinyshakespeare.txt    about half an hour on two cores

The lesson (two layers of 512, one-hot input, dropout 0.5, batch 64 x 100, Adam at 1e-3, clip 5) as tutorials write it: windows
of 100 characters side by side, the state carried. Ours is what `charlstm train` chooses by itself for such a text, with 50
passes. Both are scored after every pass, with the state carried, on the same last tenth; the loss at its best is compared.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.asked import ask
from charlstm.config import load_config
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Record
from charlstm.text.corpus import corpus_of
from charlstm.training.prepared import prepare
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer

CHARACTERS, PASSES = 60_000, 50


class Lesson(nn.Module):
    """What the lesson builds."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.lstm = nn.LSTM(vocabulary_size, 512, 2, dropout=0.5, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(512, vocabulary_size)

    def forward(self, ids: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Ids (B, T) -> logits (B, T, V) and the state."""
        hidden, state = self.lstm(F.one_hot(ids, self.vocabulary_size).float(), state)
        return self.head(self.dropout(hidden)), state


def lesson(ids: Tensor, split: int, vocabulary_size: int) -> list[float]:
    """Train as the lesson does -> the validation loss after each pass."""
    torch.manual_seed(1)
    model = Lesson(vocabulary_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch, window = 64, 100
    steps = (split - 1) // (batch * window)
    length = steps * window
    x = torch.stack([ids[b * length : (b + 1) * length] for b in range(batch)])
    y = torch.stack([ids[b * length + 1 : (b + 1) * length + 1] for b in range(batch)])
    losses = []
    for _ in range(PASSES):
        model.train()
        state = None
        for begin in range(0, length, window):
            logits, state = model(x[:, begin : begin + window], state)
            state = (state[0].detach(), state[1].detach())
            optimizer.zero_grad()
            F.cross_entropy(logits.flatten(0, 1), y[:, begin : begin + window].flatten()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            logits, _ = model(ids[None, split - 1000 : -1], None)  # a thousand characters to warm up on
            losses.append(float(F.cross_entropy(logits[0, 999:], ids[split:])))
        print(f"lesson, pass {len(losses)}: {losses[-1]:.4f}", flush=True)
    return losses


def ours(text: str) -> list[float]:
    """`charlstm train` on the same text -> the validation loss after each pass."""
    asked = ask(None, [f"train.epochs={PASSES}"])
    prepared = prepare(corpus_of(text, asked.config.data, "text"), asked)
    trainer = Trainer(prepared, new_training(prepared, torch.device("cpu")))
    losses = []
    with tempfile.TemporaryDirectory() as folder:
        for record in trainer.fit(RunFolder(Path(folder))):
            if isinstance(record, Record) and record.validation_loss is not None:
                losses.append(record.validation_loss)
                print(f"ours, pass {len(losses)}: {losses[-1]:.4f}", flush=True)
    return losses


def main() -> None:
    """Run both, and compare."""
    parser = argparse.ArgumentParser(description="The lesson's setting against ours.")
    parser.add_argument("text", type=Path, metavar="TEXT", help="tiny Shakespeare; its first 60,000 characters are used")
    text = parser.parse_args().text.read_text(encoding="utf-8")[:CHARACTERS]
    config = load_config(None)
    corpus = corpus_of(text, config.data, "text")
    ids = torch.from_numpy(np.asarray(corpus.ids).astype(np.int64))
    theirs = lesson(ids, corpus.split(config.data)[0], corpus.vocabulary.size)
    mine = ours(text)
    print(
        f"| {CHARACTERS:,} characters, {PASSES} passes: the lesson {min(theirs):.3f} (pass {theirs.index(min(theirs)) + 1})"
        f" | ours {min(mine):.3f} (pass {mine.index(min(mine)) + 1}) | {min(theirs) - min(mine):.3f} lower |"
    )


if __name__ == "__main__":
    main()
