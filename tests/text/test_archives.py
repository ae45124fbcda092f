"""Archives are read like folders, and nothing in them does harm."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from charlstm.errors import TextError
from charlstm.text import archives
from charlstm.text.corpus import read_corpus
from charlstm.text.sources import find_sources
from tests.text.test_sources import PACK as PACK_ONE
from tests.text.test_sources import ZSTD, contents, zipped

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tbz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".txz": lzma.compress,
    ".tar.zst": PACK_ONE[".zst"],
    ".tzst": PACK_ONE[".zst"],
}


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def tarred(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return whole.getvalue()


FILES = [(member(name), name.encode()) for name in ("./b.txt", "a/c.txt", ".hidden", "__MACOSX/b.txt", "a/.DS_Store", "/d.txt")]


@pytest.mark.parametrize("suffix", PACK)
def test_members_are_sorted_and_hidden_ones_left_out(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"t{suffix.upper()}"
    file.write_bytes(PACK[suffix](tarred(FILES)))
    assert contents(file) == {
        f"{file}/{name}": content for name, content in {"a/c.txt": b"a/c.txt", "b.txt": b"./b.txt", "d.txt": b"/d.txt"}.items()
    }
    (source,) = find_sources([str(file)]).all
    assert source.names() == [f"{file.name}/{name}" for name in ("a/c.txt", "b.txt", "d.txt")]


def test_an_archive_is_the_same_text_as_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_IN_MEMORY", 10)  # on the disk meanwhile
    for name, content in (("b.txt", "bee"), ("a.txt", "ay")):
        (tmp_path / "texts").mkdir(exist_ok=True)
        (tmp_path / "texts" / name).write_text(content, encoding="utf-8")
    for suffix in ("tar", "tar.xz"):
        with tarfile.open(tmp_path / f"t.{suffix}", "w:xz" if suffix == "tar.xz" else "w") as archive:
            archive.add(tmp_path / "texts", "texts")
    digests = {read_corpus([str(tmp_path / name)]).digest for name in ("texts", "t.tar", "t.tar.xz")}
    assert len(digests) == 1


def test_links_and_devices_in_a_tar_are_never_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    odd = [
        (member("soft", tarfile.SYMTYPE, linkname=str(tmp_path / "secret.txt")), b""),
        (member("hard", tarfile.LNKTYPE, linkname="a.txt"), b""),
        (member("device", tarfile.CHRTYPE), b""),
        (member("pipe", tarfile.FIFOTYPE), b""),
        (member("folder", tarfile.DIRTYPE), b""),
        (member("../../up.txt"), b"up"),
    ]
    file = tmp_path / "t.tar"
    file.write_bytes(tarred([(member("a.txt"), b"ay"), *odd]))
    assert contents(file) == {f"{file}/a.txt": b"ay", f"{file}/up.txt": b"up"}
    (source,) = find_sources([str(file)]).all
    reasons = {"device": "no file", "hard": "a link", "pipe": "no file", "soft": "a link"}
    assert source.left_out() == [f"{file}/{name} ({reason})" for name, reason in reasons.items()]


def test_of_a_name_that_occurs_twice_the_last_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.tar"
    file.write_bytes(tarred([(member("a.txt"), b"old"), (member("./a.txt"), b"new")]))
    assert contents(file) == {f"{file}/a.txt": b"new"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_one_that_is_cut_short_is_damaged(tmp_path: Path, suffix: str) -> None:
    whole = PACK[suffix](tarred([(member(f"{i}.txt"), bytes([65 + i]) * 600) for i in range(3)]))
    file = tmp_path / f"t{suffix}"
    for size in (0, 1, 60, 300, 512, 1000, 1536, 3 * 1536):
        if size < len(whole):
            file.write_bytes(whole[:size])
            with pytest.raises(TextError, match=r"damaged: \S|is empty") as error:
                contents(file)
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_a_flipped_byte_never_loses_a_text_without_a_word(tmp_path: Path, suffix: str) -> None:
    file, texts = tmp_path / f"t{suffix}", {"a": b"a" * 300, "b": b"b" * 300}
    whole = tarred([(member(name), content) for name, content in texts.items()])
    plain = whole if suffix == ".tar" else PACK[suffix](whole)
    for at in range(0, min(len(plain), 2100), 7):
        file.write_bytes(plain[:at] + bytes([plain[at] ^ 0x5A]) + plain[at + 1 :])
        with warnings.catch_warnings(), suppress(TextError):
            warnings.simplefilter("ignore")
            assert len(contents(file)) == 2


def test_what_claims_a_size_below_zero_ends(tmp_path: Path) -> None:
    data = bytearray(tarred([(member("a"), b"a"), (member("b"), b"b")]))
    data[1024 + 124 : 1024 + 136] = b"\xff" * 10 + b"\xfc\x00"  # -1,024 bytes, so that the header of `a` would be next
    data[1024 + 148 : 1024 + 156] = b" " * 8
    data[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(data[1024:1536])
    (tmp_path / "t.tar").write_bytes(data)
    with pytest.raises(TextError, match=r"t\.tar is damaged: "):
        contents(tmp_path / "t.tar")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst", ".zst"])
def test_bombs_are_refused(tmp_path: Path, suffix: str) -> None:
    text = bytes(2**26)
    file = tmp_path / f"bomb{suffix}"
    file.write_bytes(PACK[suffix](tarred([(member("a"), text)])) if suffix != ".zst" else ZSTD.compress(text))
    with pytest.raises(TextError, match=r"bomb\S* grows to more than 200 times its size"):
        contents(file)


def test_sparse_files_count_as_what_they_grow_to(tmp_path: Path) -> None:
    info = member("a", tarfile.GNUTYPE_SPARSE)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % 2**32  # its real size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "t.tar").write_bytes(bytes(header) + bytes(1024))
    with pytest.raises(TextError, match="grows to more than 200 times its size"):
        contents(tmp_path / "t.tar")


def test_too_many_members_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    (tmp_path / "t.tar").write_bytes(tarred([(member(str(i)), b"x") for i in range(3)]))
    with pytest.raises(TextError, match=r"t\.tar has 3 members; the most is 2"):
        contents(tmp_path / "t.tar")
    (tmp_path / "empty.tar").write_bytes(tarred([]))
    with pytest.raises(TextError, match=r"no text in .*empty\.tar: the archive is empty"):
        contents(tmp_path / "empty.tar")


def test_a_run_in_an_archive_is_no_text(tmp_path: Path) -> None:
    run = {"runs/demo/config.toml": b"x", "runs/demo/samples.txt": b"=== step 1, epoch 1\n", "runs/demo/more/a.txt": b"y"}
    zipped(tmp_path / "t.zip", {**run, "a.txt": b"ay"})
    (tmp_path / "t.tar").write_bytes(
        tarred([(member(f"./{name}"), content) for name, content in {**run, "a.txt": b"ay"}.items()])
    )
    for name in ("t.zip", "t.tar"):
        corpus = read_corpus([str(tmp_path / name)])
        assert corpus.names == (f"{name}/a.txt",)
        assert corpus.left_out == (f"{tmp_path / name}/runs/demo (a run)",)
    zipped(tmp_path / "run.zip", {name.removeprefix("runs/demo/"): content for name, content in run.items()})
    with pytest.raises(TextError, match=r"no text in .*run\.zip: nothing there but .*run\.zip \(a run\)"):
        read_corpus([str(tmp_path / "run.zip")])
    (tmp_path / "b.txt").write_text("bee", encoding="utf-8")
    assert read_corpus([str(tmp_path)]).names == ("b.txt", "t.tar/a.txt", "t.zip/a.txt")


EPUB = {"mimetype": b"application/epub+zip", "META-INF/container.xml": b"<x/>", "one.xhtml": b"<p>Once</p>"}
DOCX = {"[Content_Types].xml": b"<x/>", "word/document.xml": b"<w:p>Once</w:p>"}
ODT = {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<text:p>Once</text:p>"}


@pytest.mark.parametrize(
    ("members", "what"),
    [(EPUB, "an EPUB"), (DOCX, "a Word document"), (ODT, "an OpenDocument file")],
    ids=["EPUB", "DOCX", "ODT"],
)
@pytest.mark.parametrize("name", ["my book.epub", "book.zip", "book"])
def test_a_document_is_known_by_what_is_in_it(tmp_path: Path, members: dict[str, bytes], what: str, name: str) -> None:
    file = tmp_path / "texts" / name
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        for inner, content in members.items():
            archive.writestr(inner, content)
    how = rf"make text of it first, such as with pandoc \S.*{name}'? -t plain -o text.txt"
    with pytest.raises(TextError, match=f"{name} is {what}, not text: {how}"):
        read_corpus([str(file)])
    (tmp_path / "texts" / "a.txt").write_text("ay", encoding="utf-8")
    corpus = read_corpus([str(tmp_path / "texts")])
    assert corpus.names == ("a.txt",)
    assert corpus.left_out + corpus.skipped
