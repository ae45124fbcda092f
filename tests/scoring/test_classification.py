from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch

from charlstm.model.char_lstm import CharLSTM
from charlstm.scoring.classification import ESCAPE, Classifier, Verdict, posterior
from charlstm.scoring.surprise import Scorer
from charlstm.text.passages import Passage
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary

Make = Callable[..., CharLSTM]


def judge(make_model: Make, vocabularies: list[Vocabulary], text: str, priors: list[float] | None = None) -> Verdict:
    scorers = [Scorer(make_model(v.size), v, skip_unknown=True) for v in vocabularies]
    count = len(vocabularies)
    (verdict,) = Classifier(scorers, priors or [1 / count] * count).classify([Passage("a.txt", 1, text)])
    return verdict


def alone(make_model: Make, vocabulary: Vocabulary, text: str) -> float:
    (score,) = Scorer(make_model(vocabulary.size), vocabulary, skip_unknown=True).score([Passage("a.txt", 1, text)])
    return score.total.nats


def test_posteriors_by_hand() -> None:
    # p = 1/2 and 1/8 with priors 1/5 and 4/5: 1/10 and 1/10
    assert posterior(np.log([2.0, 8.0]), np.array([0.2, 0.8])) == pytest.approx([0.5, 0.5])
    assert posterior(np.array([9e5, 1e6]), np.array([0.5, 0.5])).tolist() == [1.0, 0.0]


def test_models_with_one_vocabulary_pay_what_they_score(make_model: Make) -> None:
    vocabulary = CharVocabulary("abc\n")
    verdict = judge(make_model, [vocabulary, vocabulary], "abba", [0.9, 0.1])
    assert verdict.nats == pytest.approx([alone(make_model, vocabulary, "abba")] * 2)
    assert verdict.probabilities == pytest.approx((0.9, 0.1))
    assert (verdict.best, verdict.chars) == (0, 4)


def test_what_one_model_lacks_costs_it_an_escape_and_what_all_lack_nothing(make_model: Make) -> None:
    """`d` and `e` are known to one model only, the star to none."""
    few, many = CharVocabulary("abc\n"), CharVocabulary("abcde\n")
    verdict = judge(make_model, [few, many], "ad★b")
    kept = -math.log1p(-ESCAPE)
    assert verdict.chars == 3
    assert verdict.nats[0] == pytest.approx(alone(make_model, few, "ab") + 2 * kept + math.log(2 / ESCAPE))
    assert verdict.nats[1] == pytest.approx(alone(make_model, many, "adb"))


def test_every_model_spreads_its_probability_over_the_same_characters(make_model: Make) -> None:
    """The sum over all texts of one length is 1, whatever a model lacks: else a comparison would mean nothing."""
    vocabularies: list[Vocabulary] = [CharVocabulary("ab\n"), CharVocabulary("bcd"), CharVocabulary("cde\n")]
    scorers = [Scorer(make_model(v.size), v, skip_unknown=True) for v in vocabularies]
    for model in (scorer._model for scorer in scorers):
        torch.nn.init.zeros_(model.head.weight)  # so that what was skipped does not matter for what follows
    texts = [Passage("a.txt", 1, "".join(text)) for text in product("abcde\n", repeat=2)]
    verdicts = Classifier(scorers, [1 / 3] * 3).classify(texts)
    for place in range(3):
        assert sum(math.exp(-verdict.nats[place]) for verdict in verdicts) == pytest.approx(1, rel=1e-5)


def test_bytes_lack_nothing(make_model: Make) -> None:
    letters = CharVocabulary("ab\n")
    verdict = judge(make_model, [letters, ByteVocabulary()], "a★")
    assert verdict.chars == 2
    assert verdict.nats[1] == pytest.approx(alone(make_model, ByteVocabulary(), "a★"))
    assert verdict.nats[0] > alone(make_model, letters, "a") - math.log(ESCAPE)


def test_a_rare_character_shares_what_the_model_learned_for_all_of_them(make_model: Make) -> None:
    rare, plain = CharVocabulary("ab\n\ufffd", has_rare=True), CharVocabulary("abcd\n")
    verdict = judge(make_model, [rare, plain], "ac★")
    assert verdict.chars == 2
    assert verdict.nats[0] == pytest.approx(alone(make_model, rare, "a\ufffd") + math.log(2))  # c or d


@pytest.mark.parametrize("text", ["", "★★"])
def test_nothing_to_judge_by(make_model: Make, text: str) -> None:
    vocabulary = CharVocabulary("ab\n")
    verdict = judge(make_model, [vocabulary, vocabulary], text, [0.3, 0.7])
    assert (verdict.best, verdict.chars) == (None, 0)
    assert verdict.probabilities == pytest.approx((0.3, 0.7))
