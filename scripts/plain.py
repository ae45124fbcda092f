"""What the benchmarks compare with, each written as its tutorials write it: a loop of LSTM cells, a sampling loop, a GPT."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.config import SampleConfig
from charlstm.model.char_lstm import CharLSTM


class TutorialLSTM(nn.Module):
    """One-hot input, two `nn.LSTMCell`, a Python loop over time; Adam."""

    def __init__(self, vocabulary_size: int, hidden_size: int) -> None:
        super().__init__()
        self.vocabulary_size, self.hidden_size = vocabulary_size, hidden_size
        self.lower = nn.LSTMCell(vocabulary_size, hidden_size)
        self.upper = nn.LSTMCell(hidden_size, hidden_size)
        self.head = nn.Linear(hidden_size, vocabulary_size)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-3)

    def step(self, ids: Tensor) -> float:
        """One step of training on ids (T + 1, B)."""
        x = F.one_hot(ids[:-1], self.vocabulary_size).float()
        lower = upper = (torch.zeros(ids.shape[1], self.hidden_size),) * 2
        logits = []
        for t in range(len(x)):
            lower = self.lower(x[t], lower)
            upper = self.upper(lower[0], upper)
            logits.append(self.head(upper[0]))
        loss = F.cross_entropy(torch.cat(logits), ids[1:].flatten())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 5.0)
        self.optimizer.step()
        return loss.item()


class PlainLSTM(nn.Module):
    """Embedding, `nn.LSTM` of two layers, head; AdamW, and nothing else."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding, self.lstm, self.head = (
            nn.Embedding(vocabulary_size, 128),
            nn.LSTM(128, 512, 2),
            nn.Linear(512, vocabulary_size),
        )
        self.optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)

    def step(self, ids: Tensor) -> float:
        """One step of training on ids (T + 1, B)."""
        hidden, _ = self.lstm(self.embedding(ids[:-1]))
        loss = F.cross_entropy(self.head(hidden).flatten(0, 1), ids[1:].flatten())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


@torch.no_grad()
def plain_sampling(model: CharLSTM, first: int, length: int, config: SampleConfig) -> list[int]:
    """`nn.LSTM` called once a character, and the softmax of the k largest logits, as sampling loops are usually written."""
    generator, ids, state = torch.Generator().manual_seed(1), [first], None
    for _ in range(length):
        logits, state = model(torch.tensor([[ids[-1]]]), state)
        likely, order = torch.topk(logits[0, 0] / config.temperature, config.top_k)
        drawn = torch.multinomial(F.softmax(likely, dim=-1), 1, generator=generator)
        ids.append(int(order[drawn]))
    return ids


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        B, T, W = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm_1(x)).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(B, T, W))
        changed: Tensor = x + self.mlp(self.norm_2(x))
        return changed


class TinyGPT(nn.Module):
    """A character GPT of 4 layers, 4 heads and 128 units with a window of 64: what nanoGPT's README suggests for a CPU."""

    window, batch_size, peak_rate = 64, 12, 1e-3

    def __init__(self, vocabulary_size: int, width: int = 128) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(vocabulary_size, width), nn.Embedding(self.window, width)
        self.blocks = nn.Sequential(*(_Block(width, 4) for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary_size, bias=False)
        self.head.weight = self.symbols.weight
        for name, p in self.named_parameters():
            if p.ndim == 2:
                # Products that are added to the residual stream are smaller, by the number of additions (GPT-2).
                nn.init.normal_(p, std=0.02 / 8**0.5 if name.endswith(("out.weight", "mlp.2.weight")) else 0.02)
        self.optimizer = torch.optim.AdamW(self.parameters(), lr=self.peak_rate, betas=(0.9, 0.99), weight_decay=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (B, T) -> logits (B, T, V)."""
        x = self.symbols(ids) + self.places(torch.arange(ids.shape[1]))
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits

    def batches(self, ids: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Windows at random places, and the learning rate of each step: warm-up over 100, then a cosine down to a tenth."""
        generator = torch.Generator().manual_seed(1)
        for step in range(steps):
            fall = 0.55 + 0.45 * np.cos(np.pi * max(0, step - 100) / (steps - 100))
            self.optimizer.param_groups[0]["lr"] = self.peak_rate * (fall if step >= 100 else (step + 1) / 100)
            starts = torch.randint(len(ids) - self.window, (self.batch_size, 1), generator=generator)
            places = starts + torch.arange(self.window)
            yield ids[places], ids[places + 1]

    def step(self, x: Tensor, y: Tensor) -> None:
        """One step of training."""
        loss = F.cross_entropy(self(x).flatten(0, 1), y.flatten())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()

    @torch.no_grad()
    def loss(self, ids: Tensor) -> float:
        """Nats per character over a text, in windows from a cold start."""
        count = (len(ids) - 1) // self.window
        x = ids[: count * self.window].view(count, -1)
        y = ids[1 : count * self.window + 1].view(count, -1)
        return F.cross_entropy(self(x).flatten(0, 1), y.flatten()).item()
