"""What went on inside a model while it read a text, as a value that shows itself.

Knows: names for the arrays of a trace, gradients, the page that a notebook shows.
Does not know: how any of it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from charlstm.errors import CharlstmError
from charlstm.insight.features import best_neurons, features
from charlstm.insight.traces import Kind, Trace
from charlstm.model.types import Floats
from charlstm.text.excerpts import Excerpt
from charlstm.text.vocabulary import Vocabulary
from charlstm.words import counted

if TYPE_CHECKING:
    from charlstm.model.char_lstm import CharLSTM

_MOST_SHOWN = 2_000
"""Characters of a page in a notebook, which keeps it: some megabytes for a model of 2x512."""


@dataclass(frozen=True, eq=False)
class TextTrace(Trace):
    """Every gate and state at every character: T characters, L layers, H neurons, V symbols, all counted from 0.

    Row t belongs to character t and holds what was computed as it was read. In a notebook it shows the page of
    `charlstm inspect`.
    """

    excerpt: Excerpt
    vocabulary: Vocabulary
    model: CharLSTM
    """The network that read it."""
    title: str
    """What a page calls it."""

    def __repr__(self) -> str:
        T, L, H = self.values["cell"].shape
        return f"TextTrace({counted(T, self.vocabulary.noun)}, {counted(L, 'layer')}, {counted(H, 'neuron')} each)"

    @property
    def text(self) -> str:
        """What was read, a character for each row."""
        return self.excerpt.text

    @property
    def input_gate(self) -> Floats:
        """i, (T, L, H): how much of the candidate is let in, from 0 to 1."""
        return self.values["input"]

    @property
    def forget_gate(self) -> Floats:
        """f, (T, L, H): how much of the cell state is kept, from 0 to 1."""
        return self.values["forget"]

    @property
    def output_gate(self) -> Floats:
        """o, (T, L, H): how much of the cell state is let out, from 0 to 1."""
        return self.values["output"]

    @property
    def candidate(self) -> Floats:
        """g, (T, L, H): what could be written to the cell state, from -1 to 1."""
        return self.values["candidate"]

    @property
    def cell(self) -> Floats:
        """c, (T, L, H), after each character."""
        return self.values["cell"]

    @property
    def hidden(self) -> Floats:
        """h, (T, L, H), after each character."""
        return self.values["hidden"]

    def gradient(self, position: int, window: int = 64) -> Floats:
        """How much each character before `position` sways the prediction of the one there, (W,), the nearest last.

        The L2 norm of the gradient of its log-probability with respect to each input vector; W is `window`, or less where not
        so many stand before it. CharlstmError where no character stands before it.
        """
        from charlstm.insight.saliency import sensitivity

        T = len(self.ids)
        if not 0 < position < T:
            raise CharlstmError(f"expected a position from 1 to {T - 1}", key="position", value=position)
        found: Floats = sensitivity(self.model, self, [position], window)[0]
        return found

    def gradients(self, window: int = 64) -> Floats:
        """The same for every character but the first, (T - 1, W); rows of those with fewer before them begin with zeros."""
        from charlstm.insight.saliency import sensitivity

        return sensitivity(self.model, self, range(1, len(self.ids)), window)

    def _repr_html_(self) -> str:
        from charlstm.views.notebook import frame_html
        from charlstm.views.pages.inspection import Contents, inspection_page

        T = len(self.ids)
        if T > _MOST_SHOWN:
            return (
                f"<div>{self!r}: a notebook shows at most {_MOST_SHOWN:,}; charlstm inspect --html makes a page of more</div>"
            )
        matches = best_neurons(self.shown("cell"), features(self.text), "cell")
        best = max(matches, key=lambda match: abs(match.correlation), default=None)
        first: tuple[Kind, int, int] = ("cell", best.layer, best.neuron) if best else ("cell", 0, 0)
        contents = Contents(self.title, None, self.excerpt, self.vocabulary, self, matches, self.gradients(), first)
        return frame_html(b"".join(inspection_page(contents)).decode(), self.title)
