"""`charlstm score` and `charlstm classify`: how well models know each line of a text.

Knows: which packages read lines and score them, and what is held in memory meanwhile.
Does not know: options and their help.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from charlstm.commands.text import require_text_for, say_if_waiting, say_left_out_of
from charlstm.config import load_config
from charlstm.errors import Argument
from charlstm.text.passages import By, in_blocks, read_passages
from charlstm.text.reading import as_trained
from charlstm.text.sources import Sources, find_sources

if TYPE_CHECKING:
    from charlstm.scoring.surprise import Score
    from charlstm.views.scores import Form

LineOrder = Literal["worst", "best"]


def score(
    model: Path,
    text: Sequence[str],
    by: By,
    order: LineOrder | None,
    min_chars: int,
    form: Form,
    skip_unknown: bool,
    device: str,
    reading: Mapping[str, str],
) -> None:
    """Score each line or document of a text, but for those with less than `min_chars` characters.

    `reading` are the keys of [data] that flags set.
    """
    text = require_text_for("score", text)
    sources = find_sources(text)  # what is wrong with them is found before torch and the model are loaded
    several = _has_several(sources)
    load_config(data=reading)  # only to find what is wrong with it, as with the text
    from charlstm.views.colours import require_colours
    from charlstm.views.scores import ScoresView

    if form == "show":
        require_colours("show", (Argument("json", True), " ", Argument("per_char", True)))

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.scoring.surprise import Scorer

    saved = load_model(model, find_device(device))
    data = as_trained([saved.config.data], reading, [saved.vocabulary])
    scorer = Scorer(saved.model, saved.vocabulary, skip_unknown)
    skipped: list[str] = []
    say_if_waiting(text)
    passages = (one for one in read_passages(text, data, by, skipped.append) if len(one.text) >= min_chars)
    view = ScoresView(form, saved.vocabulary, by, several)
    with _scoring_progress(shows_rows=not order) as progress:
        blocks = (scorer.score(block, progress) for block in in_blocks(passages))
        for scores in [_sorted(chain.from_iterable(blocks), order)] if order else blocks:
            view.show(scores)
    view.end()
    say_left_out_of(sources, skipped)


def classify(
    models: Mapping[str, Path],
    priors: Sequence[float],
    text: Sequence[str],
    by: By,
    as_json: bool,
    device: str,
    reading: Mapping[str, str],
) -> None:
    """Say which of several models, by their labels, explains each line or document of a text best; a prior for each."""
    text = require_text_for("classify", text)
    sources = find_sources(text)
    several = _has_several(sources)
    load_config(data=reading)  # as for `score`

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.scoring.classification import Classifier
    from charlstm.scoring.surprise import Scorer
    from charlstm.views.scores import VerdictsView

    saved = [load_model(path, find_device(device)) for path in models.values()]
    data = as_trained([one.config.data for one in saved], reading, [one.vocabulary for one in saved])
    classifier = Classifier([Scorer(one.model, one.vocabulary, skip_unknown=True) for one in saved], priors)
    view = VerdictsView(list(models), as_json, by, several)
    skipped: list[str] = []
    say_if_waiting(text)
    with _scoring_progress(shows_rows=True) as progress:
        for block in in_blocks(read_passages(text, data, by, skipped.append)):
            view.show(classifier.classify(block, progress))
    view.end()
    say_left_out_of(sources, skipped)


def _has_several(sources: Sources) -> bool:
    """Whether a text is more than one file."""
    return sum(len(source.names()) for source in sources.all) > 1


def _sorted(scores: Iterator[Score], order: LineOrder) -> list[Score]:
    """By nats per character, equals in the order of the text; what holds no character to score is left out."""
    scored = [score for score in scores if score.total.chars]
    return sorted(scored, key=lambda score: score.total.loss, reverse=order == "worst")


@contextmanager
def _scoring_progress(shows_rows: bool) -> Iterator[Callable[[int], None]]:
    """A bar, unless rows appear on the same terminal meanwhile."""
    from charlstm.views.bars import scoring_bar

    if shows_rows and sys.stdout.isatty():
        yield lambda chars: None
        return
    done = 0
    with scoring_bar() as show:

        def add(chars: int) -> None:
            nonlocal done
            done += chars
            show(done, None)

        yield add
