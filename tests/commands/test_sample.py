"""`charlstm sample` as a black box, with a model that has learned nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from charlstm.cli import main
from charlstm.config import load_config
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary, Vocabulary

SYMBOLS = "abcdefgh\n"
COMMAND = [sys.executable, "-m", "charlstm", "sample"]


def save(path: Path, vocabulary: Vocabulary, *settings: str, seed: int = 3) -> None:
    sizes = ("model.embedding_size=8", "model.hidden_size=16", "sample.prime=ab", "sample.length=40", *settings)
    config = load_config(None, sizes)
    model = CharLSTM(vocabulary.size, config.model, torch.Generator().manual_seed(seed))
    save_model(path, SavedModel(model, vocabulary, config, Facts(1, 1, 1)))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    save(folder / "m", CharVocabulary(SYMBOLS))
    save(folder / "other", CharVocabulary(SYMBOLS), seed=4)
    save(folder / "stars", CharVocabulary(SYMBOLS + "★"))
    save(folder / "bytes", ByteVocabulary())
    return folder


Sample = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sample(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Sample:
    """A command line's exit code, standard output and standard error; `tmp_path` is where it runs."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, model: str = "m") -> tuple[int, str, str]:
        capfdbinary.readouterr()
        code = main(["sample", str(folder / model), *arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def texts(sample: Sample, *arguments: str) -> list[str]:
    code, out, err = sample(*arguments)
    assert (code, err) == (0, "")
    return out.split("\n---\n")


def lines(sample: Sample, *arguments: str, model: str = "m") -> list[dict[str, object]]:
    def strict(name: str) -> None:
        raise AssertionError(name)

    code, out, err = sample(*arguments, "--json", model=model)
    assert (code, err) == (0, "")
    return [json.loads(line, parse_constant=strict) for line in out.splitlines()]


def test_text_i_is_the_same_whatever_the_count_and_has_its_own_seed(sample: Sample) -> None:
    alone = [sample("--seed", str(7 + i), "--stop", "ab", "--stop", "c")[1] for i in range(4)]
    for count in (1, 2, 4):
        assert texts(sample, "--seed", "7", "--count", str(count), "--stop", "ab", "--stop", "c") == alone[:count]


def test_controls_as_flags_and_in_a_file(sample: Sample, tmp_path: Path) -> None:
    flags = ("--ban", "ab", "--bias", "c=2", "--bias", "d=1", "--top-p", "0.9", "--min-p", "0.01", "--typical-p", "0.95",
             "--repetition-penalty", "1.2", "--penalty-window", "9", "--no-repeat-ngram", "4", "--top-k", "6",
             "--temperature", "0.9", "--stop", "cc", "--max-length", "60", "--min-length", "5")  # fmt: skip
    (tmp_path / "c.toml").write_text(
        '[sample]\nban = "ab"\nbias = ["c=2", "d=1"]\ntop_p = 0.9\nmin_p = 0.01\ntypical_p = 0.95\nrepetition_penalty = 1.2\n'
        'penalty_window = 9\nno_repeat_ngram = 4\ntop_k = 6\ntemperature = 0.9\nstop = "cc"\nlength = 60\nmin_length = 5\n',
        encoding="utf-8",
    )
    (one,), (two,) = texts(sample, "--seed", "3", *flags), texts(sample, "--seed", "3", "--config", "c.toml")
    assert one == two
    assert not set("ab") & set(one[2:])
    assert set(texts(sample, "--allow", "de", "--no-prime")[0]) <= {"d", "e"}


def test_stopping_at_a_newline(sample: Sample) -> None:
    found = texts(sample, "--count", "9", "--no-prime", "--stop-at-newline", "--seed", "0")
    assert len(found) == 9
    assert not any("\n" in text for text in found)
    (longer,) = texts(sample, "--stop-at-newline", "--stop", "h", "--min-length", "20", "--no-prime", "--seed", "0")
    assert len(longer) >= 20


def test_a_text_may_be_empty(sample: Sample) -> None:
    everything = [part for symbol in SYMBOLS for part in ("--stop", symbol)]
    assert sample("--count", "3", *everything) == (0, "ab\n---\nab\n---\nab", "")
    assert [line["text"] for line in lines(sample, "--count", "3", *everything)] == [""] * 3


def test_json_says_all_of_a_text(sample: Sample) -> None:
    found = lines(sample, "--count", "5", "--seed", "3", "--stop", "ab", "--prime", "ba")
    expected = texts(sample, "--count", "5", "--seed", "3", "--stop", "ab", "--prime", "ba", "--no-prime")
    assert [line["text"] for line in found] == expected
    assert [line["seed"] for line in found] == [3, 4, 5, 6, 7]
    for line in found:
        assert set(line) == {
            *("prime", "text", "seed", "stop_reason", "stop", "characters", "seconds", "characters_per_second"),
        }
        assert line["prime"] == "ba"
        assert line["characters"] == len(str(line["text"]))
        assert (line["stop_reason"], line["stop"]) in [("stop", "ab"), ("length", None)]
        assert (line["stop_reason"] == "length") == (line["characters"] == 40)


def test_json_with_log_probabilities(sample: Sample) -> None:
    (line,) = lines(sample, "--logprobs", "2", "--stop", "c", "--seed", "4")
    logprobs = line["logprobs"]
    assert isinstance(logprobs, list)
    assert "".join(entry["character"] for entry in logprobs) == line["text"]
    for entry in logprobs:
        one, two = entry["top_logprobs"]
        assert 0 > one["logprob"] >= two["logprob"]
        assert entry["logprob"] <= one["logprob"]
    (line,) = lines(sample, "--logprobs", "0", "--length", "3", model="bytes")
    assert all(0 <= entry["byte"] < 256 and entry["top_logprobs"] == [] for entry in line["logprobs"])  # type: ignore[attr-defined]


def test_json_is_in_utf8_and_safe(sample: Sample) -> None:
    code, out, _ = sample("--json", "--prime", "★\n", "--length", "200", "--seed", "1", model="stars")
    assert code == 0
    assert out.count("\n") == 1
    assert '"prime": "★\\n"' in out


def test_texts_are_drawn_again_until_they_fit(sample: Sample) -> None:
    found = texts(sample, "--count", "4", "--seed", "2", "--no-prime", "--require", "^[^a]{5}")
    assert len(found) == 4
    assert all("a" not in text[:5] for text in found)
    code, out, err = sample("--require", "nothing like it", "--tries", "3")
    assert (code, out) == (1, "")
    assert err == (
        "charlstm: --require 'nothing like it': 0 of 1 texts fit, each drawn up to 3 times; "
        "give more --tries, another --seed, or a pattern that fits more\n"
    )


def test_those_that_fit_are_written_where_some_do_not(sample: Sample, tmp_path: Path) -> None:
    code, out, err = sample("--count", "20", "--seed", "2", "--no-prime", "--require", "^[a-d]", "--tries", "1")
    fit = out.split("\n---\n")
    assert code == 1
    assert 0 < len(fit) < 20
    assert f"{len(fit)} of 20 texts fit" in err
    (tmp_path / "kept.txt").write_text("kept", encoding="utf-8")
    assert sample("--require", "nothing like it", "--output", "kept.txt")[0] == 1
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "kept"


def test_files(sample: Sample, tmp_path: Path) -> None:
    whole = sample("--count", "3", "--seed", "2")[1]
    assert sample("--count", "3", "--seed", "2", "--output", "all.txt") == (0, "", "")
    assert (tmp_path / "all.txt").read_bytes().decode() == whole
    assert sample("--count", "3", "--seed", "2", "--output", "{:02}.txt") == (0, "", "")
    parts = [(tmp_path / f"0{i}.txt").read_bytes().decode() for i in range(3)]
    assert parts == whole.split("\n---\n")
    assert sample("--count", "3", "--seed", "2", "--separator", r"\0", "--output", "nul.txt")[0] == 0
    assert (tmp_path / "nul.txt").read_bytes().decode().split("\0") == parts
    assert sample("--count", "2", "--seed", "2", "--json", "--output", "{}.json")[0] == 0
    assert json.loads((tmp_path / "1.json").read_text(encoding="utf-8"))["seed"] == 3
    assert {path.name for path in tmp_path.iterdir()} == {
        *("all.txt", "00.txt", "01.txt", "02.txt", "nul.txt", "0.json", "1.json")
    }


def test_a_prime_from_a_file(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "prime.txt").write_text("abba\n", encoding="utf-8")
    assert sample("--prime-file", "prime.txt", "--seed", "2") == sample("--prime", "abba\n", "--seed", "2")
    (tmp_path / "prime.txt").write_text("★", encoding="utf-8")
    code, out, err = sample("--prime-file", "prime.txt", "--unknown", "skip")
    assert (code, out, err) == (2, "", "charlstm: no character of the prime '★' is known to the model\n")


def test_a_beam_finds_the_same_text_each_time_and_width_1_is_the_most_probable_character(sample: Sample) -> None:
    (greedy,) = texts(sample, "--temperature", "0")
    assert texts(sample, "--beam", "1") == [greedy]
    (line,) = lines(sample, "--beam", "3", "--ban", "a")
    assert sample("--beam", "3", "--ban", "a", "--no-prime")[1] == line["text"]
    assert line["beam"] == 3
    assert isinstance(line["logprob"], float)
    assert "seed" not in line


def test_blends(sample: Sample, folder: Path) -> None:
    alone = sample("--seed", "5")
    assert sample("--seed", "5", "--blend", f"{folder / 'm'}:2") == alone
    assert sample("--seed", "5", "--blend", f"{folder / 'other'}:1") != alone
    code, out, err = sample("--blend", f"{folder / 'stars'}:1")
    assert (code, out) == (2, "")
    assert "'★' (U+2605)" in err


def test_a_stop_text_that_cannot_occur_is_a_warning(sample: Sample) -> None:
    code, out, err = sample("--stop", "x", "--stop", "a", "--stop", r"b\n", "--seed", "1")
    assert code == 0
    assert out
    assert err.splitlines() == [
        "warning: the stop text 'x' can't occur: it has a character that is never written",
        "warning: the stop text 'b\\\\n' can't occur: it has a character that is never written; "
        "a shell's way to write a newline is $'\\n'",
    ]
    assert sample("--stop", "abcd", "--length", "3")[2] == (
        "warning: the stop text 'abcd' can't occur: it is longer than the text may be\n"
    )
    assert sample("--stop", "ab", "--length", "3", "--min-length", "1")[2] == ""


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--ban", "★"], "★"),
        (["--ban", SYMBOLS], "leaves no character"),
        (["--forever", "--count", "2"], "--forever and --count contradict"),
        (["--min-length", "41"], "sample.min_length = 41: more than sample.length = 40"),
        (["--prime-file", "nowhere"], "can't read the prime from 'nowhere'"),
        (["--stop", ""], "sample.stop"),
        (["--blend", "nowhere:1"], "no such model: nowhere"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(sample: Sample, arguments: list[str], part: str) -> None:
    code, out, err = sample(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("charlstm: ")
    assert part in err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close otherwise there")
def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    for arguments in (["--forever"], ["--count", "100000"], ["--count", "100000", "--json"]):
        with subprocess.Popen(
            [*COMMAND, "m", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert len(process.stdout.read(50)) == 50
            process.stdout.close()
            assert process.stderr.read() == b""


ANNOUNCED = """if True:
    import sys
    from charlstm.cli import main
    from charlstm.sampling import job

    generate = job.generate_completions

    def announcing(*arguments, accept, **more):
        def announced(text):
            print("at work", file=sys.stderr, flush=True)
            return accept(text)

        return generate(*arguments, accept=announced, **more)

    job.generate_completions = announcing
    sys.exit(main(sys.argv[1:]))
"""
"""The program, which says when it begins to look whether a text is accepted."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_stops_a_text_without_an_end_and_a_pattern_that_takes_forever(folder: Path) -> None:
    catastrophe = ["--length", "60", "--allow", "a", "--require", "(a|a)+b"]
    announcing = [sys.executable, "-c", ANNOUNCED, "sample"]
    for command, has_pattern in (([*COMMAND, "m", "--forever"], False), ([*announcing, "m", *catastrophe], True)):
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        if has_pattern:
            assert process.stderr.readline() == b"at work\n"
            time.sleep(0.1)
        else:
            assert os.read(process.stdout.fileno(), 2) == b"ab"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, b"charlstm: stopped\n")


def test_writing_on_a_cpu_imports_no_torch_and_in_the_end_no_onnx(folder: Path, tmp_path: Path) -> None:
    code = "import sys; from charlstm.cli import main; code = main(sys.argv[1:]); sys.stdout.flush(); "
    code += "print({'torch', 'onnx', 'rich'} & set(sys.modules), file=sys.stderr); sys.exit(code)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, "sample", str(folder / "m"), "--count", "2", "--json", "--seed", "1"]
    first, second = (subprocess.run(command, capture_output=True, env=environment, check=True) for _ in range(2))
    assert first.stderr == b"{'onnx'}\n"
    assert second.stderr == b"set()\n"
    texts = [[json.loads(line)["text"] for line in run.stdout.splitlines()] for run in (first, second)]
    assert texts[0] == texts[1]


def test_verbose_says_which_engine_was_taken_and_why(sample: Sample) -> None:
    code, out, err = sample("--verbose", "--seed", "3")
    assert code == 0
    assert "engine onnx, float32; for a model as small as this, 8 bits are no faster" in err
    assert out == sample("--seed", "3")[1]
    assert "engine onnx, int4; as asked" in sample("--precision", "int4", "--verbose")[2]
    assert "engine torch on cpu, float32" in sample("--engine", "torch", "--verbose")[2]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--engine", "torch", "--precision", "int8"], "--precision int8"),
        (["--engine", "onnx", "--device", "cuda"], "--engine onnx --device cuda"),
        (["--device", "abacus"], "abacus"),
        (["--engine", "abacus"], "abacus"),
        (["--precision", "int3"], "int3"),
    ],
)
def test_engines_that_contradict_what_is_asked_of_them(sample: Sample, arguments: list[str], part: str) -> None:
    code, out, err = sample(*arguments)
    assert (code, out) == (2, "")
    assert part in err
    assert err.count("\n") == 1
