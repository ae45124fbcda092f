"""Measure what each means against overfitting, and each way to optimise, is worth: the table in docs/quality.md.

python scripts/means.py tinyshakespeare.txt                          all of them, one after the other: about two hours on a core
python scripts/means.py tinyshakespeare.txt --only plain --seed 2    one, with another seed

A quarter of the size, so that a comparison takes minutes: 2x256, 12 passes over 130,000 characters, the last ones before the
last tenth of the training part. Scored is that last tenth: the reported split is never looked at. All but the one means is
the same, the seed too. What did not pay lives here and not in the model.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.config import ModelConfig, TrainConfig
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.scoring import evaluation
from charlstm.text.batches import Layout, batches
from charlstm.text.corpus import read_corpus
from charlstm.training.optim import learning_rate_at, make_optimizer, update_average

LEARNED, PASSES = 130_000, 12


@dataclass(frozen=True)
class Means:
    """What differs from the plain training, whose values these are."""

    dropout: float = 0.3
    """After each layer; at the embedding `embedding_dropout`."""
    embedding_dropout: float = 0.0
    locked: bool = False
    """The same units all through a step."""
    weight_dropout: float = 0.0
    """DropConnect on the hidden-to-hidden weights, a new mask a step (Merity et al. 2018)."""
    noise: float = 0.0
    """Share of input characters replaced by others of the text (Xie et al. 2017)."""
    reset: float = 0.0
    """Probability a step that a stream's state is zeroed."""
    random_length: bool = False
    """Steps of half, whole and one and a half times the length."""
    smaller_first: bool = False
    """Half of the streams for the first 30% of the characters."""
    skip: bool = False
    """The head reads the first layer too."""
    layer_norm: bool = False
    """After each layer."""
    output_scale: float = 1.0
    """What the output of each layer is multiplied with: a way to give small numbers more weight without a norm."""
    smoothing: float = 0.0
    """Label smoothing."""
    activation_penalty: float = 0.0
    """Mean square of the head's input (AWD-LSTM's AR)."""
    embedding_scale: float = 1.0
    """Standard deviation of the embedding at the start."""
    batch_size: int = 32
    seq_len: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    beta2: float = 0.99
    late_decay: bool = False
    """A constant rate for 70% of the training, then a straight line to zero, in place of a cosine."""


TRIALS = {
    "plain": Means(),
    "embedding dropout 0.1": Means(embedding_dropout=0.1),
    "state resets 0.02": Means(reset=0.02),
    "rate 8e-3": Means(learning_rate=8e-3),
    "16 x 64 in place of 32 x 32": Means(batch_size=16, seq_len=64),
    "embedding dropout 0.1, all dropout locked": Means(locked=True, embedding_dropout=0.1),
    "locked dropout": Means(locked=True),
    "layer norm after each layer": Means(layer_norm=True),
    "layer norm, embedding dropout 0.1 and resets 0.02, all locked": Means(
        layer_norm=True, locked=True, embedding_dropout=0.1, reset=0.02
    ),
    "skip from the first layer to the head": Means(skip=True),
    "embedding dropout 0.2, all locked": Means(locked=True, embedding_dropout=0.2),
    "dropout 0.15": Means(dropout=0.15),
    "outputs of both layers times 3": Means(output_scale=3.0),
    "DropConnect 0.3": Means(weight_dropout=0.3),
    "DropConnect 0.5": Means(weight_dropout=0.5),
    "DropConnect 0.3, dropout locked": Means(weight_dropout=0.3, locked=True),
    "input noise 0.05": Means(noise=0.05),
    "embedding of unit length at the start": Means(embedding_scale=64**-0.5),
    "random lengths of steps": Means(random_length=True),
    "smaller batches first": Means(smaller_first=True),
    "weight decay 0.3": Means(weight_decay=0.3),
    "second beta 0.999": Means(beta2=0.999),
    "label smoothing 0.03": Means(smoothing=0.03),
    "activation penalty 1": Means(activation_penalty=1.0),
    "constant rate, late decay": Means(late_decay=True),
}


