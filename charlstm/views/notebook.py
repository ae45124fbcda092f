"""What a notebook shows of a value: pieces of HTML that need nothing beside them and leave the page they stand in alone.

Knows: how a text is coloured by surprise, how a whole page stands in a frame, a run as a picture or a table.
Does not know: how any of it came about.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec

from charlstm.views.scores import SURPRISE_SCALE
from charlstm.views.terminal import visible
from charlstm.words import counted

MOST_COLOURED = 20_000
"""Characters of a text that are coloured: each is an element of its own, and a notebook keeps them all."""
_GROUND = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,monospace;line-height:1.5;"
    "background:#121212;color:#e4e4e4;padding:.6em .8em;border-radius:4px"
)
_LEGEND = "font-size:85%;opacity:.8;margin-bottom:.3em"


def surprise_html(facts: str, characters: Sequence[tuple[str, float | None, int | None]]) -> str:
    """A text coloured by surprise, as `charlstm score --show` colours it; the pointer over a character gives its numbers.

    `characters` are each with its nats and its rank, None where it could not be scored; `facts` is the line above them.
    """
    shown = "".join(_character(*one) for one in characters[:MOST_COLOURED])
    left = len(characters) - MOST_COLOURED
    more = f'<div style="{_LEGEND}">{counted(left, "more character", "is")} not shown</div>' if left > 0 else ""
    return f'<div style="{_LEGEND}">{escape(facts)} · {_scale()}</div><div style="{_GROUND}">{shown}</div>{more}'


def _character(character: str, nats: float | None, rank: int | None) -> str:
    letter = escape("\u00b7\n" if character == "\n" else character if character == "\t" else visible(character))
    if nats is None:
        return f'<span title="read, not scored">{letter}</span>'
    letters, ground = next((ink, paper) for least, _, ink, paper in SURPRISE_SCALE if math.exp(-nats) >= least)
    title = f"{nats:.2f} nats, probability {math.exp(-nats):.2g}, rank {rank}"
    return f'<span title="{title}" style="color:{letters};background:{ground}">{letter}</span>'


def _scale() -> str:
    """The colours, each with the least probability that it stands for."""
    cells = (f'<span style="color:{c};background:{g};padding:0 .4em">{name}</span>' for _, name, c, g in SURPRISE_SCALE)
    return "probability " + "".join(cells)


def frame_html(page: str, title: str, height: int = 720) -> str:
    """A whole HTML page in a frame of its own, so that neither its style nor its script reaches the notebook."""
    # Scripts may run, but in an origin of their own: the page can't touch the notebook or its session.
    attributes = f'sandbox="allow-scripts" style="width:100%;height:{height}px;border:0" title="{escape(title, quote=True)}"'
    return f'<iframe {attributes} srcdoc="{escape(page, quote=True)}"></iframe>'


def curves_html(label: str, columns: Mapping[str, Sequence[float]], noun: str) -> str:
    """The curves of a run: a picture where matplotlib is installed, else its evaluations as a table.

    `columns` as `charlstm.runs.records.read_columns` gives them.
    """
    if not columns["step"]:
        return f"<div>{escape(label)}: no evaluation yet</div>"
    if find_spec("matplotlib") is None:
        return _table(label, columns, noun)
    from charlstm.views.curves import Drawn, draw_curves

    svg = draw_curves([Drawn(label, columns)], "steps", noun, "svg")
    # As an image: the style in an SVG would be the whole page's.
    source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
    return f'<img alt="curves of {escape(label, quote=True)}" style="background:#fff;max-width:100%" src="{source}">'


def _table(label: str, columns: Mapping[str, Sequence[float]], noun: str) -> str:
    rows = zip(columns["step"], columns["train_loss"], columns["validation_loss"], strict=True)
    body = "".join(f"<tr><td>{step:,.0f}</td><td>{_loss(train)}</td><td>{_loss(held)}</td></tr>" for step, train, held in rows)
    head = f"<tr><th>step</th><th>training</th><th>validation, nats per {noun}</th></tr>"
    return f"<table><caption>{escape(label)}</caption>{head}{body}</table>"


def _loss(nats: float) -> str:
    return f"{nats:.4f}" if math.isfinite(nats) else ""
