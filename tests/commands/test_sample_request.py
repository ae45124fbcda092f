from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from charlstm.cli.wording import said
from charlstm.commands.sample_request import MOST_PRIME, SampleOptions
from charlstm.errors import CharlstmError
from charlstm.sampling.request import SampleRequest


def options_of(**values: object) -> SampleOptions:
    """Those of the request and those beside it alike by their names."""
    request = {key: value for key, value in values.items() if key in SampleRequest.__dataclass_fields__}
    beside = {key: value for key, value in values.items() if key not in request}
    return SampleOptions(Path("model"), SampleRequest(**request), **beside)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"forever": True, "given": {"length": 9}}, ["--forever", "--length"]),
        ({"forever": True, "count": 2}, ["--forever", "--count"]),
        ({"forever": True, "as_json": True}, ["--forever", "--json"]),
        ({"forever": True, "beam": 2}, ["--forever", "--beam"]),
        ({"forever": True, "require": "a"}, ["--forever", "--require"]),
        ({"forever": True, "output": "f"}, ["--forever", "--output"]),
        ({"prime_file": "f", "given": {"prime": "a"}}, ["--prime-file", "--prime "]),
        ({"prime_file": "f", "is_prime_piped": True}, ["--prime-file", "--prime "]),
        ({"beam": 2, "seed": 1}, ["--beam", "--seed"]),
        ({"beam": 2, "count": 1}, ["--beam", "--count"]),
        ({"beam": 2, "require": "a"}, ["--beam", "--require"]),
        ({"beam": 2, "as_json": True, "logprobs": 1}, ["--beam", "--logprobs"]),
        *(
            ({"beam": 2, "given": {key: 0.5}}, ["--beam", f"--{key.replace('_', '-')}"])
            for key in ("temperature", "top_k", "top_p", "min_p", "typical_p")
        ),
        ({"as_json": True, "no_prime": True}, ["--json", "--no-prime"]),
        ({"as_json": True, "separator": "", "count": 2}, ["--json", "--separator"]),
        ({"as_json": True, "raw": True}, ["--json", "--raw"]),
        ({"logprobs": 1}, ["--logprobs", "--json"]),
        ({"tries": 1}, ["--tries", "--require"]),
        ({"separator": "x"}, ["--separator", "--count"]),
        ({"separator": "x", "count": 2, "output": "{}"}, ["--separator", "--output"]),
        ({"seed": -1}, ["--seed -1", "at least 0"]),
        ({"count": 0}, ["--count 0", "at least 1"]),
        ({"count": 10**10}, ["--count", "at most 1,000,000,000"]),
        ({"tries": 0, "require": "a"}, ["--tries 0", "at least 1"]),
        ({"beam": 0}, ["--beam 0", "at least 1"]),
        ({"as_json": True, "logprobs": -1}, ["--logprobs -1", "at least 0"]),
        ({"given": {"prime": ""}}, ["--prime is empty"]),
        ({"given": {"stop": ("",)}}, ["sample.stop", "at least one character"]),
        ({"given": {"length": 5, "min_length": 6}}, ["min_length", "6", "5"]),
        ({"given": {"top_p": 0.0}}, ["top_p", "above 0"]),
        ({"given": {"ban": "a", "allow": "ab"}}, ["ban", "allow", "'a'"]),
        ({"given": {"bias": ("e",)}}, ["bias", "CHAR=NUMBER"]),
        ({"require": "(a"}, ["--require '(a'", "regular expression"]),
        ({"require": "(?P<a\n"}, ["--require", "regular expression"]),
        ({"require": "a" * 9 + "{99999999999999999999}"}, ["--require", "regular expression"]),
        ({"blend": ["runs/x"]}, ["--blend", "MODEL:WEIGHT"]),
        ({"output": "none/text.txt"}, ["--output none/text.txt: ", "no folder 'none'"]),
        ({"output": "none{}/text.txt"}, ["no folder 'none0'"]),
        ({"output": "."}, ["--output .: ", "not a file"]),
        ({"output": "x" * 300}, ["--output"]),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_found_before_a_model_is_loaded(
    options: dict[str, object], parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CharlstmError) as raised:
        options_of(**options)
    for part in parts:
        assert part in said(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"forever": True, "given": {"stop": ("a",), "min_length": 700}, "no_prime": True, "raw": True},
        {"given": {"min_length": 700}},  # the run's own length may be more
        {"count": 3, "separator": "", "output": "text.txt", "require": "a", "tries": 3},
        {"as_json": True, "logprobs": 0, "count": 2, "output": "{:03}.json", "seed": 2**70},
        {"beam": 3, "given": {"length": 5, "ban": "a", "repetition_penalty": 1.2}, "as_json": True},
        {"blend": ["c:/other:0.5"]},
    ],
    ids=str,
)
def test_what_can_be_had_together(options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options_of(**options)


def test_primes_from_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prime.txt"
    file.write_bytes("\ufeffé\r\nend\n".encode())
    assert options_of().read_prime() is None
    assert options_of(given={"prime": "text"}).read_prime() is None
    assert options_of(prime_file=str(file)).read_prime() == "é\r\nend\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert options_of(is_prime_piped=True).read_prime() == "from a pipe"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (None, ["can't read the prime", "No such file"]),
        (b"", ["is empty"]),
        (b"caf\xe9", ["is not UTF-8: byte 0xe9 at offset 3", "cp1252"]),
        (b"a" * (MOST_PRIME + 1), ["more than 1,048,576 bytes", "its end"]),
        ("é".encode() * (MOST_PRIME // 2) + "é".encode(), ["more than 1,048,576 bytes"]),  # cut within a character
    ],
    ids=["none", "empty", "latin-1", "long", "cut"],
)
def test_primes_that_cannot_be_used(tmp_path: Path, content: bytes | None, parts: list[str]) -> None:
    file = tmp_path / "prime.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CharlstmError) as raised:
        options_of(prime_file=str(file)).read_prime()
    for part in ["prime.txt", *parts]:
        assert part in str(raised.value)


CURLY = "The “café” is open, it’s said"


@pytest.mark.parametrize(
    ("data", "reading", "text"),
    [
        (CURLY.encode("cp1252"), {"encoding": "cp1252"}, CURLY),
        (CURLY.encode("utf-16"), {}, CURLY),
        (b"caf\xe9", {"errors": "ignore"}, "caf"),
    ],
    ids=["named", "marked", "errors"],
)
def test_primes_in_another_encoding(tmp_path: Path, data: bytes, reading: dict[str, str], text: str) -> None:
    file = tmp_path / "prime.txt"
    file.write_bytes(data)
    assert options_of(prime_file=str(file), reading=reading).read_prime() == text
    assert options_of(primes_file=str(file), reading=reading).read_primes() == (text,)


def test_what_a_prime_is_said_to_be_encoded_in_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "prime.txt"
    file.write_bytes(CURLY.encode("cp1252"))
    for read in (options_of(prime_file=str(file)).read_prime, options_of(primes_file=str(file)).read_primes):
        with pytest.raises(CharlstmError) as raised:
            read()
        assert said(raised.value).endswith("name its encoding (probably --encoding cp1252)")


def test_a_prime_may_be_in_another_encoding_than_the_text_it_is_compared_with(tmp_path: Path) -> None:
    (tmp_path / "prime.txt").write_text(CURLY, encoding="utf-8")
    (tmp_path / "corpus.txt").write_bytes(CURLY.encode("cp1252"))
    options = options_of(
        prime_file=str(tmp_path / "prime.txt"), novelty=[str(tmp_path / "corpus.txt")], reading={"encoding": "cp1252"}
    )
    assert options.read_prime() == CURLY


def test_a_model_of_bytes_starts_from_any(tmp_path: Path) -> None:
    file = tmp_path / "prime"
    file.write_bytes(b"\x00\xff\xfe\x01" * 9)
    assert str(options_of(prime_file=str(file)).read_prime("byte")).encode("utf-8", "surrogateescape") == file.read_bytes()
    with pytest.raises(CharlstmError, match="is a binary file"):
        options_of(prime_file=str(file)).read_prime()


def test_an_encoding_without_anything_to_read() -> None:
    with pytest.raises(CharlstmError) as raised:
        options_of(given={"prime": "a"}, reading={"encoding": "cp1252"})
    assert said(raised.value).startswith("--encoding does nothing without --novelty or --prime-file or --primes")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_a_prime_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(CharlstmError, match="more than"):
        options_of(prime_file="/dev/zero").read_prime()


@pytest.mark.parametrize(
    ("output", "has_file_each", "names"),
    [
        ("text.txt", False, ["text.txt", "text.txt"]),
        ("{}.txt", True, ["0.txt", "12.txt"]),
        ("{:03}/{}.txt", True, ["000/0.txt", "012/12.txt"]),
        ("{:04}", True, ["0000", "0012"]),
    ],
)
def test_names_of_files(
    output: str, has_file_each: bool, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "000").mkdir()
    asked = options_of(output=output)
    assert asked.has_file_each == has_file_each
    assert [asked.place(0), asked.place(12)] == [Path(name) for name in names]


@pytest.mark.parametrize("output", ["{:3}.txt", "{name}.txt", "{", "a}", "{0.__class__}", "{:>9}", "{{}}"])
def test_braces_that_stand_for_nothing(output: str) -> None:
    with pytest.raises(CharlstmError, match="braces stand for a text's number"):
        options_of(output=output)


@pytest.mark.skipif(sys.platform == "win32", reason="devices are POSIX's")
def test_a_device_is_a_place_and_a_folder_is_none(tmp_path: Path) -> None:
    """It is written to, and not replaced by a file."""
    assert options_of(output="/dev/null").place(0) == Path("/dev/null")
    with pytest.raises(CharlstmError, match="not a file"):
        options_of(output=str(tmp_path))
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(CharlstmError, match=r"(?i)too many levels of symbolic links"):
        options_of(output=str(tmp_path / "circle"))


def test_separators_understand_a_few_escapes() -> None:
    assert options_of().between == "\n---\n"
    assert options_of(count=2, separator=r"\n\t\0\\n\x").between == "\n\t\0\\n\\x"
