from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError
from charlstm.model.softmax import log_softmax
from charlstm.sampling import controls
from charlstm.sampling.controls import (
    HISTORY_LENGTH,
    Controls,
    Pair,
    add_bias,
    draw_ids,
    forbid_repeated_ngrams,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    keep_typical_p,
    penalize_repetition,
    scale,
)
from charlstm.sampling.types import Logits
from charlstm.text.line_ends import LineEnds
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

INF = np.inf
FOUR = [0.1, 0.4, 0.2, 0.3]
LETTERS = CharVocabulary("abcdefgh")
ROWS = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(-30, 30, width=32))
EVERY: list[Callable[[Logits], Logits]] = [
    lambda logits: add_bias(logits, np.linspace(-1, 1, logits.shape[1], dtype=np.float32)),
    lambda logits: penalize_repetition(logits, [[0]] * len(logits), 1.5, 64),
    lambda logits: forbid_repeated_ngrams(logits, [[0, 0]] * len(logits), 1),
    lambda logits: scale(logits, 0.7),
    lambda logits: scale(logits, 0),
    lambda logits: keep_top_k(logits, 3),
    lambda logits: keep_top_p(logits, 0.8),
    lambda logits: keep_min_p(logits, 0.1),
    lambda logits: keep_typical_p(logits, 0.6),
]


def log(*rows: Sequence[float]) -> Logits:
    with np.errstate(divide="ignore"):
        logits: Logits = np.log(np.array(rows)).astype(np.float32)
    return logits


def softmax(logits: Logits) -> np.ndarray:
    return np.exp(log_softmax(logits))


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (lambda x: scale(x, 1), FOUR),
        (lambda x: scale(x, 0.5), np.array([1, 16, 4, 9]) / 30),  # squared and normalised
        (lambda x: scale(x, 0), [0, 1, 0, 0]),
        (lambda x: keep_top_k(x, 2), [0, 4 / 7, 0, 3 / 7]),
        (lambda x: keep_top_k(x, 3), [0, 4 / 9, 2 / 9, 3 / 9]),
        (lambda x: keep_top_k(x, 4), FOUR),
        (lambda x: keep_top_k(x, 99), FOUR),
        (lambda x: keep_top_p(x, 0.3), [0, 1, 0, 0]),
        (lambda x: keep_top_p(x, 0.5), [0, 4 / 7, 0, 3 / 7]),  # 0.4 is too little, 0.7 is more than enough
        (lambda x: keep_top_p(x, 0.89), [0, 4 / 9, 2 / 9, 3 / 9]),
        (lambda x: keep_top_p(x, 0.91), FOUR),
        (lambda x: keep_top_p(x, 1e-300), [0, 1, 0, 0]),
        (lambda x: keep_min_p(x, 0.3), [0, 4 / 9, 2 / 9, 3 / 9]),  # at least 0.12
        (lambda x: keep_min_p(x, 0.6), [0, 4 / 7, 0, 3 / 7]),
        (lambda x: keep_min_p(x, 1), [0, 1, 0, 0]),
        # The entropy is 1.280 nats; the information 2.303, 0.916, 1.609, 1.204: the fourth is nearest, then 3, 2, 1.
        (lambda x: keep_typical_p(x, 0.2), [0, 0, 0, 1]),
        (lambda x: keep_typical_p(x, 0.45), [0, 0, 0.4, 0.6]),
        (lambda x: keep_typical_p(x, 0.6), [0, 4 / 9, 2 / 9, 3 / 9]),
        (lambda x: keep_typical_p(x, 0.95), FOUR),
        (lambda x: add_bias(x, np.array([0, -INF, 0, 0], np.float32)), [1 / 6, 0, 2 / 6, 3 / 6]),
        (lambda x: add_bias(x, np.log(np.array([4, 1, 1, 1], np.float32))), np.array([4, 4, 2, 3]) / 13),
    ],
)
def test_distributions_worked_by_hand(control: Callable[[Logits], Logits], expected: Sequence[float]) -> None:
    assert softmax(control(log(FOUR)))[0] == pytest.approx(expected, abs=1e-6)


def test_a_penalty_divides_positive_logits_and_multiplies_negative_ones() -> None:
    logits = np.array([[2, -2, 0, 4], [2, -2, 0, 4]], np.float32)
    assert penalize_repetition(logits, [[0, 1, 2, 1], [3]], 2, 64).tolist() == [[1, -4, 0, 4], [2, -2, 0, 2]]
    assert penalize_repetition(logits, [[0, 1, 2, 1], [3]], 0.5, 64).tolist() == [[4, -1, 0, 4], [2, -2, 0, 8]]


