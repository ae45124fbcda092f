from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from charlstm.config import SampleConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.softmax import log_softmax
from charlstm.sampling.completions import Completion, Continuation, generate_completions
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.generate import encode_prime, generate_text, read_ids
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

LETTERS = CharVocabulary("abcdefghijk")


@pytest.fixture
def engine(make_model: Callable[..., CharLSTM]) -> TorchEngine:
    return TorchEngine(make_model())


def config(**settings: Any) -> SampleConfig:
    return SampleConfig(**{"prime": "ab", "length": 30, **settings})


def completions(engine: TorchEngine, settings: SampleConfig, seed: int, count: int, **more: object) -> list[Completion]:
    cursor = read_ids(engine, encode_prime(settings.prime, LETTERS))
    return list(generate_completions(engine, Controls(settings, LETTERS), cursor, seed, count, **more))  # type: ignore[arg-type]


def test_whole_texts_are_those_that_are_streamed_and_say_how_they_ended(engine: TorchEngine) -> None:
    settings = config(stop=("ab", "cb"))
    texts = completions(engine, settings, 40, 9)
    assert [text.number for text in texts] == list(range(9))
    assert [text.seed for text in texts] == list(range(40, 49))
    assert [text.text for text in texts] == [
        "".join(generate_text(engine, Controls(settings, LETTERS), 40 + i)) for i in range(9)
    ]
    assert {text.stop for text in texts} == {"ab", "cb", None}
    for text in texts:
        assert (text.stop is None) == (len(text.text) == 30)
        assert text.seconds > 0


def test_what_does_not_fit_is_drawn_again_from_other_numbers(engine: TorchEngine) -> None:
    pattern = re.compile("a.*b.*c")
    fit = completions(engine, config(), 3, 8, accept=pattern.search, tries=50)
    assert [text.number for text in fit] == list(range(8))
    assert all(pattern.search(text.text) for text in fit)
    first = completions(engine, config(), 3, 8)
    kept = [text.text == once.text for text, once in zip(fit, first, strict=True)]
    assert kept == [bool(pattern.search(once.text)) for once in first], "one that fits at once is not drawn again"
    assert True in kept
    assert False in kept
    for number in (0, 5):
        (alone,) = completions(engine, config(), 3 + number, 1, accept=pattern.search, tries=50)
        assert alone.text == fit[number].text, "also when it is drawn again, a text is the same whatever is beside it"


def test_no_more_tries_than_asked_for(engine: TorchEngine) -> None:
    seen: list[str] = []

    def refuse(text: str) -> bool:
        seen.append(text)
        return False

    assert completions(engine, config(), 3, 2, accept=refuse, tries=5) == []
    assert len(seen) == len(set(seen)) == 10


def test_texts_that_never_fit_are_left_out_and_the_others_in_order(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.sampling.completions.TOGETHER", 4)
    fit = completions(engine, config(stop=("a",)), 0, 10, accept=lambda text: len(text) > 12, tries=2)
    assert 0 < len(fit) < 10
    assert [text.number for text in fit] == sorted({text.number for text in fit})


def test_log_probabilities_are_the_models_own(engine: TorchEngine) -> None:
    """Those of a forward pass over the whole text, whatever the temperature and the filters were."""
    settings = config(temperature=0.3, top_k=3, stop=("ff",))
    for text in completions(engine, settings, 0, 3, alternatives=4):
        ids = LETTERS.encode("ab" + text.text)
        assert [choice.chosen for choice in text.choices] == ids[2:].tolist()
        for place, choice in enumerate(text.choices, start=2):
            truth = log_softmax(read_ids(engine, ids[:place]).logits)[0]
            assert choice.logprob == pytest.approx(truth[choice.chosen], abs=1e-5)
            assert [logprob for _, logprob in choice.alternatives] == pytest.approx(sorted(truth)[:-5:-1], abs=1e-5)
            assert [truth[i] for i, _ in choice.alternatives] == pytest.approx(sorted(truth)[:-5:-1], abs=1e-5)


def test_choices_without_alternatives_and_with_more_than_there_are(engine: TorchEngine) -> None:
    assert completions(engine, config(length=2), 0, 1)[0].choices == []
    assert [choice.alternatives for choice in completions(engine, config(length=2), 0, 1, alternatives=0)[0].choices] == [
        [],
        [],
    ]
    assert len(completions(engine, config(length=2), 0, 1, alternatives=99)[0].choices[0].alternatives) == 11


def test_choices_of_bytes_are_those_of_the_text(make_model: Callable[..., CharLSTM]) -> None:
    engine, bytes_ = TorchEngine(make_model(256)), ByteVocabulary()
    controls = Controls(SampleConfig(prime="é", length=30, temperature=1), bytes_)
    (text,) = generate_completions(engine, controls, read_ids(engine, bytes_.encode("é")), 5, 1, alternatives=1)
    made = bytes_.decode([choice.chosen for choice in text.choices])
    assert made.startswith(text.text)
    assert len(made) <= len(text.text) + 1, "one byte may end a broken character and begin the next"


@pytest.mark.parametrize("stop", [(), ("a",), ("cb", "fed")])
def test_a_cursor_after_a_text_is_where_its_reader_would_stand(engine: TorchEngine, stop: tuple[str, ...]) -> None:
    begin = read_ids(engine, LETTERS.encode("ab"))
    for seed in range(5):
        text = Continuation(engine, Controls(config(stop=stop), LETTERS), begin, seed)
        shown = "".join(text)
        truth = read_ids(engine, LETTERS.encode("ab" + shown))
        assert np.allclose(text.cursor().logits, truth.logits, atol=1e-6)
        assert text.cursor().history.tolist() == truth.history.tolist()


def test_undo_retry_and_branch(engine: TorchEngine) -> None:
    begin = read_ids(engine, LETTERS.encode("ab"))

    def go_on(cursor: object, seed: int) -> tuple[str, object]:
        text = Continuation(engine, Controls(config(), LETTERS), cursor, seed)  # type: ignore[arg-type]
        return "".join(text), text.cursor()

    first, after = go_on(begin, 1)
    branches = [go_on(after, seed)[0] for seed in (2, 3)]
    assert branches[0] != branches[1]
    assert go_on(after, 2)[0] == branches[0]
    assert go_on(begin, 1)[0] == first
    assert branches[0] == "".join(generate_text(engine, Controls(config(prime="ab" + first), LETTERS), 2))


def test_a_text_that_is_left_in_the_middle_stands_where_it_was_left(engine: TorchEngine) -> None:
    text = Continuation(engine, Controls(config(), LETTERS), read_ids(engine, LETTERS.encode("ab")), 1)
    shown = "".join(piece for piece, _ in zip(text, range(7), strict=False))
    assert text.cursor().history.tolist()[: 2 + len(shown)] == LETTERS.encode("ab" + shown).tolist()
