"""The model itself as an engine: on any device, in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from charlstm.model.char_lstm import CharLSTM, State
from charlstm.sampling.types import Logits
from charlstm.text.types import Ids

_PREFILLED_AT_ONCE = 1024  # characters of a prime at once: a long one must not need logits for all of it


class TorchEngine:
    """Runs the model it is given, which it switches to evaluation. Nobody may train the model meanwhile."""

    def __init__(self, model: CharLSTM) -> None:
        self._model = model.eval()
        self._device = model.head.weight.device

    @torch.inference_mode()
    def prefill(self, ids: Ids, state: State | None = None) -> tuple[Logits, State]:
        """See `Engine.prefill`."""
        for part in torch.split(torch.from_numpy(ids).to(self._device), _PREFILLED_AT_ONCE):
            logits, state = self._model(part, state)
        assert state is not None
        return logits[-1].float().cpu().numpy(), state

    def step(self, ids: Ids, state: State) -> tuple[Logits, State]:
        """See `Engine.step`."""
        return self.prefill(ids[None], state)

    def select(self, state: State, rows: Sequence[int]) -> State:
        """See `Engine.select`."""
        at = torch.tensor(rows, device=self._device)
        return state[0].index_select(1, at), state[1].index_select(1, at)

    def join(self, states: Sequence[State]) -> State:
        """See `Engine.join`."""
        return torch.cat([hidden for hidden, _ in states], 1), torch.cat([cell for _, cell in states], 1)
