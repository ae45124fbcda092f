from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import random
import struct
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from charlstm.errors import TextError
from charlstm.text import archives
from charlstm.text.compression import _ZSTD
from charlstm.text.sources import find_sources

ZSTD = importlib.import_module(_ZSTD)
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: ZSTD.compress(data, options={ZSTD.CompressionParameter.checksum_flag: 1}),  # as the program does
}


def contents(*texts: str | Path) -> dict[str, bytes]:
    """All bytes under the name that errors give them, read in small blocks."""
    found = {}
    for source in find_sources([str(text) for text in texts]).all:
        for stream in source.streams():
            found[stream.where] = b"".join(iter(lambda stream=stream: stream.read(1000), b""))  # type: ignore[misc]
    return found


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.txt", ".hidden", "sub/c.md", ".git/config", "sub/.d"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path


def test_a_folder_is_read_by_name_without_hidden_files(folder: Path) -> None:
    assert list(contents(folder).values()) == [b"a.txt", b"b.txt", b"sub/c.md"]
    assert list(contents(folder / "**" / "*.md").values()) == [b"sub/c.md"]
    assert list(contents(folder / "b.txt", folder / "a.txt").values()) == [b"b.txt", b"a.txt"]


def test_standard_input_can_be_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    (source,) = find_sources(["-"]).all
    assert source.fingerprint() is None
    assert contents("-") == {"standard input": b"abc"}


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are POSIX's")
def test_a_named_pipe_can_be_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"through a pipe",))
    writer.start()
    (source,) = find_sources([str(pipe)]).all
    assert (source.fingerprint(), source.size()) == (None, None)
    assert contents(pipe) == {str(pipe): b"through a pipe"}
    writer.join()


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_are_unpacked(tmp_path: Path, suffix: str) -> None:
    text = random.Random(1).randbytes(5000) + bytes(5000)
    file = tmp_path / f"a.txt{suffix.upper()}"
    file.write_bytes(PACK[suffix](text) + PACK[suffix](b"and a second stream"))
    assert contents(file) == {str(file): text + b"and a second stream"}


def test_members_of_a_zip_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    names = ["b.txt", "a/c.txt", "a/", ".hidden", "__MACOSX/b.txt", "a/.DS_Store"]
    file = zipped(tmp_path / "t.zip", {name: name.encode() for name in names})
    assert contents(file) == {f"{file}/a/c.txt": b"a/c.txt", f"{file}/b.txt": b"b.txt"}
    assert find_sources([str(file)]).all[0].names() == ["t.zip/a/c.txt", "t.zip/b.txt"]


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("size", [1, 20, -1, -9])
def test_a_compressed_file_that_is_cut_short_is_damaged(tmp_path: Path, suffix: str, size: int) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(PACK[suffix](random.Random(2).randbytes(3000))[:size])
    with pytest.raises(TextError, match=r"a\.\w+ is damaged: \S") as error:
        contents(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [*PACK, ".zip"])
def test_a_flipped_byte_never_passes_as_text_nor_as_a_traceback(tmp_path: Path, suffix: str) -> None:
    text = random.Random(3).randbytes(300)
    file = tmp_path / f"a{suffix}"
    whole = PACK[suffix](text) if suffix in PACK else zipped(file, {"a": text, "b": text}).read_bytes()
    for at in range(0, len(whole), 3):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        with warnings.catch_warnings(), suppress(TextError):
            warnings.simplefilter("ignore")  # zipfile's, of names that occur twice
            # What may change unseen is what says nothing of the content: times, names, comments.
            assert set(contents(file).values()) <= {text}


def test_an_archive_that_is_none_or_empty_or_locked(tmp_path: Path) -> None:
    (tmp_path / "none.zip").write_bytes(b"PK\3\4 and so on")
    with pytest.raises(TextError, match=r"none\.zip is damaged: File is not a zip file"):
        contents(tmp_path / "none.zip")
    with pytest.raises(TextError, match=r"no text in .*empty\.zip: the archive is empty"):
        contents(zipped(tmp_path / "empty.zip", {}))
    file = zipped(tmp_path / "locked.zip", {"secret.txt": b"abc"})
    data = bytearray(file.read_bytes())
    for header, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag that says a member is encrypted, in both of its places
        struct.pack_into("<H", data, data.index(header) + at, 1)
    file.write_bytes(data)
    with pytest.raises(TextError, match=r"can't unpack .*locked\.zip/secret\.txt: .*password"):
        contents(file)


