"""How long a model remembers: a table with bars on the terminal, JSON, and the sentences that say what it means.

Knows: columns, bars, words.
Does not know: how any of it was measured; pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rich.text import Text

from charlstm.insight.memory import REACH, READ_BEFORE, Memory
from charlstm.views.canvas import has_braille
from charlstm.views.console import console, print_json, room
from charlstm.views.tables import Column, print_table
from charlstm.words import counted

LITTLE = 0.01
"""Nats per character: less is called little."""
FEW = 50
"""Places: means over fewer are rough."""
_BAR = 14  # so that a row fits into 80 columns


def print_memory(memory: Memory, noun: str, as_json: bool, about: Mapping[str, object]) -> None:
    """A row a context and distance on standard output, and what they mean; `about` says in JSON what was measured."""
    if as_json:
        print_json({**about, "per": noun, **_values(memory)})
        return
    columns = [
        Column(f"{noun}s", is_right=True),
        Column("loss", 1, is_right=True),
        Column("over carried", 3, is_right=True),
        Column("", 4),
        Column("effect", 2, is_right=True),
        Column("", 5),
    ]
    print_table(columns, list(_memory_rows(memory)))
    for sentence in sentences(memory, noun):
        console(stderr=False).print(Text(sentence), soft_wrap=room(stderr=False) is None)


def _memory_rows(memory: Memory) -> Iterator[list[Text]]:
    block = "█" if has_braille() else "#"
    most = max((context.excess.nats for context in memory.contexts), default=0)
    first = memory.effect[0].nats
    for context in memory.contexts:
        excess, effect = context.excess, memory.effect[context.chars - 1]
        cells = (
            f"{context.chars:,}",
            f"{context.loss.nats:.4f}",
            f"{excess.nats:+.4f} ± {excess.stderr:.4f}",
            _bar_of(excess.nats / most if most > 0 else 0, block),
            _small(effect.nats),
            # A bar as long as the logarithm, over five powers of ten: an effect fades by orders of magnitude.
            _bar_of(1 + math.log10(effect.nats / first) / 5 if first > 0 and effect.nats > 0 else 0, block),
        )
        yield [*map(Text, cells)]
    yield [*map(Text, ("carried", f"{memory.carried.nats:.4f}", "0", "", "", ""))]


def sentences(memory: Memory, noun: str) -> list[str]:
    """What was found, in words: what context brings, how a planted character fades, how far to trust it."""
    enough, longest = memory.enough(LITTLE), memory.contexts[-1]
    if enough is None and longest.excess.nats - longest.excess.stderr < LITTLE:
        first = f"These places can't tell from where on more context brings less than {LITTLE} nats per {noun}."
    elif enough is None:
        more = f"{longest.excess.nats:.3f} ± {longest.excess.stderr:.3f}"
        first = f"Even beyond {counted(longest.chars, noun)} of context, what came before them brings {more} nats per {noun}."
    else:
        stderr = next(context.excess.stderr for context in memory.contexts if context.chars == enough)
        so_many = counted(enough, noun)
        first = f"From {so_many} on, more context brings less than {LITTLE} nats per {noun} (standard error {stderr:.4f})."
    found = [first, *_fading(memory, noun)]
    if memory.places < FEW:
        found.append(
            f"Measured at only {counted(memory.places, 'place')}: the figures are rough, and better with more --places."
        )
    return found


def _fading(memory: Memory, noun: str) -> list[str]:
    half, most = memory.within(0.5), memory.within(0.99)
    if half is None:
        return [f"Another {noun} in the text changes nothing at all."]
    below = memory.falls_below(1 / math.e)
    faded = (
        f"less than 1/e of that from {counted(below, noun)} on"
        if below
        else f"more than 1/e of that {counted(REACH, noun)} later"
    )
    effect = f"Another {noun} in the text changes the prediction after it by {_small(memory.effect[0].nats)} nats"
    return [f"{effect}, and by {faded}.", f"Half of its effect is on the next {half:,}, 99% on the next {most:,}."]


def _values(memory: Memory) -> dict[str, object]:
    return {
        "places": memory.places,
        "warm_up": READ_BEFORE,
        "contexts": [asdict(context) for context in memory.contexts],
        "carried": asdict(memory.carried),
        "enough": memory.enough(LITTLE),
        "effect": [{"distance": distance, **asdict(mean)} for distance, mean in enumerate(memory.effect, 1)],
        "effect_below_1_e": memory.falls_below(1 / math.e),
        "effect_within": {str(share): memory.within(share) for share in (0.5, 0.9, 0.99)},
    }


def _bar_of(share: float, block: str) -> str:
    return block * round(max(0.0, min(1.0, share)) * _BAR)


def _small(value: float) -> str:
    return f"{value:.4f}" if value >= 1e-3 or value == 0 else f"{value:.1e}"
