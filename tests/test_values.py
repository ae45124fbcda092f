from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.values import ANOTHER_LOCALE, MANY, parse_bias, part_or_none, size_of, unicode


@pytest.mark.parametrize("value", [0.001, 0.1, 0.5, 1, 5_000_000, MANY])
def test_a_part_is_a_share_or_a_count(value: float) -> None:
    assert part_or_none(value) is value


@pytest.mark.parametrize("value", [0.0009, 0.51, 1.0, 5e6, -1, -0.1, MANY + 1, math.nan, math.inf, True, "0.1", None, [1]])
def test_nothing_else_is(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected a share from 0\.001 to 0\.5, or a whole number of characters from 1"):
        part_or_none(value)


@pytest.mark.parametrize("none", [0, 0.0, -0.0])
def test_nothing_is_0_and_nothing_else(none: float) -> None:
    assert repr(part_or_none(none)) == "0"
    with pytest.raises(ValueError, match="or 0 for none"):
        part_or_none(False)


@given(st.floats(0.001, 0.5), st.integers(1, 10**9))
def test_a_share_is_rounded_up_and_never_nothing(share: float, whole: int) -> None:
    size = size_of(share, whole)
    assert size >= 1
    assert whole * share <= size + 1e-6 * whole
    assert size <= whole * share + 1 + 1e-6 * whole


def test_a_count_is_itself() -> None:
    assert size_of(1, 10) == 1
    assert size_of(7, 3) == 7
    assert size_of(0, 3) == 0


@given(st.characters(), st.floats(-1000, 1000))
def test_a_bias_is_a_character_and_a_number(character: str, number: float) -> None:
    assert parse_bias(f"{character}={number!r}") == (character, number)


@pytest.mark.parametrize("text", ["", "e", "e=", "=1", "e=x", "e:1", "ab=1", "e=1001", "e=-inf", "e=nan", "e==1"])
def test_nothing_else_is_a_bias(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected CHAR=NUMBER, such as e=-0\.5"):
        parse_bias(text)


def test_a_locale_is_blamed_for_what_it_cannot_spell() -> None:
    """In a C locale, bytes beyond ASCII come in as halves of characters, whatever they are."""
    with pytest.raises(ValueError, match="this locale can't spell it") as raised:
        unicode("na\udcc3\udcafve")
    assert raised.value.args[1] == ANOTHER_LOCALE
    with pytest.raises(ValueError, match="expected a text that UTF-8 can spell"):
        unicode("na\udcefve")
