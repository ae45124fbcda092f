from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import DataConfig
from charlstm.errors import SaveError, TextError
from charlstm.text import corpus as corpus_module
from charlstm.text import decoding, joining
from charlstm.text.cache import TextCache
from charlstm.text.corpus import Corpus, corpus_of, read_corpus
from charlstm.text.counting import ByteTally, CharTally, make_tally
from charlstm.text.vocabulary import REPLACEMENT, ByteVocabulary, CharVocabulary
from tests.conftest import VERSE, file_size_limit


@pytest.fixture(autouse=True)
def cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "charlstm" / "texts"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts from 500 ids on count as large, and are read in pieces of a few bytes."""
    monkeypatch.setattr(corpus_module, "IN_MEMORY", 500)
    monkeypatch.setattr(decoding, "PIECE", 97)
    monkeypatch.setattr(joining, "in_pieces", lambda texts: texts)


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.ids.tolist())


def write(folder: Path, **files: bytes | str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def listed(cached: Path) -> list[Path]:
    return sorted(cached.iterdir()) if cached.exists() else []


data_configs = st.builds(
    DataConfig,
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1251"]),
    errors=st.sampled_from(["replace", "ignore"]),
    newlines=st.sampled_from(["keep", "lf"]),
    normalize=st.sampled_from(["none", "nfc"]),
    separator=st.sampled_from(["\n", "", "\n\n--\n", "\u0301"]),
    min_count=st.sampled_from([1, 2, 3]),
)


def obvious(texts: list[bytes], data: DataConfig) -> str:
    """The same text, each step on all of it."""
    decoded = [text.decode(data.encoding, data.errors) for text in texts]
    if data.newlines == "lf":
        decoded = [text.replace("\r\n", "\n").replace("\r", "\n") for text in decoded]
    whole = data.separator.join(decoded)
    if data.normalize == "nfc":
        whole = unicodedata.normalize("NFC", whole)
    return "".join(c if whole.count(c) >= data.min_count else REPLACEMENT for c in whole)


@given(
    st.lists(st.text(st.sampled_from("ab\r\n \u0301éдш중\u1100\u1161😀")).map("text".__add__), min_size=1, max_size=4),
    data_configs,
    st.booleans(),
)
def test_against_the_obvious_reference(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: DataConfig, large: bool
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    raw = [text.encode(data.encoding, "ignore") for text in texts]
    for i, content in enumerate(raw):
        (folder / f"{i}.txt").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_module, "IN_MEMORY", 0 if large else 10**6)
        patch.setattr(decoding, "PIECE", 5)
        patch.setattr(joining, "in_pieces", lambda pieces: pieces)
        corpora = [read_corpus([str(folder)], data) for _ in range(2)]
    for corpus in corpora:
        assert text_of(corpus) == obvious(raw, data)
        assert isinstance(corpus.vocabulary, CharVocabulary)
        assert list(corpus.vocabulary.symbols) == sorted(set(corpus.vocabulary.symbols))
        assert isinstance(corpus.ids, np.memmap) == large
    assert corpora[0].digest == corpora[1].digest


def test_a_folder_is_read_by_name_without_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path, b_txt="bee", a_txt="ay\n", empty_txt="", picture_png=b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    write(tmp_path / "sub", c_md="sea é")
    corpus = read_corpus([str(tmp_path)])
    assert text_of(corpus) == "ay\n\nbee\nsea é"
    assert corpus.names == ("a.txt", "b.txt", "c.md")
    assert corpus.skipped == ("empty.txt", "picture.png")
    assert text_of(read_corpus([str(tmp_path)], DataConfig(separator=""))) == "ay\nbeesea é"


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        for name, content in {"b.txt": b"bee", "a.txt": b"ay", "x.bin": bytes(range(256))}.items():
            archive.writestr(name, content)
    corpus = read_corpus([str(tmp_path / "t.zip")])
    assert (text_of(corpus), corpus.names, corpus.skipped) == ("ay\nbee", ("t.zip/a.txt", "t.zip/b.txt"), ("t.zip/x.bin",))


def test_nothing_but_files_without_text(tmp_path: Path) -> None:
    write(tmp_path, a_txt="", b_bin=bytes(range(256)))
    with pytest.raises(TextError, match=r"no text in .*: 2 files, none of them with text in it"):
        read_corpus([str(tmp_path)])
    with pytest.raises(TextError, match=r"b\.bin is a binary file"):
        read_corpus([str(tmp_path / "b.bin")])


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("naïve\r\n".encode())))
    corpus = read_corpus(["-"])
    assert (text_of(corpus), corpus.names, corpus.findings.crlf) == ("naïve\r\n", ("standard input",), 1)


def test_a_large_standard_input_leaves_nothing_in_the_cache(monkeypatch: pytest.MonkeyPatch, small: None, cached: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(VERSE.encode())))
    corpus = read_corpus(["-"])
    assert text_of(corpus) == VERSE
    assert listed(cached) == []
    assert corpus.digest == corpus_of(VERSE).digest


def test_the_builtin_text_is_large_and_real_in_any_encoding() -> None:
    text = text_of(read_corpus(["builtin:python-docs"]))
    assert len(text) > 400_000
    assert "for" in text
    assert "object" in text
    assert text_of(read_corpus(["builtin:python-docs"], DataConfig(encoding="utf-16"))) == text


def test_what_is_found_on_the_way(tmp_path: Path) -> None:
    write(tmp_path, a_txt=b"one\r\ntwo\r\n" * 50 + b"\x00\x1b\x1b", b_txt=b"caf\xe9 x")
    found = read_corpus([str(tmp_path)], DataConfig(errors="replace", min_count=2)).findings
    assert (found.crlf, found.controls, found.damaged) == (100, {"\x00": 1, "\x1b": 2}, False)
    assert found.replaced == f"{tmp_path / 'b.txt'}, offset 3"
    assert found.rare == len("\0caf x")


def test_bytes_have_no_symbols_to_learn(tmp_path: Path) -> None:
    corpus = corpus_of("日本\x1b", DataConfig(unit="byte"))
    assert corpus.vocabulary == ByteVocabulary()
    assert bytes(corpus.ids.tolist()) == "日本\x1b".encode()
    assert corpus.findings.controls == {"\x1b": 1}


@pytest.mark.parametrize(("symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (65_537, np.uint32)])
def test_ids_take_the_smallest_type_wherever_they_lie(monkeypatch: pytest.MonkeyPatch, symbols: int, dtype: type) -> None:
    text = "".join(map(chr, range(0x20000, 0x20000 + symbols)))
    for limit in (0, 2**30):
        monkeypatch.setattr(corpus_module, "IN_MEMORY", limit)
        corpus = corpus_of(text)
        assert corpus.ids.dtype == dtype
        assert corpus.ids.tolist() == list(range(symbols))


def test_a_given_vocabulary_is_used_or_extended(tmp_path: Path) -> None:
    write(tmp_path, a_txt="cafe\u0301 ★★")
    given = CharVocabulary("acfé ", normalize="nfc")
    with pytest.raises(TextError, match=r"not in the vocabulary: 2 of the text's characters, 1 kind: '★' \(U\+2605\)"):
        read_corpus([str(tmp_path)], vocabulary=given)
    extended = read_corpus([str(tmp_path)], vocabulary=given, extend=True)
    assert extended.vocabulary == CharVocabulary("acfé ★", normalize="nfc")
    assert text_of(extended) == "café ★★"
    with_rare = CharVocabulary("acf\ufffd", has_rare=True)
    assert text_of(read_corpus([str(tmp_path)], vocabulary=with_rare)) == "caf" + "\ufffd" * 5
    byte = read_corpus([str(tmp_path)], vocabulary=ByteVocabulary("nfc"))
    assert bytes(byte.ids.tolist()).decode() == "café ★★"


# The cache


@pytest.fixture
def verse(tmp_path: Path) -> Path:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8", newline="")
    return tmp_path / "verse.txt"


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How far readings came that did not take their text from the cache."""
    seen: list[int] = []

    def make_and_note(unit: str) -> CharTally | ByteTally:
        seen.append(1)
        return make_tally(unit)

    monkeypatch.setattr(corpus_module, "make_tally", make_and_note)
    return seen