def test_a_penalty_looks_back_as_far_as_its_window() -> None:
    logits = np.full((1, 4), 2, np.float32)
    assert penalize_repetition(logits, [[0, 1, 2, 3]], 2, 2).tolist() == [[2, 2, 1, 1]]
    assert penalize_repetition(logits, [[]], 2, 2).tolist() == [[2, 2, 2, 2]]


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda ids: array("q", ids)])
def test_a_history_is_any_sequence_of_ids(kind: Callable[[list[int]], Sequence[int]]) -> None:
    logits = np.zeros((1, 4), np.float32) + 2
    assert penalize_repetition(logits, [kind([0, 1])], 2, 64).tolist() == [[1, 1, 2, 2]]
    assert forbid_repeated_ngrams(logits, [kind([0, 1, 0])], 2).tolist() == [[2, -INF, 2, 2]]


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 6))
def test_no_ngram_is_written_twice(history: list[int], n: int) -> None:
    before = {tuple(history[i : i + n]) for i in range(len(history) - n + 1)}
    context = history[len(history) - n + 1 :] if n > 1 else []
    new = [len(context) == n - 1 and (*context, i) not in before for i in range(3)]
    possible = new if len(context) == n - 1 else [True] * 3
    found = forbid_repeated_ngrams(np.zeros((1, 3), np.float32), [history], n)[0]
    assert (found == 0).tolist() == (possible if any(possible) else [True] * 3), "all or one, but never none"


