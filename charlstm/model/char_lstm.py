"""The character-level LSTM: ids and a state in, logits and the next state out.

The alphabet of shapes, used everywhere:
    T time (characters in a step)    B batch (parallel streams)    V vocabulary    E embedding    H hidden    L layers

Knows: the network and how its weights begin.
Does not know: files, text, losses; it prints nothing and keeps no state between calls.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charlstm.config import ModelConfig
from charlstm.model.device import threads_for

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each (L, B, H)."""


class CharLSTM(nn.Module):
    """Embedding or one-hot -> LSTM layers -> dropout -> linear head."""

    def __init__(self, vocabulary_size: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.config = config
        E, H, L = config.embedding_size, config.hidden_size, config.num_layers
        self.embedding = nn.Embedding(vocabulary_size, E) if E else None
        self.lstm = nn.LSTM(E or vocabulary_size, H, L)
        self.head = nn.Linear(H, vocabulary_size)
        self.multiplied = sum(p.numel() for part in (self.lstm, self.head) for p in part.parameters())
        """Weights that a step from one character to the next multiplies, for each row."""
        if generator is not None:
            self._initialise(generator)

    def forward(
        self, ids: Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Ids (T, B), a state (zeros where None) -> logits (T, B, V) of each next character, and the state after the last.

        In training mode dropout draws from `generator`, on the model's device; from torch's own where None.
        """
        with threads_for(self.multiplied, ids.shape[1]):
            if self.embedding is not None:
                x = self.embedding(ids)  # (T, B, E)
            else:
                x = F.one_hot(ids, self.vocabulary_size).to(self.head.weight.dtype)  # (T, B, V)
            dropping = self.training and self.config.dropout > 0
            hidden, state = self._lstm_with_dropout(x, state, generator) if dropping else self.lstm(x, state)  # (T, B, H)
            return self.head(hidden), state

    def _lstm_with_dropout(
        self, x: Tensor, state: State | None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """As `self.lstm`, a layer at a time, with locked dropout before the first and after each."""
        H, L = self.config.hidden_size, self.config.num_layers
        before = state or (x.new_zeros(L, x.shape[1], H), x.new_zeros(L, x.shape[1], H))
        after = []
        if self.embedding is not None:
            x = _locked_dropout(x, self.config.dropout / 3, generator)  # of an embedding's dimensions each tells more
        for layer in range(L):
            w_ih, w_hh, b_ih, b_hh = (
                getattr(self.lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            own = [part[layer : layer + 1].contiguous() for part in before]
            x, h, c = torch.lstm(x, own, [w_ih, w_hh, b_ih, b_hh], True, 1, 0.0, True, False, False)
            x = _locked_dropout(x, self.config.dropout, generator)
            after.append((h, c))
        return x, (torch.cat([h for h, _ in after]), torch.cat([c for _, c in after]))

    @property
    def parameters_count(self) -> int:
        """How many numbers are learned."""
        return sum(p.numel() for p in self.parameters())

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        H = self.config.hidden_size
        if self.embedding is not None:
            # Unit variance: with vectors of unit length instead, one pass over tiny Shakespeare ended 0.1 nats worse.
            nn.init.normal_(self.embedding.weight, generator=generator)
        for name, p in self.lstm.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(p, generator=generator)
            elif name.startswith("weight_hh"):
                # One orthogonal matrix a gate: a step then neither shrinks nor grows what it remembers (Saxe et al. 2014).
                for gate in p.chunk(4):
                    nn.init.orthogonal_(gate, generator=generator)
            else:
                nn.init.zeros_(p)
                if name.startswith("bias_ih"):
                    # A forget gate that begins open lets gradients through from the first step (Jozefowicz et al. 2015).
                    # nn.LSTM adds two biases; one of them carries the 1.
                    p[H : 2 * H] = 1.0
        nn.init.xavier_uniform_(self.head.weight, generator=generator)
        nn.init.zeros_(self.head.bias)


def _locked_dropout(x: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Drop the same units at every character of a step, (T, B, H), as Gal and Ghahramani 2016 do."""
    if not share:
        return x
    # As `F.dropout` of ones, which takes no generator; on a CPU it also draws the same.
    kept = x.new_empty(1, *x.shape[1:]).bernoulli_(1 - share, generator=generator)
    return x * kept.div_(1 - share)


def detach(state: State) -> State:
    """The same state, without the history that would let gradients flow back beyond this step."""
    return state[0].detach(), state[1].detach()