def test_a_large_text_is_encoded_once(monkeypatch: pytest.MonkeyPatch, small: None, verse: Path, cached: Path) -> None:
    seen = reads(monkeypatch)
    first, second = (read_corpus([str(verse)]) for _ in range(2))
    assert len(seen) == 1
    assert len(listed(cached)) == 1
    assert text_of(second) == VERSE
    for name in ("names", "skipped", "findings", "digest", "vocabulary"):
        assert getattr(first, name) == getattr(second, name)
    monkeypatch.setattr(corpus_module, "IN_MEMORY", 2**30)
    assert corpus_of(VERSE).digest == first.digest, "the digest does not tell where the ids lie"
    moved = verse.rename(verse.with_name("moved.txt"))
    assert read_corpus([str(moved)]).names == ("moved.txt",)
    assert len(seen) == 2


def test_a_small_text_stays_out_of_the_cache(verse: Path, cached: Path) -> None:
    read_corpus([str(verse)])
    assert listed(cached) == []


@pytest.mark.parametrize(
    "other",
    [
        DataConfig(encoding="latin-1"), DataConfig(errors="replace"), DataConfig(newlines="lf"), DataConfig(normalize="nfc"),
        DataConfig(unit="byte"), DataConfig(min_count=2),
    ],
    ids=str,
)  # fmt: skip
def test_other_settings_are_another_entry(
    monkeypatch: pytest.MonkeyPatch, small: None, verse: Path, cached: Path, other: DataConfig
) -> None:
    seen = reads(monkeypatch)
    for data in (DataConfig(), other, DataConfig(validation=0.5, test=7)):
        read_corpus([str(verse)], data)
    assert len(seen) == len(listed(cached)) == 2


