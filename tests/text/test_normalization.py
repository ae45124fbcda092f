from __future__ import annotations

import itertools
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charlstm.text import normalization
from charlstm.text.normalization import nfc, nfc_pieces

# All that composes, decomposes or reorders: Latin, Hangul, Tibetan (whose vowels have no class), Bengali, compatibility signs.
COMPOSING = "eE q\u0301\u0323\u0344\u00e9\u1100\u1161\u11a8가각\u0f71\u0f72\u0f73\u0f81\u09c7\u09be\u212b中😀"
SEVERAL = "".join(map("".join, itertools.product(" eE가中\u1100", "\u0301\u0323\u1161\u09be", "\u0344\u11a8\u0f72")))


@given(st.lists(st.text(st.sampled_from(COMPOSING))))
@example(["e", "\u0301"])
@example(["가", "\u11a8"])
def test_normalising_pieces_is_normalising_the_whole(pieces: list[str]) -> None:
    assert "".join(nfc_pieces(pieces)) == unicodedata.normalize("NFC", "".join(pieces))


@pytest.mark.parametrize("size", range(6, 20))
def test_slices_end_where_nothing_joins(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(normalization, "_SLICE", size)
    assert nfc(SEVERAL) == unicodedata.normalize("NFC", SEVERAL)
    assert "".join(nfc_pieces(SEVERAL)) == unicodedata.normalize("NFC", SEVERAL)


def test_no_composed_character_is_ever_parted() -> None:
    for point in range(0x110000):
        decomposed = unicodedata.normalize("NFD", chr(point))
        if len(decomposed) > 1 and unicodedata.normalize("NFC", decomposed) == chr(point):
            assert not any(normalization._stands_alone(c) for c in decomposed[1:])


def test_a_run_that_no_language_has_takes_no_quadratic_time() -> None:
    begin = time.perf_counter()
    assert len(nfc("e" + "\u0301\u0316" * 100_000)) > 100_000
    assert time.perf_counter() - begin < 20, "minutes, if it were"
