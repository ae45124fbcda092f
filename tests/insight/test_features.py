from __future__ import annotations

import numpy as np
import pytest

from charlstm.insight.features import best_neurons, features


def marked(name: str, text: str) -> str:
    """Where a feature is not 0, as its digits below the text."""
    return "".join(f"{int(value)}" if value else "." for value in features(text)[name])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inside quotes", 'a "b c" d', "..1111..."),
        ("inside quotes", "“a” «b»", "11..11."),
        ("inside quotes", "„a“ b “c”", "11....11."),
        ("inside quotes", "‘isn’t’ so ‘tis", "111111........."),
        ("inside quotes", 'a "b\r\n\r\nc d', "..11......."),
        ("speaker's name", "a\r\n\r\nANN:\r\nhi", ".....1111...."),
        ("position in line", "abc\r\nde", ".1233.1"),
        ("inside quotes", "said 'go!' and", ".....1111....."),
        ("inside quotes", "say 'it isn't' so", "....111111111...."),
        ("inside quotes", 'a "b\n\nc d', "..11....."),
        ("inside brackets", "f([x])(", ".1221.1"),
        ("inside brackets", "a) (b] c", "...11111"),
        ("inside brackets", "(a\n\nb)", "11...."),
        ("position in line", "abc\nde", ".123.1"),
        ("indentation", "a\n  bc\n d", "..1222211"),
        ("line of paragraph", "a\nb\n\nc\nd", "..1....1"),
        ("after a colon", "a: b\nc", ".1111."),
        ("speaker's name", "ANN:\nhi: no\n\nBob Lee:\nyes", "1111.........11111111...."),
        ("capital letter", "Ab C", "1..1"),
        ("word in capitals", "I AM Al", "..11..."),
        ("digit", "a12", ".11"),
        ("space", "a b\n", ".1.1"),
        ("position in word", "to be", "12.12"),
    ],
)
def test_features_by_hand(name: str, text: str, expected: str) -> None:
    assert marked(name, text) == expected


def test_an_apostrophe_is_no_quote() -> None:
    assert "inside quotes" not in features("'tis the dog's day, isn't it\n\n'Tis")


def test_what_is_the_same_everywhere_is_left_out() -> None:
    assert features("") == {}
    assert set(features("aaa")) == {"position in line", "position in word"}


def test_a_planted_neuron_is_found_with_its_sign() -> None:
    text = 'a "b c" d\n' * 30
    random = np.random.default_rng(1)
    values = random.normal(size=(len(text), 2, 40)).astype(np.float32)
    known = features(text)
    values[:, 1, 7] = 3 - 2 * known["inside quotes"] + 0.1 * values[:, 1, 7]
    values[:, 0, 39] = 5 * known["position in line"]
    values[:, 0, 3] = 0.1  # never changes
    found = best_neurons(values, {name: known[name] for name in ("inside quotes", "position in line")}, "cell", top=2)
    first, second, third, _ = found
    assert [one.feature for one in found] == ["inside quotes"] * 2 + ["position in line"] * 2
    assert (first.layer, first.neuron, first.kind) == (1, 7, "cell")
    assert first.correlation == pytest.approx(np.corrcoef(values[:, 1, 7], known["inside quotes"])[0, 1], abs=1e-5)
    assert first.correlation < -0.99 < -abs(second.correlation)
    assert (third.layer, third.neuron) == (0, 39)
    assert third.correlation == pytest.approx(1)


def test_nothing_correlates_with_a_neuron_that_never_changes() -> None:
    values = np.full((4, 1, 1), 0.1, np.float32)
    (match,) = best_neurons(values, {"capital letter": np.array([0, 1, 0, 1], np.float32)}, "forget")
    assert match.correlation == 0
    assert best_neurons(values, {}, "cell") == []
