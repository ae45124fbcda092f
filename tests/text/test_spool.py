"""Where the ids of a large text go: nothing is lost where a disk is full or missing."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from charlstm.text.cache import CacheEntry, TextCache
from charlstm.text.spool import Disk, Spool
from tests.conftest import file_size_limit


@pytest.fixture
def cache(tmp_path: Path) -> TextCache:
    return TextCache(tmp_path / "texts")


@pytest.mark.parametrize("limit", [0, 1, 250, 10**6])
def test_a_spool_gives_back_what_it_was_given(cache: TextCache, limit: int) -> None:
    draw = random.Random(1)
    arrays = [np.arange(draw.randrange(100)).astype(draw.choice([np.uint8, np.uint16, np.uint32])) for _ in range(20)]
    with Spool(Disk(cache), limit, 0) as spool:
        for array in arrays:
            spool.add(array)
        assert spool.in_memory == (limit == 10**6)
        for _ in range(2):
            assert [(a.dtype, a.tolist()) for a in spool] == [(a.dtype, a.tolist()) for a in arrays]
    assert not list(cache.folder.glob("*"))


@pytest.mark.parametrize("limit", [0, 150, 3000])
@pytest.mark.parametrize("room", [0, 500, 5000])
def test_what_a_full_disk_does_not_take_goes_to_the_next_place_and_then_stays_in_memory(
    tmp_path: Path, limit: int, room: int
) -> None:
    """A disk that is full after so many bytes, and one that is not there: nothing is lost, in whatever moment it happened."""
    (tmp_path / "file").touch()
    arrays = [np.arange(100).astype(np.uint8) + i for i in range(40)]
    full, missing = TextCache(tmp_path / "full"), TextCache(tmp_path / "file" / "texts")
    with Spool(Disk(full, missing), limit, 10**6) as spool, file_size_limit(room):
        for array in arrays:
            spool.add(array)
        for _ in range(2):
            assert [a.tolist() for a in spool] == [a.tolist() for a in arrays]
    assert not list(full.folder.iterdir())


def test_a_disk_tries_one_place_after_the_other_and_none_twice(cache: TextCache, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    disk, tried = Disk(TextCache(tmp_path / "file" / "texts"), cache), list[Path]()

    def write(place: TextCache) -> CacheEntry:
        tried.append(place.folder)
        return place.save("key", [np.arange(1000)], dict)

    for _ in range(2):
        entry = disk.put(write)
        assert entry is not None
        assert len(entry.ids) == 1000
    assert tried == [tmp_path / "file" / "texts", cache.folder, cache.folder]
    assert len(disk.refused) == 1
    assert Disk(TextCache(tmp_path / "file" / "texts")).put(write) is None