@pytest.mark.parametrize("suffix", [*PACK, ".zip"])
def test_a_bomb_is_refused_and_a_small_repetitive_file_is_not(tmp_path: Path, suffix: str) -> None:
    def pack(name: str, text: bytes) -> Path:
        if suffix == ".zip":
            return zipped(tmp_path / f"{name}.zip", {"a": text})
        (tmp_path / f"{name}{suffix}").write_bytes(PACK[suffix](text))
        return tmp_path / f"{name}{suffix}"

    assert list(contents(pack("small", bytes(2**20))).values()) == [bytes(2**20)]
    with pytest.raises(TextError, match=rf"bomb{suffix}\S* grows to more than 200 times its size"):
        contents(pack("bomb", bytes(2**25)))


def test_a_bomb_of_members_is_refused_as_a_whole(tmp_path: Path) -> None:
    line = b"one and the same line\n" * 4000  # 88 kB, which a zip makes 300 bytes
    with pytest.raises(TextError, match="grows to more than 200 times its size"):
        contents(zipped(tmp_path / "many.zip", {f"{i}.txt": line for i in range(100)}))


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = zipped(tmp_path / "many.zip", {f"{i}": b"x" for i in range(21)})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 21)
    assert len(contents(file)) == 21
    monkeypatch.setattr(archives, "MAX_MEMBERS", 20)
    with pytest.raises(TextError, match=r"many\.zip has 21 members; the most is 20"):
        contents(file)


def test_a_fingerprint_and_a_state_tell_one_content_from_another(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"one")
    (source,) = find_sources([str(file)]).all
    before = (source.fingerprint(), source.state())
    assert (source.fingerprint(), source.state()) == before
    file.write_bytes(b"two")
    assert source.fingerprint() != before[0]
    assert source.state() != before[1]


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    for text, message in {
        str(tmp_path / "none.txt"): r"no such file: .*none\.txt",
        str(tmp_path / "nothing"): "no text in the folder",
        str(tmp_path / "*.txt"): r"no text in .*\*\.txt",
        "builtin:nothing": "python-docs",
        "x" * 300: "no such file: 'xxx",
    }.items():
        with pytest.raises(TextError, match=message):
            find_sources([text])


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.touch(mode=0o000)
    with pytest.raises(TextError, match=r"can't read .*Permission denied"):
        contents(file)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_within_a_folder_that_may_not_be_looked_into_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(TextError, match=r"can't look into the folder .*closed: Permission denied"):
        find_sources([str(tmp_path)])


def test_every_file_is_read_once_however_often_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = find_sources(["b.txt", "b.txt", ".", "*.txt", "./sub/../a.txt", "builtin:python-docs", "builtin:python-docs"])
    assert [source.where for source in found.all] == ["b.txt", "a.txt", "sub/c.md", "builtin:python-docs"]
    assert found.repeated[:4] == ("b.txt", "b.txt", "a.txt", "b.txt")
    assert [source.skippable for source in found.all] == [False, False, True, False], "what is named may not be skipped"


def test_as_before_finds_what_earlier_versions_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "linked").symlink_to("sub")
    (folder / "c.txt").symlink_to("a.txt")
    for name in ("config.toml", ".lock"):
        (folder / "sub" / name).write_text("x", encoding="utf-8")
    found = find_sources(["b.txt", ".", "*.md"], as_before=True)
    assert [source.where for source in found.all] == ["b.txt", "a.txt", "b.txt", "c.txt", "sub/c.md", "sub/config.toml"]


def test_a_folder_of_nothing_but_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("config.toml", ".lock"):
        file = folder / "runs" / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    assert find_sources(["a.txt", "runs"]).left_out == ("runs/demo (a run)",), "as a shell's * names it"
    with pytest.raises(TextError, match=r"^no text in runs: nothing there but runs/demo \(a run\)$"):
        find_sources(["runs"])