def test_ngrams_of_long_ago_are_forgotten() -> None:
    old = [3] + [0, 1] * (HISTORY_LENGTH // 2)
    assert forbid_repeated_ngrams(np.zeros((1, 4), np.float32), [[3, 2, *old[1:], 3]], 2)[0].tolist() == [0, 0, 0, 0]
    assert forbid_repeated_ngrams(np.zeros((1, 4), np.float32), [[3, 2, *old[4:], 3]], 2)[0, 2] == -INF


@pytest.mark.parametrize("control", EVERY)
@given(logits=ROWS)
def test_a_control_is_pure_leaves_a_character_and_takes_each_row_alone(
    control: Callable[[Logits], Logits], logits: Logits
) -> None:
    before = logits.copy()
    result = control(logits)
    assert (logits == before).all()
    assert (result.dtype, result.shape) == (np.dtype(np.float32), logits.shape)
    assert (result.max(axis=1) > -INF).all()
    assert (np.concatenate([control(row[None]) for row in logits]) == result).all()


@pytest.mark.parametrize("control", EVERY)
def test_what_was_forbidden_stays_so(control: Callable[[Logits], Logits]) -> None:
    result = control(log([0.5, 0, 0.5, 0], [0, 0, 0, 1]))
    assert (result[0, [1, 3]] == -INF).all()
    assert result[1].argmax() == 3
    assert control(np.zeros((1, 1), np.float32)).shape == (1, 1)


def test_equals_at_a_border_all_stay() -> None:
    logits = log([0.3, 0.3, 0.3, 0.1])
    for kept in (keep_top_k(logits, 1), keep_top_p(logits, 0.2), keep_min_p(logits, 1)):
        assert softmax(kept)[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert softmax(keep_typical_p(log([0.25] * 4), 0.1))[0] == pytest.approx([0.25] * 4)
    assert scale(logits, 0)[0].argmax() == 0, "but at temperature 0, where the first is taken"
    assert Controls(SampleConfig(temperature=0), CharVocabulary("abcd")).choose(logits, [[]], np.array([0.99])) == [0]


def chi_square(ids: np.ndarray, expected: np.ndarray) -> float:
    counts, possible = np.bincount(ids, minlength=len(expected)), expected > 0
    assert not counts[~possible].any()
    expected = expected[possible] * len(ids)
    return float(((counts[possible] - expected) ** 2 / expected).sum())


def uniforms(count: int = 100_000) -> np.ndarray:
    return np.random.default_rng(11).random(count)


def test_draws_follow_the_distribution_and_a_wrong_draw_would_not() -> None:
    numbers = uniforms()
    ids = draw_ids(np.repeat(log(FOUR), len(numbers), axis=0), numbers)
    assert chi_square(ids, np.array(FOUR)) < 16.3, "one in a thousand by chance, at 3 degrees of freedom; the seed is fixed"
    assert chi_square(np.where(numbers > 0.99, 0, ids), np.array(FOUR)) > 16.3, "a hundredth of the draws gone wrong"
    assert chi_square(draw_ids(np.repeat(scale(log(FOUR), 0.97), len(numbers), axis=0), numbers), np.array(FOUR)) > 16.3


SKEWED = np.array([[1, 2.5, 2, 1.5, 0.7, -1, 1.2, 0.4]], np.float32)
"""The letters by probability: b c d g a e h f."""


def by_hand(letters: str, temperature: float = 1, logits: np.ndarray = SKEWED) -> np.ndarray:
    """The softmax over some of the letters."""
    weights = np.exp(logits[0].astype(float) / temperature) * [c in letters for c in LETTERS.symbols]
    return np.asarray(weights / weights.sum())


COMPOSED = SKEWED.copy()
COMPOSED[0, 0] += 0.5
COMPOSED[0, [3, 4]] /= 1.3
CASES: list[tuple[dict[str, object], list[int], np.ndarray]] = [
    ({"temperature": 0.7}, [], by_hand("abcdefgh", 0.7)),
    ({"top_k": 3}, [], by_hand("bcd")),
    ({"top_p": 0.6}, [], by_hand("bcd")),  # 0.35, 0.56, 0.69 of all
    ({"min_p": 0.25}, [], by_hand("bcdg")),  # 0.27 of the largest is g's share, 0.22 a's
    ({"typical_p": 0.4}, [], by_hand("cdg")),  # the entropy is 1.76 nats; c 1.54, d 2.04, g 2.34 are nearest
    ({"ban": "bc"}, [], by_hand("adefgh")),
    ({"allow": "aef"}, [], by_hand("aef")),
    ({"bias": ("f=3",)}, [], by_hand("abcdefgh", 1, SKEWED + np.array([0, 0, 0, 0, 0, 3, 0, 0]))),
    ({"repetition_penalty": 2.0, "penalty_window": 2}, [1, 2, 5], by_hand("abcdefgh", 1, SKEWED * [1, 1, 0.5, 1, 1, 2, 1, 1])),
    ({"no_repeat_ngram": 2}, [3, 1, 3, 2, 3], by_hand("adefgh")),
    # a gets 0.5; b is banned; after the pair (3, 2) no second c; d and e are divided; the last by probability (f) goes by
    # top-k, the one before it (h) by top-p, e by min-p.
    (
        {"bias": ("a=0.5",), "ban": "b", "repetition_penalty": 1.3, "no_repeat_ngram": 2, "temperature": 0.8}
        | {"top_k": 5, "top_p": 0.93, "min_p": 0.4},
        [3, 2, 4, 3],
        by_hand("adg", 0.8, COMPOSED),
    ),
]


@functools.cache
def uncontrolled() -> np.ndarray:
    plain = Controls(SampleConfig(temperature=1.0), LETTERS)
    return plain.choose(SKEWED.repeat(100_000, axis=0), [[]] * 100_000, uniforms())


@pytest.mark.parametrize(("settings", "history", "expected"), CASES, ids=[",".join(settings) for settings, _, _ in CASES])
def test_100_000_draws_follow_the_distribution_worked_by_hand(
    settings: dict[str, Any], history: list[int], expected: np.ndarray
) -> None:
    """For many at once, and the very same for one text at a time, which has a path of its own."""
    controls = Controls(SampleConfig.model_validate({"temperature": 1.0, **settings}), LETTERS)
    logits, histories = np.repeat(SKEWED, 1000, axis=0), [history] * 1000
    ids = np.concatenate([controls.choose(logits, histories, some) for some in uniforms().reshape(-1, 1000)])
    alone = np.concatenate([controls.choose(SKEWED, [history], one) for one in uniforms()[:2000, None]])
    assert (alone == ids[:2000]).all()
    freedom = int((expected > 0).sum()) - 1
    one_in_a_thousand = (10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32)[freedom - 1]
    assert chi_square(ids, expected) < one_in_a_thousand, "the seed is fixed"
    with pytest.raises(AssertionError):
        assert chi_square(uncontrolled(), expected) < one_in_a_thousand, "as it would be without the control"


LOGITS = st.floats(-9, 9, width=32, allow_subnormal=False)  # which some libraries switch off for the whole process
SETTINGS = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0.0, 0.3, 1.0, 1.7]),
        "top_k": st.integers(0, 9),
        "top_p": st.sampled_from([0.05, 0.5, 0.93, 1.0]),
        "min_p": st.sampled_from([0.0, 0.02, 0.4, 1.0]),
        "typical_p": st.sampled_from([0.3, 0.9, 1.0, 1.0]),
        "repetition_penalty": st.sampled_from([0.8, 1.0, 1.2]),
        "no_repeat_ngram": st.integers(0, 3),
        "ban": st.sampled_from(["", "ac"]),
    }
)


