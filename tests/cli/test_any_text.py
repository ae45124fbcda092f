"""Texts of every kind through the command line: what is said, and with which exit code it ends."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.config import DataConfig
from charlstm.runs.saved_model import load_model
from charlstm.text.corpus import Findings, read_corpus
from charlstm.text.vocabulary import to_bytes
from tests.conftest import TINY, VERSE

Result = subprocess.CompletedProcess[str]
QUICK = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]
CAFE = "café au lait, s\u2019il vous plaît\n" * 20


@pytest.fixture
def charlstm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        capfd.readouterr()
        code = main(list(arguments))
        return Result(arguments, code, *capfd.readouterr())

    return call


def symbols(run: str) -> str:
    return str(load_model(Path(run)).vocabulary.to_json()["symbols"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(charlstm: Callable[..., Result], encoding: str) -> None:
    Path("a.txt").write_bytes(CAFE.encode(encoding))
    assert charlstm("train", "a.txt", "--run", "r", *QUICK).returncode == 0
    assert symbols("r") == "".join(sorted(set(CAFE)))


def test_another_encoding_is_named_and_kept_in_the_run(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_bytes(CAFE.encode("cp1252"))
    refused = charlstm("train", "a.txt", "--run", "r", *QUICK)
    assert refused.returncode == 2
    assert refused.stderr == (
        "charlstm: a.txt is not UTF-8: byte 0xe9 at offset 3; name its encoding (probably --encoding cp1252)\n"
    )
    assert charlstm("train", "a.txt", "--encoding", "cp1252", "--run", "r", *QUICK).returncode == 0
    assert symbols("r") == "".join(sorted(set(CAFE)))
    assert charlstm("train", "--resume", "--run", "r", "--set", "train.max_steps=3").returncode == 0
    assert charlstm("eval", "r", "a.txt").returncode == 2
    scored = charlstm("eval", "r", "a.txt", "--encoding", "cp1252", "--json")
    assert json.loads(scored.stdout)["stateful"]["chars"] == len(CAFE) - 1
    replaced = charlstm("train", "a.txt", "--errors", "replace", "--run", "s", *QUICK)
    assert "were let pass, the first in a.txt, offset 3" in " ".join(replaced.stderr.split())
    assert "\ufffd" in symbols("s")


def test_line_ends(charlstm: Callable[..., Result]) -> None:
    Path("dos.txt").write_bytes(VERSE.replace("\n", "\r\n").encode())
    kept = charlstm("train", "dos.txt", "--run", "kept", *QUICK)
    assert kept.stderr.count(f"{VERSE.count(chr(10))} lines end in CRLF") == 1
    one = charlstm("train", "dos.txt", "--newlines", "lf", "--run", "one", *QUICK)
    assert "CRLF" not in one.stderr
    assert ("\r" in symbols("kept"), "\r" in symbols("one")) == (True, False)
    assert charlstm("eval", "one", "dos.txt").returncode == 0, "line ends are the model's"
    assert charlstm("eval", "one", "dos.txt", "--newlines", "keep").returncode == 2


def test_what_is_worth_a_note(charlstm: Callable[..., Result]) -> None:
    lines = "one\rtwo\rcafe\u0301\n\ufeffand more\r\n"
    Path("odd.txt").write_text(lines * 50, encoding="utf-8", newline="")
    noted = " ".join(charlstm("train", "odd.txt", "--run", "odd", *QUICK).stderr.split())
    for note in (
        "50 lines end in CRLF, which is kept; data.newlines=lf makes it one character",
        "100 lines end in CR alone, which is kept; data.newlines=lf makes it LF",
        "decomposed accents (NFD): 50; data.normalize=nfc makes one character of each and its letter",
        "50 byte order marks stand within the text (U+FEFF), as where files were joined",
    ):
        assert note in noted
    followed = charlstm("train", "odd.txt", "--newlines", "lf", "--normalize", "nfc", "--run", "plain", *QUICK)
    assert followed.stderr.count("note ") == 1, "the byte order marks are still there"


def test_utf16_without_a_mark_is_read_with_a_note(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_bytes(CAFE.encode("utf-16-le"))
    read = charlstm("train", "a.txt", "--run", "r", *QUICK)
    assert "1 file was read as UTF-16-LE, as the bytes tell" in read.stderr
    assert symbols("r") == "".join(sorted(set(CAFE)))


def test_the_encoding_that_is_named_reads_the_text_in_every_command(
    charlstm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "いろはにほへと、ちりぬるを。吾輩は猫である。\n" * 80
    Path("folder").mkdir()
    Path("folder/a.txt").write_text(text, encoding="utf-8")
    Path("folder/b.txt").write_bytes(text.encode("shift-jis"))
    mixed = charlstm("train", "folder", "--run", "none", *QUICK)
    assert mixed.stderr.startswith("charlstm: folder/b.txt is not UTF-8: byte 0x82 at offset 0; name its encoding (probably ")
    option = ("--encoding", "shift-jis")
    assert f"({' '.join(('probably', *option))})" in mixed.stderr
    assert charlstm("train", "folder/b.txt", "--run", "r", *option, *QUICK).returncode == 0
    for command in (
        ["eval", "r"],
        ["score", "r"],
        ["classify", "--model", "a=r", "--model", "b=r"],
        ["inspect", "r"],
        ["memory", "r", "--places", "2"],
    ):
        for source in ("folder/b.txt", "-"):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("shift-jis"))))
            refused = charlstm(*command, source)
            assert " ".join(option) in refused.stderr, command
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("shift-jis"))))
            assert charlstm(*command, source, *option).returncode == 0, command


def test_normalisation_is_the_models(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_text("cafe\u0301 and more\n" * 50, encoding="utf-8")
    assert charlstm("train", "a.txt", "--normalize", "nfc", "--run", "r", *QUICK).returncode == 0
    assert "é" in symbols("r")
    assert "\u0301" not in symbols("r")
    Path("moved").write_bytes(Path("r/last.safetensors").read_bytes())
    for prime in ("caf\u00e9", "cafe\u0301"):
        for more in ([], ["--unknown", "skip"]):
            assert charlstm("sample", "moved", "--prime", prime, "--length", "3", *more).returncode == 0
    assert charlstm("eval", "moved", "a.txt").returncode == 0


def test_rare_characters(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_text(VERSE + "★☆", encoding="utf-8")
    result = charlstm("train", "a.txt", "--run", "r", *QUICK, "--set", "data.min_count=2")
    assert "rare characters became U+FFFD" in result.stderr
    assert symbols("r") == "".join(sorted({c for c in VERSE if VERSE.count(c) > 1} | {"\ufffd"}))
    assert charlstm("sample", "r", "--prime", "日本", "--length", "3").returncode == 0
    assert charlstm("eval", "r", "a.txt").returncode == 0
    refused = charlstm("train", "a.txt", "--set", "data.min_count=2", "--set", "data.unit=byte")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_unknown_characters_are_counted_and_listed(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_text(VERSE, encoding="utf-8")
    Path("b.txt").write_text(VERSE + "★★☆", encoding="utf-8")
    charlstm("train", "a.txt", "--run", "r", *QUICK)
    refused = charlstm("eval", "r", "b.txt")
    assert refused.returncode == 2
    assert "3 of the text's characters, 2 kinds: '★' (U+2605), '☆' (U+2606)" in refused.stderr


def test_compressed_texts(charlstm: Callable[..., Result]) -> None:
    Path("a.txt.gz").write_bytes(gzip.compress(VERSE.encode()))
    assert charlstm("train", "a.txt.gz", "--run", "r", *QUICK).returncode == 0
    assert charlstm("eval", "r", "a.txt.gz").returncode == 0
    Path("b.txt.gz").write_bytes(gzip.compress(VERSE.encode())[:-9])
    refused = charlstm("train", "b.txt.gz")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "b.txt.gz is damaged: " in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["train", "a.txt", "--encoding", "utf-9"], "no such encoding of texts; did you mean utf_8?"),
        (["eval", "none", "a.txt", "--encoding", "hex"], "no such encoding of texts"),
        (["train", "a.txt", "--errors", "skip"], "--errors"),
        (["train", "--resume", "--newlines", "lf"], "leave out TEXT, --config, --overwrite, --from, --newlines"),
    ],
)
def test_wrong_options(charlstm: Callable[..., Result], arguments: list[str], part: str) -> None:
    Path("a.txt").write_text(VERSE, encoding="utf-8")
    result = charlstm(*arguments)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert part in result.stderr


LARGE = (  # a text that belongs on the disk
    "import sys; from charlstm import cli; from charlstm.text import corpus; "
    "corpus.IN_MEMORY = 500; sys.exit(cli.main(sys.argv[1:]))"
)


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_a_full_disk_under_the_cache_ends_in_exit_1_with_nothing_left(tmp_path: Path) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    (tmp_path / "a.txt").write_text(VERSE, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", LARGE, "train", "a.txt"],
        cwd=tmp_path,
        # Python would keep what fits of a module that it compiles here, and fail by it ever after.
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        preexec_fn=limit,
    )
    assert result.returncode == 1, result.stderr
    lines = result.stderr.splitlines()
    (warning,) = [line for line in lines if line.startswith(b"warning: ")]
    assert warning.startswith(b"warning: can't write the encoded text to "), "the text stays in memory"
    assert lines[-1].startswith(b"charlstm: can't write runs/a/resume.safetensors: "), "the run can't"
    assert not (tmp_path / "runs").exists()
    assert list((tmp_path / "cache" / "charlstm" / "texts").iterdir()) == []


WAV = (
    b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0" + bytes((i * 37) % 256 for i in range(3000)) + b"\r\n\n\r\xff\xfe"
)


@pytest.mark.parametrize("data", [WAV, b"\xff\xfe" + WAV, b"\xef\xbb\xbf" + WAV, WAV * 3 + "é".encode()[:1]])
def test_a_model_of_bytes_reads_any_file_as_it_is(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    corpus = read_corpus([str(tmp_path / "a.wav")], DataConfig(unit="byte"))
    assert corpus.ids.tobytes() == data
    assert to_bytes(corpus.vocabulary.decode(corpus.ids)) == data
    assert corpus.vocabulary.encode(corpus.vocabulary.decode(corpus.ids)).tobytes() == data
    assert corpus.findings == Findings()


def test_bytes_of_a_text_are_what_they_always_were(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + CAFE.encode())
    (tmp_path / "b.txt").write_bytes(CAFE.encode("utf-16"))
    for name in ("a.txt", "b.txt"):
        corpus = read_corpus([str(tmp_path / name)], DataConfig(unit="byte"))
        assert corpus.ids.tobytes() == CAFE.encode()
        assert corpus.vocabulary.to_json() == {"unit": "byte"}


def test_a_binary_file_through_every_command(charlstm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.wav").write_bytes(WAV)
    assert charlstm("train", "a.wav", "--run", "none", *QUICK).stderr == "charlstm: a.wav is a binary file, not text\n"
    trained = charlstm("train", "a.wav", "--run", "r", *QUICK, "--set", "data.unit=byte")
    assert trained.returncode == 0
    assert f"{len(WAV):,} bytes" in trained.stderr
    assert json.loads(charlstm("eval", "r", "a.wav", "--json").stdout)["stateful"]["chars"] == len(WAV) - 1
    scored = charlstm("score", "r", "a.wav", "--by", "document", "--json")
    assert json.loads(scored.stdout)["chars"] in (len(WAV), len(WAV) - 1)
    written = [charlstm("sample", "r", "--length", "300", "--seed", "1", "--output", f"{i}.bin").returncode for i in range(2)]
    assert written == [0, 0]
    made = Path("0.bin").read_bytes()
    assert made == Path("1.bin").read_bytes()
    assert len(made) > 300
    assert "\ufffd".encode() not in made
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out))
    assert main(["sample", "r", "--length", "300", "--seed", "1"]) == 0
    assert out.getvalue() == made
    monkeypatch.undo()


def test_one_is_said_as_one(charlstm: Callable[..., Result]) -> None:
    Path("a.txt").write_text("a" * 500, encoding="utf-8")
    said = charlstm("train", "a.txt", "--run", "r", *QUICK, "--set", "train.max_steps=1").stderr
    assert "· 1 symbol\n" in said
    assert "1 step, " in said
    assert "charlstm: the one step of this run is done: " in charlstm("train", "--resume", "--run", "r").stderr