def test_other_content_or_another_vocabulary_is_another_entry(
    monkeypatch: pytest.MonkeyPatch, small: None, verse: Path
) -> None:
    seen = reads(monkeypatch)
    before = read_corpus([str(verse)])
    verse.write_text(VERSE.replace("wall", "ball"), encoding="utf-8", newline="")
    after = read_corpus([str(verse)])
    assert "ball" in text_of(after)
    assert before.digest != after.digest
    read_corpus([str(verse)], vocabulary=after.vocabulary)
    read_corpus([str(verse)], vocabulary=after.vocabulary, extend=True)
    assert len(seen) == 4


def test_a_text_that_changes_later_does_not_change_what_was_read(small: None, verse: Path) -> None:
    corpus = read_corpus([str(verse)])
    verse.write_text("something else", encoding="utf-8")
    assert text_of(corpus) == VERSE
    verse.unlink()
    assert text_of(corpus) == VERSE


def test_a_text_that_changes_while_it_is_read_is_not_cached_as_what_it_was(
    monkeypatch: pytest.MonkeyPatch, small: None, verse: Path, cached: Path
) -> None:
    def change(done: int, total: int | None) -> None:
        with verse.open("a", encoding="utf-8") as file:
            file.write("and one more line\n" if done < 500 else "")

    corpus = read_corpus([str(verse)], progress=change)
    assert text_of(corpus).startswith(VERSE)
    assert listed(cached) == []
    assert "and one more line" in text_of(read_corpus([str(verse)]))


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_entry_is_found_and_encoded_anew(small: None, verse: Path, cached: Path, seed: int) -> None:
    expected = read_corpus([str(verse)])
    (entry,) = listed(cached)
    draw, data = random.Random(seed), bytearray(entry.read_bytes())
    if seed % 3:
        at = draw.randrange(len(data) * 8)
        data[at // 8] ^= 1 << at % 8
        entry.write_bytes(data)
    else:
        entry.write_bytes(data[: draw.randrange(len(data))])
    again = read_corpus([str(verse)])
    assert again.findings.damaged
    assert (text_of(again), again.digest) == (VERSE, expected.digest)
    assert not read_corpus([str(verse)]).findings.damaged


@pytest.mark.parametrize("at", [97, 1500, len(VERSE)])
def test_an_interrupted_reading_leaves_nothing(small: None, verse: Path, cached: Path, at: int) -> None:
    def interrupt(done: int, total: int | None) -> None:
        assert total == len(VERSE)
        if done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus([str(verse)], progress=interrupt)
    assert listed(cached) == []


def test_an_error_in_the_middle_leaves_nothing(small: None, verse: Path, cached: Path) -> None:
    with verse.open("ab") as file:
        file.write(b"\xff")
    with pytest.raises(TextError, match=f"0xff at offset {len(VERSE):,}"):
        read_corpus([str(verse)])
    assert listed(cached) == []


def test_where_the_cache_takes_nothing_a_large_text_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch, small: None, verse: Path, cached: Path, tmp_path: Path
) -> None:
    whole = read_corpus([str(verse)])
    texts = tmp_path / "cache" / "charlstm" / "texts"
    texts.parent.mkdir(parents=True)
    texts.touch()  # a file
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for spare in (tmp_path, verse):
        monkeypatch.setattr("tempfile.tempdir", str(spare))
        corpus = read_corpus([str(verse)])
        assert (corpus.digest, corpus.ids.tolist()) == (whole.digest, whole.ids.tolist())
        assert isinstance(corpus.ids, np.memmap) == (spare == tmp_path), "in the folder for temporary files, else in memory"
        assert corpus.findings.unkept.startswith(f"can't write the encoded text to {texts}")
    assert not list(tmp_path.glob("charlstm-*/texts/*")), "it is gone with who needs it"
    monkeypatch.setattr(corpus_module, "MOST_IN_MEMORY", 100)
    with pytest.raises(SaveError, match="let XDG_CACHE_HOME name another folder"):
        read_corpus([str(verse)])
    monkeypatch.setenv("XDG_CACHE_HOME", str(cached.parent.parent / "another"))
    assert read_corpus([str(verse)]).digest == whole.digest, "as the error says"


