from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from charlstm.errors import SaveError
from charlstm.text import cache as caching
from charlstm.text.cache import CacheEntry, DamagedEntry, TextCache
from charlstm.text.spool import Disk, Spool
from charlstm.text.types import Ids
from tests.conftest import refusing

ABOUT = {"said": "é"}


@pytest.fixture
def cache(tmp_path: Path) -> TextCache:
    return TextCache(tmp_path / "texts")


def save(cache: TextCache, key: str | None = "key", size: int = 1000, dtype: type = np.uint16) -> CacheEntry:
    ids: Ids = np.arange(size).astype(dtype)
    return cache.save(key, [ids[:7], ids[7:]], lambda: ABOUT)


def files(cache: TextCache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir())


def fill(cache: TextCache) -> None:
    with Spool(Disk(cache), 100, 1000) as spool:
        for _ in range(100):
            spool.add(np.zeros(100, np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_what_is_loaded_is_what_was_saved(cache: TextCache, dtype: type) -> None:
    assert cache.load("key") is None
    for entry in (save(cache, dtype=dtype), cache.load("key")):
        assert entry is not None
        assert entry.ids.dtype == dtype
        assert np.array_equal(entry.ids, np.arange(1000).astype(dtype))
        assert entry.about["said"] == ABOUT["said"]
        assert not entry.ids.flags.writeable
    assert cache.load("other") is None
    assert files(cache) == ["key.ids"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_without_a_key_nothing_stays_but_what_is_mapped(cache: TextCache) -> None:
    assert save(cache, None).ids[999] == 999
    assert files(cache) == []


def test_every_flipped_bit_and_every_cut_is_found(cache: TextCache) -> None:
    save(cache, size=40)
    path = cache.folder / "key.ids"
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(DamagedEntry):
            cache.load("key")
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedEntry):
            cache.load("key")
    path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedEntry):
        cache.load("key")
    path.write_bytes(whole)
    assert cache.load("key") is not None


def test_an_entry_under_another_name_or_that_is_no_file_is_damaged(cache: TextCache) -> None:
    save(cache)
    (cache.folder / "key.ids").rename(cache.folder / "other.ids")
    (cache.folder / "key.ids").mkdir()
    for key in ("key", "other"):
        with pytest.raises(DamagedEntry):
            cache.load(key)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("at", [0, 1, 3, 4])
def test_an_interrupted_save_leaves_nothing(cache: TextCache, error: type[BaseException], at: int) -> None:
    def blocks() -> Iterator[Ids]:
        for i in range(4):
            if i == at:
                raise error
            yield np.zeros(5000, np.uint8)

    def about() -> dict[str, str]:
        raise error

    with pytest.raises(error):
        cache.save("key", blocks(), about)
    assert files(cache) == []


def test_a_full_disk_is_a_save_error_and_leaves_nothing(cache: TextCache) -> None:
    resource = pytest.importorskip("resource")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(SaveError, match=r"can't write the encoded text to .*texts: .*; make room there, or let XDG_CACHE"):
            save(cache, size=5000)
        with pytest.raises(SaveError, match="can't write"):
            fill(cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert files(cache) == []


def test_a_folder_that_cannot_be_made_is_a_save_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError, match="can't write"):
        save(TextCache(tmp_path / "file" / "texts"))


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's here")
def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(cache: TextCache) -> None:
    code = """if True:
        import sys, time
        import numpy as np
        from pathlib import Path
        from charlstm.text.cache import TextCache
        def blocks():
            yield np.zeros(5000, np.uint8)
            print("writing", flush=True)
            time.sleep(60)
        TextCache(Path(sys.argv[1])).save("key", blocks(), dict)"""
    with subprocess.Popen([sys.executable, "-c", code, str(cache.folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        cache.tidy()
        assert len(files(cache)) == 1
        process.kill()
    assert [Path(name).suffix for name in files(cache)] == [".tmp"]
    cache.tidy()
    assert files(cache) == []


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's here")
def test_a_file_that_was_taken_away_before_it_was_locked_is_made_again(
    cache: TextCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = caching._lock
    taken: list[str] = []

    def take_away_the_first(file: BinaryIO, wait: bool) -> None:
        if not taken:
            taken.append(file.name)
            Path(file.name).unlink()
        lock(file, wait)

    monkeypatch.setattr(caching, "_lock", take_away_the_first)
    save(cache)
    assert taken
    assert cache.load("key") is not None


def test_two_writers_of_the_same_text_do_not_meet(cache: TextCache) -> None:
    def blocks() -> Iterator[Ids]:
        yield np.zeros(100, np.uint8)
        save(cache)  # another one begins later and ends first
        cache.tidy()
        yield np.ones(100, np.uint8)

    entry = cache.save("key", blocks(), lambda: ABOUT)
    assert entry.ids.sum() == 100
    assert files(cache) == ["key.ids"]
    loaded = cache.load("key")
    assert loaded is not None
    assert np.array_equal(loaded.ids, entry.ids)


def test_the_least_recently_used_go_first(cache: TextCache, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, key in enumerate(["a", "b", "c"]):
        save(cache, key)
        os.utime(cache.folder / f"{key}.ids", (1000 + age, 1000 + age))
    cache.load("a")
    monkeypatch.setattr(caching, "MAX_BYTES", 3 * (cache.folder / "a.ids").stat().st_size)
    save(cache, "d")
    assert files(cache) == ["a.ids", "c.ids", "d.ids"]
    monkeypatch.setattr(caching, "MAX_BYTES", 0)
    save(cache, "e")
    assert files(cache) == ["e.ids"], "the one that is needed stays, however large"


@pytest.mark.skipif(sys.platform == "win32", reason="files are mapped everywhere there")
def test_a_file_system_that_maps_no_files_is_read_instead(cache: TextCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmap.mmap", refusing(errno.ENODEV))
    for entry in (save(cache), cache.load("key")):
        assert entry is not None
        assert np.array_equal(entry.ids, np.arange(1000))
        assert not entry.ids.flags.writeable
    monkeypatch.setattr(caching, "MOST_IN_MEMORY", 1000)
    with pytest.raises(SaveError, match="can't write the encoded text"):
        save(cache)


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's here")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_without_locks_only_old_files_are_left_overs(cache: TextCache, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("fcntl.flock", refusing(number))
    save(cache)
    for name, age in (("old.tmp", 2 * 24 * 3600), ("new.tmp", 60)):
        (cache.folder / name).touch()
        then = time.time() - age
        os.utime(cache.folder / name, (then, then))
    cache.tidy()
    assert files(cache) == ["key.ids", "new.tmp"]
