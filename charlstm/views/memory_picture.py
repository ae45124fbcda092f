"""How long a model remembers, as a picture, beside the same model with its state reset.

Knows: panels, axes, legends.
Does not know: where the numbers come from.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from charlstm.insight.memory import CONTEXTS, Memory
from charlstm.views.pictures import COLOURS, PictureFormat, picture

if TYPE_CHECKING:  # `pictures` imports matplotlib
    from matplotlib.axes import Axes

_ROUNDING = 1e-10
"""Nats: what lies below is made by rounding in float32 as much as by the model."""


def draw_memory(memory: Memory, noun: str, reset: int, kind: PictureFormat) -> bytes:
    """Loss by context, and the effect of a planted character by distance, as the bytes of a file of 800 x 620 pixels.

    The second panel has the same model once more, its state set to zero `reset` characters after the planted one, where that
    is within its reach.
    """
    with picture(8, 6.2, kind) as (figure, out):
        above, below = figure.subplots(2, 1, sharex=True)
        _draw_loss(above, memory, noun)
        _draw_effect(below, memory, noun, reset)
        figure.align_ylabels([above, below])
    return out.getvalue()


def _draw_loss(panel: Axes, memory: Memory, noun: str) -> None:
    """Error bars are the standard error of what each context costs beside the carried state."""
    losses = [context.loss.nats for context in memory.contexts]
    panel.axhline(memory.carried.nats, color=COLOURS[0], label=f"state carried, {memory.carried.nats:.3f}")
    errors = [context.excess.stderr for context in memory.contexts]
    label = "state reset so many before"
    panel.errorbar(CONTEXTS, losses, errors, color=COLOURS[1], marker="s", linestyle="--", capsize=2, label=label)
    panel.set_xscale("log", base=2)
    panel.set_ylabel(f"loss, nats per {noun}")
    panel.set_xlabel(f"{noun}s of context")
    panel.legend()


def _draw_effect(panel: Axes, memory: Memory, noun: str, reset: int) -> None:
    """Every distance as a line, and marks where the table has its rows."""
    effect = [mean.nats or math.nan for mean in memory.effect]  # nothing has no logarithm
    distances = range(1, len(effect) + 1)
    panel.plot(distances, effect, color=COLOURS[0], linewidth=0.8, alpha=0.6)
    marked = [effect[distance - 1] for distance in CONTEXTS]
    panel.plot(CONTEXTS, marked, "o", color=COLOURS[0], label="state carried")
    if any(map(math.isfinite, effect)):
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(lambda nats, _: f"{nats:.0e}")  # the usual one writes in TeX, which is off
    low = max(panel.get_ylim()[0], _ROUNDING)
    if reset < len(effect):
        kept = [*effect[:reset], low, low]
        label = f"state reset after {reset:,}: then exactly 0"
        panel.plot([*distances[:reset], reset, len(effect)], kept, color=COLOURS[1], linestyle="--", label=label)
    panel.set_ylim(bottom=low)
    panel.set_xticks(CONTEXTS, [f"{distance:,}" for distance in CONTEXTS])
    panel.set_ylabel("change of the prediction, nats")
    panel.set_xlabel(f"{noun}s since another {noun} was planted")
    panel.legend()
