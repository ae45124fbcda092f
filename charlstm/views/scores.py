"""The scores of lines and documents as rows, as coloured text or as JSON; which model explains each best, likewise.

Knows: columns, keys of JSON, colours, what is safe on a terminal.
Does not know: how any of the numbers came about.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from charlstm.text.passages import By, Passage
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.colours import append_character, put
from charlstm.views.console import print_json, print_line, room
from charlstm.views.tables import Column, aligned, layout
from charlstm.views.terminal import one_line, shortened, visible
from charlstm.words import counted

if TYPE_CHECKING:  # they import torch, and whether there are colours is asked before it is loaded
    from charlstm.scoring.classification import Verdict
    from charlstm.scoring.surprise import Score
    from charlstm.scoring.totals import Total

Form = Literal["table", "show", "json", "per-char"]
"""Rows, coloured text, JSON, or JSON with every character."""
_REST = 1_000  # columns: the text of a row has all that are left
_DIGITS = 6  # of a number in JSON; the float32 behind it has no more
_LIGHT, _DARK = "#e4e4e4", "#000000"
SURPRISE_SCALE = (
    (1 / 2, "50%", _LIGHT, "#121212"),
    (1 / 5, "20%", _LIGHT, "#420a68"),
    (1 / 20, "5%", "#ffffff", "#932667"),
    (1 / 100, "1%", _DARK, "#dd513a"),
    (1 / 1000, "0.1%", _DARK, "#fca50a"),
    (0.0, "less", _DARK, "#fcffa4"),
)
"""The least probability of a colour, its name, letters, ground. After a near-black, the grounds are steps of matplotlib's
inferno, which grows lighter evenly: no hues need be told apart. As letters and ground are both set, every terminal shows the
same."""
_SURPRISE_STYLES = [Style(color=letters, bgcolor=ground) for _, _, letters, ground in SURPRISE_SCALE]


class ScoresView:
    """Shows scores as they come, and at the end what they come to."""

    def __init__(self, form: Form, vocabulary: Vocabulary, by: By, several: bool) -> None:
        self._form, self._vocabulary = form, vocabulary
        chars = "chars" if vocabulary.unit == "char" else "bytes"
        gone = {chars: 3, "nats": 0, "bits": 2, "perplexity": 4, "rank": 5}
        self._rows = _Rows(by, several, [Column(title, order, is_right=True) for title, order in gone.items()])
        self._sum: Total | None = None
        self._count = self._empty = 0

    def show(self, scores: Sequence[Score]) -> None:
        """Show some more."""
        self._rows.widen([score.passage for score in scores])
        for score in scores:
            total = score.total
            self._sum = self._sum + total if self._sum else total
            self._count += 1
            self._empty += not total.chars
            if self._form in ("json", "per-char"):
                print_json(self._json(score), indent=None)
            elif self._form == "show":
                self._rows.coloured(score, self._vocabulary)
            else:
                self._rows.row(score.passage, _means(total))
        sys.stdout.flush()

    def end(self) -> None:
        """The total of what was shown; programs add up for themselves."""
        if not self._count:
            print_line(f"there is no {self._rows.by} to show")
        if self._form in ("table", "show") and self._sum:
            empty = f", {self._empty:,} without a character to score" if self._empty else ""
            self._rows.total(_means(self._sum), f"{counted(self._count, self._rows.by)}{empty}")

    def _json(self, score: Score) -> dict[str, object]:
        from charlstm.scoring.surprise import by_character

        total, passage = score.total, score.passage
        means = (
            {"nats": total.loss, "bpc": total.bpc, "perplexity": total.perplexity, "rank": total.rank} if total.chars else None
        )
        each = by_character(score, self._vocabulary) if self._form == "per-char" else ()
        rounded = [(c, nats if nats is None else round(nats, _DIGITS), rank) for c, nats, rank in each]
        characters = {"characters": rounded} if self._form == "per-char" else {}
        return {
            **_where(passage, self._rows.by),
            "chars": total.chars,
            "per": self._vocabulary.noun,
            **{key: means and round(means[key], _DIGITS) for key in ("nats", "bpc", "perplexity", "rank")},
            "text": passage.text,
            **characters,
        }


class VerdictsView:
    """Shows verdicts as they come, and at the end how many lines each model won and what all cost it."""

    def __init__(self, labels: Sequence[str], as_json: bool, by: By, several: bool) -> None:
        self._labels, self._as_json = labels, as_json
        self._shown = [one_line(label) for label in labels]
        widest, width = max(len("best"), *map(cell_len, self._shown)), room(stderr=False)
        self._width = min(widest, width // 2) if width else widest
        shares = [Column(f"p({label})", order, is_right=True, least=9) for order, label in enumerate(self._shown, 2)]
        self._rows = _Rows(by, several, shares, Column("best", least=8), self._width)
        self._won = [0] * len(labels)
        self._sums: list[Total] = []
        self._count = 0

    def show(self, verdicts: Sequence[Verdict]) -> None:
        """Show some more."""
        self._rows.widen([verdict.passage for verdict in verdicts])
        for verdict in verdicts:
            self._count += 1
            totals = [verdict.total(i) for i in range(len(self._labels))]
            self._sums = [a + b for a, b in zip(self._sums, totals, strict=True)] if self._sums else totals
            if verdict.best is not None:
                self._won[verdict.best] += 1
            if self._as_json:
                print_json(self._json(verdict), indent=None)
            else:
                label = "-" if verdict.best is None else self._shown[verdict.best]
                values = [f"{p:.3f}" if verdict.chars else "-" for p in verdict.probabilities]
                self._rows.row(verdict.passage, [label, *values])
        sys.stdout.flush()

    def end(self) -> None:
        """A row a model; programs add up for themselves."""
        if self._as_json or not self._sums:
            return
        sys.stdout.write("\n")
        for label, won, total in zip(self._shown, self._won, self._sums, strict=True):
            cost = f", {total.loss:.4f} nats per character over all" if total.chars else ""
            share = f"best for {won:,} of {counted(self._count, self._rows.by)}"
            sys.stdout.write(f"{aligned(shortened(label, self._width), self._width)}  {share}{cost}\n")

    def _json(self, verdict: Verdict) -> dict[str, object]:
        return {
            **_where(verdict.passage, self._rows.by),
            "chars": verdict.chars,
            "best": None if verdict.best is None else self._labels[verdict.best],
            "probabilities": dict(zip(self._labels, verdict.probabilities, strict=True)),
            "nats": dict(zip(self._labels, verdict.nats, strict=True)),
            "text": verdict.passage.text,
        }


class _Rows:
    """Lines with columns of a width that is known before the first; on a terminal the text, at their end, is cut off.

    Where a terminal is too narrow for them all, the least important columns are left out.
    """

    def __init__(
        self, by: By, several: bool, values: Sequence[Column], lead: Column | None = None, lead_width: int = 0
    ) -> None:
        self.by, self._several = by, several
        self._columns = [Column(by, is_right=True, least=16), *([lead] if lead else []), *values, Column("text", 1, least=8)]
        self._widths = [len(by) + 2, *([lead_width] if lead else []), *(max(cell_len(v.title), 7) for v in values), _REST]
        self._is_begun = False
        self._room = room(stderr=False)

    def widen(self, passages: Sequence[Passage]) -> None:
        """Make room for where they stand, and never less again."""
        self._widths[0] = max([self._widths[0], *(cell_len(self._heading(passage)) for passage in passages)])

    def row(self, passage: Passage, values: Sequence[str]) -> None:
        """One passage."""
        is_line = self.by == "line"
        if not self._is_begun:
            titles = [column.title for column in self._columns]
            self._write([*titles[:-1], titles[-1] if is_line else ""])
        self._is_begun = True
        self._write([self._heading(passage), *values, passage.text if is_line else ""])

    def total(self, values: Sequence[str], what: str) -> None:
        """What all come to."""
        self._write(["total", *values, what])

    def coloured(self, score: Score, vocabulary: Vocabulary) -> None:
        """One passage with each character in the colour of its surprise, whole; before the first, what the colours mean."""
        if not self._is_begun:
            put(_legend())
        self._is_begun = True
        loss = f"{score.total.loss:.3f}" if score.total.chars else "-"
        width = min(self._widths[0], self._room // 2 + 1) if self._room else self._widths[0]
        heading = f"{aligned(shortened(self._heading(score.passage), width), width, is_right=True)}  {loss:>6}"
        put(Text.assemble((heading, "dim"), "  " if self.by == "line" else "\n", heat(score, vocabulary)))

    def _heading(self, passage: Passage) -> str:
        """Where it stands: a line by its number, with its file where there are several, a document by its file."""
        if self.by == "document":
            heading = one_line(passage.source)
        else:
            heading = one_line(f"{passage.source}:{passage.number}") if self._several else str(passage.number)
        return heading

    def _write(self, cells: Sequence[str]) -> None:
        widths = layout(self._columns, self._widths, self._room)
        parts = [aligned(self._cell(cells[i], i, width), width, self._columns[i].is_right) for i, width in widths.items()]
        line = "  ".join(parts).rstrip()
        if self._room:
            cut = Text(line)
            cut.truncate(self._room, overflow="ellipsis")
            line = cut.plain
        sys.stdout.write(line + "\n")

    def _cell(self, cell: str, number: int, width: int) -> str:
        """A text as one safe line that may be too long, a name or a label within its width, a number whole."""
        if number == len(self._columns) - 1:
            return visible(cell).replace("\t", " ") if self._room else visible(cell)
        return shortened(cell, width) if self._room and self._columns[number].least else cell


def heat(score: Score, vocabulary: Vocabulary) -> Text:
    """The text that was scored, each character in the colour of its surprise; a line end as a space before it."""
    from charlstm.scoring.surprise import by_character

    text = Text()
    for character, nats, _ in by_character(score, vocabulary):
        append_character(text, character, _style(nats))
    return text


def _means(total: Total) -> list[str]:
    """The values of the columns."""
    if not total.chars:
        return ["0", "-", "-", "-", "-"]
    perplexity = f"{total.perplexity:.2f}" if total.perplexity < 10_000 else f"{total.perplexity:.1e}"
    return [f"{total.chars:,}", f"{total.loss:.4f}", f"{total.bpc:.4f}", perplexity, f"{total.rank:.1f}"]


def _where(passage: Passage, by: By) -> dict[str, object]:
    return {"source": passage.source, by: passage.number}


def _style(nats: float | None) -> Style:
    """The colour of a character by its surprise; none where it has none."""
    if nats is None:
        return Style.null()
    return next(style for style, (least, *_) in zip(_SURPRISE_STYLES, SURPRISE_SCALE, strict=True) if math.exp(-nats) >= least)


def _legend() -> Text:
    """What the colours mean."""
    legend = Text("probability of at least ")
    for style, (_, name, *_) in zip(_SURPRISE_STYLES, SURPRISE_SCALE, strict=True):
        legend.append(f" {name} ", style)
    return legend