@given(SETTINGS, arrays(np.float32, (3, 8), elements=LOGITS), st.lists(st.integers(0, 7), max_size=9))
def test_choosing_is_drawing_from_what_is_filtered_for_one_text_and_for_many(
    settings: dict[str, Any], logits: Logits, history: list[int]
) -> None:
    ready, numbers = Controls(SampleConfig(**settings), LETTERS), np.array([0.0, 0.37, 1 - 2**-53])
    histories = [history, history[1:], []]
    filtered = ready.filtered(logits, histories)
    ids = ready.choose(logits, histories, numbers)
    assert (ids == draw_ids(filtered, numbers)).all()
    alone = [ready.choose(logits[i : i + 1], histories[i : i + 1], numbers[i : i + 1]) for i in range(3)]
    assert (np.concatenate(alone) == ids).all()
    assert (filtered[np.arange(3), ids] > -INF).all()


@given(SETTINGS, arrays(np.float32, (2, 8), elements=LOGITS))
def test_controls_apply_in_their_documented_order(settings: dict[str, Any], logits: Logits) -> None:
    config, histories = SampleConfig(**settings), [[0, 1, 0], [5]]
    expected = add_bias(logits, np.array([-INF if c in config.ban else 0 for c in "abcdefgh"], np.float32))
    if config.repetition_penalty != 1:
        expected = penalize_repetition(expected, histories, config.repetition_penalty, config.penalty_window)
    if config.no_repeat_ngram:
        expected = forbid_repeated_ngrams(expected, histories, config.no_repeat_ngram)
    if config.temperature != 1:
        expected = scale(expected, config.temperature)
    if config.temperature:
        expected = keep_top_k(expected, config.top_k or 8)
        expected = keep_min_p(keep_top_p(expected, config.top_p), config.min_p)
        expected = keep_typical_p(expected, config.typical_p)
    assert softmax(Controls(config, LETTERS).filtered(logits, histories)) == pytest.approx(softmax(expected), abs=1e-12)


def test_the_order_decides() -> None:
    """Top-p before the temperature, as in llama.cpp, would leave 2 characters where it leaves all after it."""
    hot = Controls(SampleConfig(temperature=100, top_p=0.76), CharVocabulary("abcd")).filtered(
        log([0.6, 0.3, 0.06, 0.04]), [[]]
    )
    assert (hot > -INF).all()
    assert (keep_top_p(log([0.6, 0.3, 0.06, 0.04]), 0.76) > -INF).sum() == 2


def test_extreme_logits() -> None:
    logits = np.array([[3e38, -3e38, 0, 0]], np.float32)
    for settings in ({"temperature": 0}, {"temperature": 1}, {"top_k": 2, "top_p": 0.5, "min_p": 0.1}, {"typical_p": 0.5}):
        with np.errstate(over="ignore"):
            assert Controls(SampleConfig(**settings), CharVocabulary("abcd")).choose(logits, [[]], np.array([0.999])) == [0]


@pytest.mark.parametrize("temperature", [1e-300, 1e-7, 1e-5])
def test_nearly_zero_temperatures_take_the_most_probable(temperature: float) -> None:
    config = SampleConfig(temperature=temperature)
    assert Controls(config, CharVocabulary("abcd")).choose(log(FOUR), [[]], np.array([0.01])) == [1]


