"""Which of several models explains a text best.

Knows: how models and texts become what the judging takes.
Does not know: how it is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from charlstm.api.wording import worded
from charlstm.errors import CharlstmError
from charlstm.text.line_ends import with_line_ends
from charlstm.text.passages import Passage
from charlstm.text.reading import as_trained

if TYPE_CHECKING:
    from charlstm.api.model import Model


@worded
def classify(
    models: Mapping[str, Model], texts: Sequence[str], *, priors: Mapping[str, float] | None = None
) -> list[dict[str, float]]:
    """For each text the probability that it is from the text of each model, by Bayes' rule; the labels are the mapping's keys.

    `priors` are how probable each label is before a text is read; without them all are alike. As `charlstm classify` has it for
    a line. CharlstmError where there are fewer than two models, or the priors are not those of the labels.
    """
    from charlstm.scoring.classification import Classifier
    from charlstm.scoring.surprise import Scorer

    if isinstance(texts, str):
        raise CharlstmError("expected several texts", key="texts", value=texts, remedy="give a list, of one text perhaps")
    if len(models) < 2:
        raise CharlstmError("expected two models or more", key="models")
    weights = dict.fromkeys(models, 1.0) if priors is None else priors
    if weights.keys() != models.keys() or not all(0 < weight < math.inf for weight in weights.values()):
        raise CharlstmError(f"expected a number above 0 for each of {', '.join(models)}", key="priors", value=dict(weights))
    scorers = [Scorer(one.network, one.vocabulary, skip_unknown=True) for one in models.values()]
    classifier = Classifier(scorers, [weights[label] / sum(weights.values()) for label in models])
    several = models.values()
    data = as_trained([one.config.data for one in several], vocabularies=[one.vocabulary for one in several])
    passages = [Passage("the text", i, with_line_ends(text, data.newlines)) for i, text in enumerate(texts, 1)]
    return [dict(zip(models, verdict.probabilities, strict=True)) for verdict in classifier.classify(passages)]
