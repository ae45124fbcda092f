"""A text, or the part of it that a training kept, scored by one protocol or several.

Knows: where the parts of a text begin, what each is scored after, how protocols are called.
Does not know: how a text is read, how a loss is computed.
"""

from __future__ import annotations

from typing import Literal, get_args

from charlstm.config import DataConfig
from charlstm.errors import CharlstmError, require_choice
from charlstm.runs.saved_model import SavedModel
from charlstm.scoring.dynamic import dynamic
from charlstm.scoring.evaluation import evaluate_text
from charlstm.scoring.protocols import COLD_WINDOW, Protocol, require_protocol
from charlstm.scoring.totals import Evaluation
from charlstm.text.corpus import Corpus
from charlstm.text.types import Progress

Part = Literal["all", "validation", "test"]
"""What of a text is scored: all of it, or what training kept for one of the two."""


def require_part(part: Part, data: DataConfig, name: str = "the model") -> None:
    """CharlstmError where the training of the model of that name, with these settings, kept no such part."""
    require_choice("part", part, get_args(Part))
    if part == "validation" and not data.validation:
        raise CharlstmError(f"{name} was trained with data.validation = 0: no part of the text was kept for validation")
    if part == "test" and not data.test:
        raise CharlstmError(f"{name} was trained with data.test = 0: no part of the text was kept for a test")


def evaluate_part(
    saved: SavedModel,
    corpus: Corpus,
    part: Part = "all",
    protocol: Protocol | None = None,
    window: int | None = None,
    is_dynamic: bool = False,
    progress: Progress = lambda done, total: None,
) -> dict[str, Evaluation]:
    """The losses of a model on a part of a corpus, by the name of their protocol: both, or the one that is asked for.

    With `is_dynamic` also *stateful, dynamic*, of a copy of the model that learns from what it has scored; `progress` is told
    how far that is. CharlstmError where no protocol is all of it, or the model's training kept no such part; TextError where
    nothing is left to score.
    """
    require_protocol(protocol, window, is_dynamic)
    require_part(part, saved.config.data)
    begin, end = (0, 0) if part == "all" else corpus.split(saved.config.data)
    context, ids = (begin, corpus.ids[:end]) if part == "validation" else (end, corpus.ids)
    results = evaluate_text(saved.model, ids, context, protocol, window or COLD_WINDOW)
    if is_dynamic:
        results["stateful, dynamic"] = dynamic(saved.model, ids, max(1, context), progress=progress)
    return results