def test_allow_and_ban() -> None:
    filtered = Controls(SampleConfig(allow="abc"), LETTERS).filtered(np.zeros((1, 8), np.float32), [[]])
    assert (filtered[0] > -INF).tolist() == [True] * 3 + [False] * 5
    ready = Controls(SampleConfig(ban="aa\n"), CharVocabulary("ab\n"))
    assert ready.choose(np.array([[9, 0, 9]], np.float32), [[]], np.array([0.5])) == [2]


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"ban": "abcdefgh"}, "sample.ban = 'abcdefgh': leaves no character to write"),
        ({"ban": "aéb\n"}, r"sample.ban: has characters that the model never saw: 'é' (U+00E9), '\n' (U+000A); leave them out"),
        ({"allow": "é"}, "sample.allow: has characters that the model never saw: 'é' (U+00E9)"),
        ({"bias": ("é=1",)}, "sample.bias: has characters that the model never saw: 'é' (U+00E9)"),
    ],
)
def test_controls_that_do_not_fit_the_vocabulary(settings: dict[str, Any], part: str) -> None:
    with pytest.raises(CharlstmError, match=re.escape(part)):
        Controls(SampleConfig(**settings), LETTERS)


def test_only_ascii_of_a_vocabulary_of_bytes() -> None:
    ready = Controls(SampleConfig(bias=("e=2",), ban="a"), ByteVocabulary())
    filtered = ready.filtered(np.zeros((1, 256), np.float32), [[]])[0]
    assert filtered[ord("e")] - filtered[ord("b")] == pytest.approx(2 / 0.8)
    assert (filtered == -INF).sum() == 1
    with pytest.raises(CharlstmError, match=r"sample\.ban: has characters of several bytes.*'é' \(U\+00E9\).*only ASCII"):
        Controls(SampleConfig(ban="é"), ByteVocabulary())


def test_a_rare_character_is_not_the_sign_that_stands_for_all_of_them() -> None:
    vocabulary = CharVocabulary("ab\ufffd", has_rare=True)
    assert Controls(SampleConfig(ban="\ufffd"), vocabulary)
    with pytest.raises(CharlstmError, match="never saw: '★'"):
        Controls(SampleConfig(ban="★"), vocabulary)


def test_characters_are_normalised_as_the_text_was() -> None:
    ready = Controls(SampleConfig(ban="e\u0301"), CharVocabulary("eé", normalize="nfc"))
    assert (ready.filtered(np.zeros((1, 2), np.float32), [[]])[0] > -INF).tolist() == [True, False]


def test_controls_that_are_off_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("add_bias", "penalize_repetition", "forbid_repeated_ngrams", "scale", "keep_top_k", "keep_top_p"):
        monkeypatch.setattr(controls, name, None)
    logits = log(FOUR)
    config = SampleConfig(temperature=1, top_k=4)
    assert Controls(config, CharVocabulary("abcd")).filtered(logits, [[]]) is logits


def test_a_line_end_of_two_characters_counts_as_one() -> None:
    """Ids 0 and 1 are CR and LF: of what came before, only what follows a whole line end is forbidden."""
    pair, zeros = Pair(0, 1), np.zeros((1, 4), dtype=np.float32)
    history = [2, 0, 1, 3, 0, 1]
    assert forbid_repeated_ngrams(zeros, [history], 2, pair).tolist() == [[0, 0, 0, -np.inf]]
    assert forbid_repeated_ngrams(zeros, [[*history, 2]], 2, pair).tolist() == [[-np.inf, 0, 0, 0]], "CR, which ends a line"
    assert forbid_repeated_ngrams(zeros, [history[:-1]], 2, pair)[0, 1] == 0, "LF completes it"
    assert forbid_repeated_ngrams(zeros, [history[:-1]], 2)[0, 1] == -np.inf
    logits = np.ones((1, 4), dtype=np.float32)
    assert penalize_repetition(logits, [history], 2, 9, pair).tolist() == [[0.5, 0.5, 0.5, 0.5]]
    assert penalize_repetition(logits, [history[:-1]], 2, 9, pair).tolist() == [[0.5, 1, 0.5, 0.5]]


@pytest.mark.parametrize("settings", [{"repetition_penalty": 9.0}, {"no_repeat_ngram": 3}])
def test_no_control_parts_a_line_end(settings: dict[str, Any]) -> None:
    """A model that writes LF after CR, and seldom anything else, one text at a time and several."""
    vocabulary = CharVocabulary("ab\r\n").knowing(LineEnds(("\r\n",)))
    controls = Controls(SampleConfig(temperature=0, **settings), vocabulary)
    logits = np.array([[2, 0, 1, 1]], dtype=np.float32)  # LF, CR, a, b
    history = vocabulary.encode("a\r\nb\r\na\r").tolist()
    assert controls.choose(logits, [history], np.zeros(1)).tolist() == [0]
    assert controls.choose(np.repeat(logits, 2, axis=0), [history] * 2, np.zeros(2)).tolist() == [0, 0]
