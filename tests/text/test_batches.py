from __future__ import annotations

import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import TextError
from charlstm.text.batches import MIN_CHARACTERS, MIN_STEPS, Batch, Layout, batches, fit_layout, let_go

layouts = st.builds(fit_layout, st.integers(MIN_CHARACTERS, 3000), batch_size=st.integers(1, 40), seq_len=st.integers(2, 50))


def obvious(ids: list[int], layout: Layout, offset: int) -> list[tuple[list[list[int]], list[list[int]]]]:
    """The same batches, character by character."""
    T, B = layout.seq_len, layout.batch_size
    found = []
    for step in range(layout.steps):
        x = [[ids[offset + b * layout.steps * T + step * T + t] for b in range(B)] for t in range(T)]
        y = [[ids[offset + b * layout.steps * T + step * T + t + 1] for b in range(B)] for t in range(T)]
        found.append((x, y))
    return found


@given(layouts, st.randoms())
def test_against_the_obvious_reference(layout: Layout, random: object) -> None:
    ids = np.arange(layout.characters, dtype=np.uint16)
    for offset in {0, layout.slack, random.randint(0, layout.slack)}:  # type: ignore[attr-defined]
        found = [(batch.inputs.tolist(), batch.targets.tolist()) for batch in batches(ids, layout, offset)]
        assert found == obvious(ids.tolist(), layout, offset)


@given(layouts)
def test_each_character_of_the_span_is_used_once(layout: Layout) -> None:
    ids = np.arange(layout.characters, dtype=np.uint16)
    used = torch.cat([batch.inputs.flatten() for batch in batches(ids, layout, layout.slack)])
    assert sorted(used.tolist()) == list(range(layout.slack, layout.characters - 1))


@given(layouts)
def test_the_target_is_the_input_shifted_by_one_across_steps_too(layout: Layout) -> None:
    ids = np.arange(layout.characters, dtype=np.uint16)
    steps = list(batches(ids, layout))
    x, y = torch.cat([b.inputs for b in steps]), torch.cat([b.targets for b in steps])  # each stream in one piece
    assert torch.equal(x[1:], y[:-1])
    assert torch.equal(x + 1, y)


@given(layouts)
def test_an_epoch_is_worth_its_name_and_offsets_reach_every_border(layout: Layout) -> None:
    assert layout.steps >= MIN_STEPS
    assert layout.slack >= layout.seq_len - 1


def test_a_later_step_is_reached_without_the_earlier_ones() -> None:
    layout, ids = fit_layout(500, 4, 8), np.arange(500, dtype=np.uint16)
    assert torch.equal(next(batches(ids, layout, 3, first=5)).inputs, list(batches(ids, layout, 3))[5].inputs)


def test_in_a_stream_all_counts_and_nothing_begins_anew() -> None:
    batch = next(batches(np.arange(500, dtype=np.uint16), fit_layout(500, 4, 8)))
    assert (batch.weights, batch.starts, batch.characters) == (None, None, 32)
    assert (batch.inputs.dtype, batch.targets.dtype) == (torch.int64, torch.int64)


def test_a_batch_cannot_be_changed_and_goes_to_a_device_as_a_whole() -> None:
    ids, weights, starts = torch.zeros(3, 2, dtype=torch.int64), torch.ones(3, 2), torch.tensor([True, False])
    with pytest.raises(FrozenInstanceError):
        Batch(ids, ids).weights = weights  # type: ignore[misc]
    moved = Batch(ids, ids, weights, starts).to(torch.device("meta"))
    assert {part.device.type for part in (moved.inputs, moved.targets, moved.weights, moved.starts) if part is not None} == {
        "meta"
    }
    assert (moved.weights is None, moved.starts is None) == (False, False)
    bare = Batch(ids, ids).to(torch.device("meta"))
    assert (bare.weights, bare.starts) == (None, None)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
def test_ids_that_are_mapped_from_a_file_do_not_stay_in_memory(tmp_path: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    size = 64 * 2**20
    (tmp_path / "ids").write_bytes(bytes(size))
    ids = np.memmap(tmp_path / "ids", np.uint8, "r")[:size]  # a part, as a split is one
    layout = fit_layout(size, 64, 512)
    before, seen = resident(), []
    for batch in batches(ids, layout):
        assert not batch.inputs.any()
        seen.append(resident() - before)
    assert max(seen) < size * 3 // 4
    ids.sum()
    assert resident() - before > size * 3 // 4, "the measure sees what is mapped"
    let_go(ids[:-1])  # a part of them counts as all
    assert resident() - before < size // 4


def test_a_text_that_is_long_enough_is_cut_as_asked() -> None:
    assert fit_layout(1_003_854, 64, 100) == Layout(1_003_854, 64, 100)


@pytest.mark.parametrize("characters", [MIN_CHARACTERS, 11, 50, 999])
def test_a_short_text_shrinks_batch_and_sequence(characters: int) -> None:
    layout = fit_layout(characters, 64, 100)
    assert 1 <= layout.batch_size < 64
    assert 2 <= layout.seq_len <= 100


def test_a_text_that_is_too_short_is_refused_with_the_minimum() -> None:
    with pytest.raises(TextError, match=f"minimum is {MIN_CHARACTERS}"):
        fit_layout(MIN_CHARACTERS - 1, 1, 2)