class Trial(CharLSTM):
    """The model, with all means in its forward pass."""

    def __init__(self, vocabulary_size: int, means: Means, text: Tensor) -> None:
        super().__init__(vocabulary_size, ModelConfig(embedding_size=64, hidden_size=256), torch.Generator().manual_seed(0))
        self.means, self.text = means, text
        self.norms = nn.ModuleList([nn.LayerNorm(256) for _ in range(2)]) if means.layer_norm else None
        self.side_head = nn.Linear(256, vocabulary_size, bias=False) if means.skip else None
        self.head_input = torch.empty(0)

    def begin(self, seed: int) -> None:
        """Draw the weights anew."""
        self._initialise(torch.Generator().manual_seed(seed))
        with torch.no_grad():
            assert self.embedding is not None
            self.embedding.weight.mul_(self.means.embedding_scale)
            if self.side_head:
                nn.init.zeros_(self.side_head.weight)

    def forward(
        self, ids: Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """As `CharLSTM.forward`, but that it draws from torch's own generator."""
        means = self.means
        if self.training and means.noise:
            other = self.text[torch.randint(len(self.text), ids.shape)]
            ids = torch.where(torch.rand(ids.shape) < means.noise, other, ids)
        assert self.embedding is not None
        x = self._drop(self.embedding(ids), means.embedding_dropout)
        before = state or (x.new_zeros(2, x.shape[1], 256), x.new_zeros(2, x.shape[1], 256))
        after, outputs = [], []
        for layer in range(2):
            parts = [getattr(self.lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            parts[1] = F.dropout(parts[1], means.weight_dropout, self.training)
            own = [part[layer : layer + 1].contiguous() for part in before]
            x, h, c = torch.lstm(x, own, parts, True, 1, 0.0, self.training, False, False)
            x = self._drop(self.norms[layer](x) if self.norms else x * means.output_scale, means.dropout)
            after.append((h, c))
            outputs.append(x)
        self.head_input = x
        logits = self.head(x)
        if self.side_head:
            logits = logits + self.side_head(outputs[0])
        return logits, (torch.cat([h for h, _ in after]), torch.cat([c for _, c in after]))

    def _drop(self, x: Tensor, share: float) -> Tensor:
        if self.means.locked:
            return x * F.dropout(x.new_ones(1, *x.shape[1:]), share, self.training)
        return F.dropout(x, share, self.training)


def measure(ids: np.ndarray, vocabulary_size: int, means: Means, seed: int) -> str:
    """Train, then score the last weights and their average -> a row of the table."""
    learned = int(int(len(ids) * 0.9) * 0.9)
    scored, text = ids[: int(len(ids) * 0.9)], ids[learned - LEARNED : learned]
    torch.manual_seed(seed)
    model = Trial(vocabulary_size, means, torch.from_numpy(text.astype(np.int64)))
    model.begin(seed)
    rates = TrainConfig(learning_rate=means.learning_rate, weight_decay=means.weight_decay, beta2=means.beta2, warmup_steps=333)
    optimizer, average = make_optimizer(model, rates), copy.deepcopy(model)
    offsets = np.random.default_rng(seed)
    total = PASSES * LEARNED
    characters, step, begin = 0, 0, time.perf_counter()
    while characters < total:
        layout = Layout(LEARNED, means.batch_size, means.seq_len)
        if means.smaller_first and characters < 0.3 * total:
            layout = replace(layout, batch_size=means.batch_size // 2)
        if means.random_length:
            layout = replace(layout, seq_len=int(means.seq_len * offsets.choice([0.5, 1, 1.5])))
        state, nats, pass_begin = None, 0.0, characters
        for batch in batches(text, layout, int(offsets.integers(layout.slack + 1))):
            rate = _rate(characters / total, means, rates) * layout.seq_len / means.seq_len
            for group in optimizer.param_groups:
                group["lr"] = rate
            if state is not None and means.reset:
                kept = (torch.rand(layout.batch_size, 1) >= means.reset).float()
                state = (state[0] * kept, state[1] * kept)
            logits, state = model(batch.inputs, state)
            loss = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), label_smoothing=means.smoothing)
            penalty = means.activation_penalty * model.head_input.square().mean() if means.activation_penalty else 0.0
            optimizer.zero_grad()
            (loss + penalty).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            state = (state[0].detach(), state[1].detach())
            step, characters, nats = step + 1, characters + batch.characters, nats + float(loss.detach()) * batch.characters
            update_average(average, model, step, 0.99)
    seconds = time.perf_counter() - begin
    losses = [nats / (characters - pass_begin)]
    for m in (model, average):
        losses += [evaluation.stateful(m, scored, learned).loss, evaluation.cold(m, scored, learned).loss]
    return " | ".join([*(f"{loss:.4f}" for loss in losses), f"{seconds:.0f} s"])


def _rate(progress: float, means: Means, config: TrainConfig) -> float:
    """The learning rate after that share of the characters; it warms up over a thirtieth of them, whatever the batch."""
    if means.late_decay and progress > 0.04:
        return config.learning_rate * min(1.0, (1 - progress) / 0.3)
    return learning_rate_at(math.floor(progress * 10_000), 10_000, config)


def main() -> None:
    """Measure the trials that were asked for."""
    parser = argparse.ArgumentParser(description="Measure what each means is worth.")
    parser.add_argument("text", type=Path, metavar="TEXT", help="tiny Shakespeare")
    parser.add_argument("--only", choices=list(TRIALS), action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = read_corpus([str(arguments.text)])
    print("| means | training loss | last weights, stateful | cold-256 | averaged, stateful | cold-256 | time |", flush=True)
    for name in arguments.only or TRIALS:
        print(
            f"| {name} | {measure(np.asarray(corpus.ids), corpus.vocabulary.size, TRIALS[name], arguments.seed)} |", flush=True
        )


if __name__ == "__main__":
    main()