@pytest.mark.parametrize("room", [700, 1500, 2600])
def test_a_cache_that_is_full_at_some_moment_loses_nothing(
    small: None, verse: Path, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """The limit holds for the folder for temporary files too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    whole = read_corpus([str(verse)])
    with file_size_limit(room):
        corpus = read_corpus([str(verse)], DataConfig(separator="other"))
    assert corpus.ids.tolist() == whole.ids.tolist()
    assert "No space left" in corpus.findings.unkept
    assert len(listed(cached)) == 1


LARGE = """if True:
    import sys
    from charlstm.text import corpus
    from charlstm.text import decoding, joining
    corpus.IN_MEMORY, decoding.PIECE, joining.in_pieces = 500, 97, lambda texts: texts
    def progress(done, total):
        if done > 3000 and len(sys.argv) > 2:
            print("reading", flush=True)
            sys.stdin.read()
    print(corpus.read_corpus([sys.argv[1]], progress=progress).digest)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_killed_reading_leaves_no_broken_entry(small: None, verse: Path, cached: Path) -> None:
    command = [sys.executable, "-c", LARGE, str(verse), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        process.kill()
    corpus = read_corpus([str(verse)])
    assert (text_of(corpus), corpus.findings.damaged) == (VERSE, False)
    assert [path.suffix for path in listed(cached)] == [".ids"]


def test_several_processes_may_encode_the_same_text(small: None, verse: Path, cached: Path) -> None:
    command = [sys.executable, "-c", LARGE, str(verse)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    digests = {process.communicate()[0].decode().strip() for process in running}
    assert digests == {read_corpus([str(verse)]).digest}
    assert [path.suffix for path in listed(cached)] == [".ids"]


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gz", "plain"])
def test_a_compressed_text_is_the_same_text(
    monkeypatch: pytest.MonkeyPatch, small: None, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    seen = reads(monkeypatch)
    file = tmp_path / ("v.txt.gz" if pack is gzip.compress else "v.txt")
    file.write_bytes(pack(VERSE.encode()))
    assert {read_corpus([str(file)]).digest for _ in range(2)} == {corpus_of(VERSE).digest}
    assert len(seen) == 2


def test_a_named_empty_file_is_refused_though_its_folder_is_cached(small: None, verse: Path) -> None:
    (verse.parent / "z.txt").write_bytes(b"")
    assert read_corpus([str(verse.parent)]).skipped == ("z.txt",)
    with pytest.raises(TextError, match=r"z\.txt is empty"):
        read_corpus([str(verse), str(verse.parent / "z.txt")])


@pytest.mark.parametrize(
    ("validation", "test", "begin", "end"),
    [
        (0.1, 0, 1_003_854, 1_115_394),
        (0.5, 0, 557_697, 1_115_394),
        (111_540, 0, 1_003_854, 1_115_394),
        (0.1, 0.1, 892_314, 1_003_854),
        (1, 1, 1_115_392, 1_115_393),
        (5_000, 0.5, 552_697, 557_697),
    ],
)
def test_the_split_is_the_fields(validation: float, test: float, begin: int, end: int) -> None:
    data = DataConfig(validation=validation, test=test)
    assert corpus_of("a" * 1_115_394).split(data) == (begin, end)


def test_a_test_part_leaves_the_sizes_of_the_others() -> None:
    corpus = corpus_of("a" * 1_000)
    begin, end = corpus.split(DataConfig(validation=0.1, test=200))
    assert end - begin == 1_000 - corpus.split(DataConfig(validation=0.1))[0]


@pytest.mark.parametrize("data", [DataConfig(validation=700, test=300), DataConfig(validation=0.5, test=0.5)], ids=str)
def test_parts_that_leave_nothing_are_both_named(data: DataConfig) -> None:
    parts = rf"data\.validation = {data.validation} and data\.test = {data.test} leave 0 to learn from, and the minimum is 1$"
    with pytest.raises(TextError, match=rf"the text has 1,000 characters; {parts}"):
        corpus_of("a" * 1_000).split(data)


def test_bytes_are_counted_as_bytes() -> None:
    data = DataConfig(unit="byte", validation=3, test=4)
    assert corpus_of("é" * 10, data).split(data) == (13, 16)


def test_the_caches_folder_is_the_users(cached: Path) -> None:
    assert TextCache().folder == cached


@pytest.mark.parametrize("normalize", ["none", "nfc"])
def test_characters_that_a_vocabulary_lacks_may_be_left_out_and_are_counted(tmp_path: Path, normalize: str) -> None:
    text = "ab★c\u00e9d★\n" * 50
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    vocabulary = CharVocabulary("abcd\n\U0001f600", normalize)
    corpus = read_corpus([str(tmp_path / "a.txt")], vocabulary=vocabulary, skip_unknown=True)
    assert corpus.vocabulary == vocabulary
    assert vocabulary.decode(corpus.ids.tolist()) == "abcd\n" * 50
    assert corpus.findings.unknown == 150
    assert read_corpus([str(tmp_path / "a.txt")], vocabulary=ByteVocabulary(), skip_unknown=True).findings.unknown == 0
