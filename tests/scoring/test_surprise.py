from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from charlstm.errors import UnknownCharactersError
from charlstm.model.char_lstm import CharLSTM, State
from charlstm.scoring import evaluation, surprise
from charlstm.scoring.surprise import Scorer, Surprise, by_character, surprises
from charlstm.scoring.totals import Total
from charlstm.text.passages import Passage
from charlstm.text.types import Ids
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary

RANDOM = np.random.default_rng(0)
TEXTS = [RANDOM.integers(0, 11, n).astype(np.uint8) for n in (5, 0, 1, 300, 17, 2, 5, 40, 1, 299)]


@torch.no_grad()
def stepped(model: CharLSTM, text: Ids, before: int | None) -> tuple[list[float], list[int]]:
    """Nats and ranks of a text that is read by itself, one character at a time."""
    ids = [*([] if before is None else [before]), *map(int, text)]
    state, nats, ranks = None, [], []
    for last, target in pairwise(ids):
        logits, state = model(torch.tensor([[last]]), state)
        p = torch.softmax(logits[0, 0].double(), 0).tolist()
        nats.append(-math.log(p[target]))
        ranks.append(sorted(p, reverse=True).index(p[target]) + 1)
    return nats, ranks


@pytest.mark.parametrize("before", [None, 0, 7])
@pytest.mark.parametrize("lanes", [1, 3, 128])
@pytest.mark.parametrize("layers", [1, 2])
def test_side_by_side_is_what_each_text_is_by_itself(
    make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch, before: int | None, lanes: int, layers: int
) -> None:
    monkeypatch.setattr(surprise, "_MAX_TEXTS", lanes)
    monkeypatch.setattr(evaluation, "MAX_LOGITS", 11 * 90)  # so that long texts are read in pieces
    model = make_model(num_layers=layers)
    found = surprises(model, TEXTS, before)
    for text, one in zip(TEXTS, found, strict=True):
        nats, ranks = stepped(model, text, before)
        assert one.nats.shape == one.ranks.shape == (max(0, len(text) - (before is None)),)
        np.testing.assert_allclose(one.nats, nats, atol=1e-4)
        assert one.ranks.tolist() == ranks


def test_a_model_that_knows_nothing(make_model: Callable[..., CharLSTM]) -> None:
    """All characters are as probable: each costs ln V, and none is more probable than another."""
    model = make_model()
    torch.nn.init.zeros_(model.head.weight)
    for one in surprises(model, TEXTS, 0):
        np.testing.assert_allclose(one.nats, math.log(11), rtol=1e-6)
        assert set(one.ranks.tolist()) <= {1}


def test_training_mode_is_put_back_and_dropout_is_off_meanwhile(make_model: Callable[..., CharLSTM]) -> None:
    model = make_model(dropout=0.5).train()
    one, two = (surprises(model, TEXTS[3:4], 0)[0].nats.tolist() for _ in range(2))
    assert one == two
    assert model.training


def test_memory_is_bounded_whatever_the_texts_are(make_model: Callable[..., CharLSTM], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (evaluation, surprise):
        monkeypatch.setattr(module, "MAX_LOGITS", 11 * 64)
    model, most, read = make_model(), 0, 0
    forward = model.forward

    def counting(
        ids: torch.Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, State]:
        nonlocal most, read
        most, read = max(most, ids.numel()), read + ids.numel()
        return forward(ids, state)

    model.forward = counting  # type: ignore[method-assign]
    texts = [*TEXTS, *(np.zeros(3, np.uint8) for _ in range(200))]
    chars: list[int] = []
    surprises(model, texts, 0, chars.append)
    assert most <= 64
    assert sum(chars) == sum(map(len, texts)), "progress counts each character once"
    assert read < 1.3 * sum(chars), "little is read only to fill up a batch"


def scorer(make_model: Callable[..., CharLSTM], vocabulary: Vocabulary, **options: bool) -> Scorer:
    return Scorer(make_model(vocabulary.size), vocabulary, **options)


def passages(*texts: str) -> list[Passage]:
    return [Passage("a.txt", number, text) for number, text in enumerate(texts, 1)]


def test_every_character_counts_after_a_newline(make_model: Callable[..., CharLSTM]) -> None:
    vocabulary = CharVocabulary("abc\n")
    first, empty = scorer(make_model, vocabulary).score(passages("cab", ""))
    np.testing.assert_allclose(first.surprise.nats, stepped(make_model(4), vocabulary.encode("cab"), 0)[0], atol=1e-4)
    assert [c for c, *_ in by_character(first, vocabulary)] == ["c", "a", "b"]
    assert (first.total.chars, empty.total.chars) == (3, 0)


def test_without_a_newline_the_first_character_is_not_scored(make_model: Callable[..., CharLSTM]) -> None:
    vocabulary = CharVocabulary("abc")
    (one,) = scorer(make_model, vocabulary).score(passages("cab"))
    rows = list(by_character(one, vocabulary))
    assert rows[0] == ("c", None, None)
    assert [nats for _, nats, _ in rows[1:]] == one.surprise.nats.tolist()
    assert one.total.chars == 2


def test_unknown_characters_are_named_with_their_line_or_left_out(make_model: Callable[..., CharLSTM]) -> None:
    vocabulary = CharVocabulary("abc\n")
    with pytest.raises(UnknownCharactersError, match=r"a.txt, line 2: .*'★' \(U\+2605\); unknown='skip'"):
        scorer(make_model, vocabulary).score(passages("abc", "a★b"))
    skipping = scorer(make_model, vocabulary, skip_unknown=True)
    with_star, without = skipping.score(passages("a★b", "ab"))
    np.testing.assert_array_equal(with_star.surprise.nats, without.surprise.nats)
    assert (with_star.passage.text, with_star.characters) == ("a★b", "ab")


def test_a_character_of_several_bytes_costs_what_they_cost(make_model: Callable[..., CharLSTM]) -> None:
    vocabulary = ByteVocabulary()
    (one,) = scorer(make_model, vocabulary).score(passages("é\n€"))
    nats, ranks = one.surprise.nats.astype(float), one.surprise.ranks
    assert one.total.chars == 6
    assert [c for c, *_ in by_character(one, vocabulary)] == ["é", "\n", "€"]
    assert [nats for _, nats, _ in by_character(one, vocabulary)] == pytest.approx([nats[:2].sum(), nats[2], nats[3:].sum()])
    assert [rank for *_, rank in by_character(one, vocabulary)] == [ranks[:2].max(), ranks[2], ranks[3:].max()]


def test_text_is_normalised_as_the_vocabulary_was(make_model: Callable[..., CharLSTM]) -> None:
    one, two = scorer(make_model, CharVocabulary("aé\n", normalize="nfc")).score(passages("ae\u0301", "aé"))
    np.testing.assert_array_equal(one.surprise.nats, two.surprise.nats)


def test_totals_add_up_and_no_surprise_is_too_large() -> None:
    total = Total(math.log(8), 1, 5) + Total(0.0, 2, 2)
    assert total.chars == 3
    assert total.rank == pytest.approx(7 / 3)
    assert total.perplexity == pytest.approx(2.0)
    assert math.isfinite(Total(1e6, 1, 1).perplexity)
    assert Surprise(np.zeros(0, np.float32), np.zeros(0, np.uint32)).nats.sum() == 0
