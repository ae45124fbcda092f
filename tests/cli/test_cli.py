"""The program as a black box: what goes to standard output, what to standard error, and how it ends."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm import __version__
from charlstm.cli import main
from charlstm.runs.records import Record, Setback, StepRecord
from charlstm.runs.save_header import read_saved_step
from charlstm.runs.saved_model import load_model
from charlstm.views.training import TrainingView
from tests.conftest import TINY, VERSE, file_size_limit

COMMAND = [sys.executable, "-m", "charlstm"]
Result = subprocess.CompletedProcess[bytes]


def run(*arguments: str | Path, folder: Path, stdin: bytes | None = None) -> Result:
    """A command line in a process of its own: where the process itself matters, as each has to import torch."""
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=folder, capture_output=True, check=False, **source)


@pytest.fixture
def charlstm(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Result]:
    """The same within this process; what is piped in comes from a file, nothing from /dev/null."""

    def call(*arguments: str | Path, folder: Path, stdin: bytes | None = None) -> Result:
        monkeypatch.chdir(folder)
        piped = Path(os.devnull)
        if stdin is not None:
            piped = tmp_path_factory.mktemp("piped") / "stdin"
            piped.write_bytes(stdin)
        capfdbinary.readouterr()
        with piped.open(encoding="utf-8") as source:
            monkeypatch.setattr(sys, "stdin", source)
            code = main(list(map(str, arguments)))
        return Result(arguments, code, *capfdbinary.readouterr())

    return call


def settings(*more: str) -> list[str]:
    return [part for setting in (*TINY, *more) for part in ("--set", setting)]


FEW = [
    part
    for setting in ("train.max_steps=3", "train.batch_size=4", "train.seq_len=8", "track.curves=false")
    for part in ("--set", setting)
]
"""What --from leaves to be set."""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, filled_once: Callable[..., Path]) -> tuple[Path, Result]:
    """A folder with verse.txt and, trained on it from the command line, runs/verse; and what came of the command."""

    def train(folder: Path) -> None:
        (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
        result = run("train", "verse.txt", *settings(), folder=folder)
        (folder / "result.pickle").write_bytes(pickle.dumps(result))

    folder = tmp_path_factory.mktemp("cli") / "own"
    shutil.copytree(filled_once("verse", train), folder)
    return folder, pickle.loads((folder / "result.pickle").read_bytes())


@pytest.fixture
def folder(trained: tuple[Path, object]) -> Path:
    return trained[0]


STOPS = [(getattr(signal, name, 0), code) for name, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129))]


@contextmanager
def sent_to_itself(number: int, when: Callable[[], bool]) -> Iterator[None]:
    """A signal to this process once something has happened, at whatever the program is then at; it must have happened."""
    over, sent = threading.Event(), threading.Event()

    def send() -> None:
        while not when():
            if over.wait(0.01):
                return
        sent.set()
        os.kill(os.getpid(), number)

    before = signal.signal(number, lambda *_: None)  # what comes when the program has ended must not end the tests
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
        signal.signal(number, before)
    assert sent.is_set()


def assert_fails(result: Result, *parts: str, code: int = 2) -> None:
    message = result.stderr.decode()
    assert result.returncode == code, message
    assert result.stdout == b""
    assert message.startswith("charlstm: ")
    assert message.count("\n") == 1, message
    for part in parts:
        assert part in message


def test_train_says_all_on_stderr_and_leaves_a_run(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    said = result.stderr.decode()
    assert result.returncode == 0, said
    assert result.stdout == b""
    names = {p.name for p in (folder / "runs" / "verse").iterdir()}
    assert names == {
        "config.toml", "metrics.jsonl", "samples.txt", "best.safetensors", "last.safetensors", "resume.safetensors",
        "resume.prev.safetensors", ".lock",
    }  # fmt: skip
    for part in (f"{len(VERSE):,} characters", "parameters", "cpu", "epoch 1", "epoch 2", "best", "best.safetensors"):
        assert part in said
    assert "\x1b" not in said and "\r" not in said, "plain lines where stderr is no terminal"  # noqa: PT018
    assert all(len(line) <= 80 for line in said.splitlines() if not line.startswith(("next: ", "to try: ")))


def test_the_command_that_training_ends_with_works(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    command = result.stderr.decode().partition("next: ")[2]
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.decode()) == 501


def test_sample_writes_text_to_stdout_alone_and_the_seed_decides_it(charlstm: Callable[..., Result], folder: Path) -> None:
    arguments = ("sample", "runs/verse", "--prime", "green", "--length", "40", "--top-k", "5", "--seed", "7")
    one, two = (charlstm(*arguments, folder=folder) for _ in range(2))
    assert one.stderr == b""
    assert one.stdout == two.stdout
    assert one.stdout.startswith(b"green")
    assert len(one.stdout.decode()) == 45


def test_a_model_file_alone_is_enough(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "model.safetensors"
    moved.write_bytes((folder / "runs" / "verse" / "best.safetensors").read_bytes())
    result = charlstm("sample", moved, "--no-prime", "--length", "5", "--temperature", "0", folder=tmp_path)
    assert result.returncode == 0
    assert len(result.stdout.decode()) == 5
    result = charlstm("info", moved, "--json", folder=tmp_path)
    assert json.loads(result.stdout)["vocabulary"]["symbols"] == "".join(sorted(set(VERSE)))


def test_sample_takes_settings_from_a_file_and_flags_come_first(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[sample]\nprime = "bottle"\nlength = 30\n', encoding="utf-8")
    result = charlstm("sample", "runs/verse", "--config", file, "--length", "3", folder=folder)
    assert result.stdout.startswith(b"bottle")
    assert len(result.stdout) == 9


def test_an_unknown_prime_is_named_or_skipped(charlstm: Callable[..., Result], folder: Path) -> None:
    assert_fails(charlstm("sample", "runs/verse", "--prime", "a★", folder=folder), "'★' (U+2605)", "--unknown skip")
    result = charlstm("sample", "runs/verse", "--prime", "a★", "--unknown", "skip", "--length", "1", folder=folder)
    assert result.returncode == 0
    assert result.stdout.decode().startswith("a")


def test_eval_by_both_protocols(charlstm: Callable[..., Result], folder: Path) -> None:
    result = charlstm("eval", "runs/verse", "verse.txt", "--json", folder=folder)
    scores = json.loads(result.stdout)
    assert {name: score["chars"] for name, score in scores.items()} == dict.fromkeys(("stateful", "cold-256"), len(VERSE) - 1)
    kept = json.loads(charlstm("eval", "runs/verse", "verse.txt", "--validation", "--json", folder=folder).stdout)["stateful"]
    facts = json.loads(charlstm("info", "runs/verse", "--json", folder=folder).stdout)
    assert kept["nats"] == pytest.approx(facts["validation_loss"], abs=1e-6)
    assert kept["chars"] == len(VERSE) - int(len(VERSE) * 0.9)


def test_eval_of_the_parts_that_training_kept(charlstm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    (tmp_path / "other.txt").write_text(VERSE[:-100] + VERSE[-100:][::-1], encoding="utf-8")
    kept = settings("data.validation=300", "data.test=100", "train.max_steps=4")
    facts, scores = [], []
    for name in ("verse", "other"):
        assert charlstm("train", f"{name}.txt", "--run", name, *kept, folder=tmp_path).returncode == 0
        facts.append(json.loads(charlstm("info", name, "--json", folder=tmp_path).stdout)["validation_loss"])
        for part in ("--validation", "--test"):
            said = charlstm("eval", name, f"{name}.txt", part, "--json", folder=tmp_path).stdout
            scores.append(json.loads(said)["stateful"])
    assert [score["chars"] for score in scores] == [300, 100] * 2
    assert facts[0] == facts[1] == pytest.approx(scores[0]["nats"], abs=1e-6)
    assert scores[0]["nats"] == scores[2]["nats"], "training does not see the test part"
    assert scores[1]["nats"] != scores[3]["nats"], "but the test does"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--protocol", "stateful"], ["stateful"]),
        (["--protocol", "cold"], ["cold-256"]),
        (["--protocol", "cold", "--window", "40"], ["cold-40"]),
        (["--window", "40"], ["stateful", "cold-40"]),
        (["--protocol", "stateful", "--dynamic"], ["stateful", "stateful, dynamic"]),
        (["--validation", "--dynamic"], ["stateful", "cold-256", "stateful, dynamic"]),
    ],
)
def test_eval_by_what_was_asked_for(
    charlstm: Callable[..., Result], folder: Path, options: list[str], names: list[str]
) -> None:
    result = charlstm("eval", "runs/verse", "verse.txt", "--json", *options, folder=folder)
    assert result.returncode == 0, result.stderr
    scores = json.loads(result.stdout)
    assert list(scores) == names
    assert len({score["chars"] for score in scores.values()}) == 1
    assert all(score["seconds"] > 0 for score in scores.values())
    if "--dynamic" in options:
        assert scores["stateful, dynamic"]["nats"] < scores["stateful"]["nats"], "the verses repeat themselves"


def test_info_says_what_the_curves_say_and_the_command_to_try_works(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "verse"
    shutil.copytree(folder / "runs" / "verse", run)
    asked = json.loads(charlstm("info", "runs/verse", "--json", folder=tmp_path).stdout)["diagnosis"]
    assert (asked["kind"], asked["settings_to_try"]) == ("too early", {"train.epochs": 4})
    assert asked["command"].endswith("train --resume --run runs/verse --set train.epochs=4")
    said = charlstm("info", "runs/verse", folder=tmp_path).stdout.decode()
    assert asked["sentence"] in said
    assert said.splitlines()[-1] == f"to try: {asked['command']}", "in one piece, to be copied"

    points = [(1.9, 1.7), (1.6, 1.5), (1.2, 1.6), (1.0, 1.8)]
    records = [{"step": n, "epoch": n, "train_loss": t, "validation_loss": v} for n, (t, v) in enumerate(points, start=1)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    asked = json.loads(charlstm("info", "runs/verse", "--json", folder=tmp_path).stdout)["diagnosis"]
    assert asked["sentence"].startswith("overfitting since epoch 2: ")
    _, command = asked["command"].split(" train ")
    done = charlstm("train", *shlex.split(command), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "dropout = 0.4" in (tmp_path / "runs" / "verse-2" / "config.toml").read_text(encoding="utf-8")


def test_info_needs_no_torch(folder: Path) -> None:
    code = "import sys; from charlstm.cli import main; code = main(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
    for options in (["runs/verse"], ["runs/verse/last.safetensors", "--json"]):
        said = subprocess.run([sys.executable, "-c", code, "info", *options], cwd=folder, capture_output=True, check=False)
        assert said.returncode == 0, said.stderr
        assert said.stdout


def test_info_counts_what_torch_counts(charlstm: Callable[..., Result], folder: Path) -> None:
    model = load_model(folder / "runs" / "verse").model
    said = json.loads(charlstm("info", "runs/verse", "--json", folder=folder).stdout)
    assert said["parameters"] == sum(p.numel() for p in model.parameters())


def test_info_finds_damage_in_the_numbers(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "runs" / "verse" / "best.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "m").write_bytes(data)
    assert_fails(charlstm("info", "m", folder=tmp_path), "m is damaged")


@pytest.mark.parametrize(
    ("text", "part"), [("[train]\nfuture = 3\n", "train.future = 3: no such key"), ("[train\n", "is not valid TOML")]
)
def test_info_goes_on_where_the_settings_are_of_another_version(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, text: str, part: str
) -> None:
    shutil.copytree(folder / "runs" / "verse", tmp_path / "r")
    known = charlstm("info", "r", "--json", folder=tmp_path)
    (tmp_path / "r" / "config.toml").write_text(text, encoding="utf-8")
    said = charlstm("info", "r", "--json", folder=tmp_path)
    assert said.returncode == 0
    [warning] = said.stderr.decode().splitlines()
    assert warning.startswith("warning: r/config.toml is not one that this version can read (")
    assert part in warning
    now, before = json.loads(said.stdout), json.loads(known.stdout)
    assert now["diagnosis"].pop("command") is None, "it would need those settings"
    assert before["diagnosis"].pop("command")
    assert now == before


def test_without_curves_nothing_is_said_of_them(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    shutil.copy(folder / "runs" / "verse" / "best.safetensors", tmp_path / "r")
    for model in ("r", "r/best.safetensors", folder / "runs" / "verse" / "best.safetensors"):
        assert json.loads(charlstm("info", model, "--json", folder=tmp_path).stdout)["diagnosis"] is None
        assert b"curves" not in charlstm("info", model, folder=tmp_path).stdout


def test_training_ends_with_what_its_curves_say(trained: tuple[Path, Result]) -> None:
    *_, curves, _, to_try, last = trained[1].stderr.decode().splitlines()
    assert curves == "curves    too early to say: 2 of at least 3 evaluations"
    assert to_try.startswith("to try: ")
    assert last.startswith("next: ")


def test_info_as_a_table(charlstm: Callable[..., Result], folder: Path) -> None:
    printed = charlstm("info", "runs/verse", folder=folder).stdout.decode()
    for part in ("LSTM 2 x 16", "parameters", "stateful", "[train]", "learning_rate 0.003"):
        assert part in printed


def test_a_dry_run_writes_nothing(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    result = charlstm("train", folder / "verse.txt", "--dry-run", *settings(), folder=tmp_path)
    assert result.returncode == 0
    assert b"about" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_standard_input_and_bytes(charlstm: Callable[..., Result], tmp_path: Path) -> None:
    more = settings("data.unit=byte", "train.max_steps=3")
    assert charlstm("train", "-", "--run", "r", *more, folder=tmp_path, stdin=VERSE.encode()).returncode == 0
    result = charlstm("sample", "r", "--prime", "日本", "--length", "10", folder=tmp_path)
    assert len(result.stdout.decode()) == 12


def test_a_held_run_is_refused_and_replaced_when_asked(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ("train", folder / "verse.txt", "--run", run, *settings("train.max_steps=2"))
    assert charlstm(*arguments, folder=tmp_path).returncode == 0
    before = (run / "last.safetensors").read_bytes()
    assert_fails(charlstm(*arguments, folder=tmp_path), "holds a run already", "--resume", "--overwrite")
    assert (run / "last.safetensors").read_bytes() == before
    again = charlstm(*arguments, "--overwrite", "--set", "train.seed=5", folder=tmp_path)
    assert again.returncode == 0
    assert (run / "last.safetensors").read_bytes() != before


def test_score_finds_the_odd_line(charlstm: Callable[..., Result], folder: Path) -> None:
    lines = VERSE.splitlines()[:6]
    (folder / "odd.txt").write_text("\n".join([*lines[:3], "", "llaw gnitnelg", *lines[3:]]) + "\n", encoding="utf-8")
    result = charlstm("score", "runs/verse", "odd.txt", "--sort", "worst", "--json", folder=folder)
    assert result.returncode == 0
    assert result.stderr == b""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert (found[0]["line"], found[0]["text"]) == (5, "llaw gnitnelg")
    assert [one["nats"] for one in found] == sorted((one["nats"] for one in found), reverse=True)
    assert {one["line"] for one in found} == {1, 2, 3, 5, 6, 7, 8}, "the empty line has no place in an order"
    table = charlstm("score", "runs/verse", "odd.txt", "--min-chars", "20", folder=folder).stdout.decode().splitlines()
    assert [line.split()[0] for line in table] == ["line", "1", "2", "3", "6", "7", "8", "total"]
    none = charlstm("score", "runs/verse", "odd.txt", "--min-chars", "2000", folder=folder)
    assert (none.returncode, none.stdout, none.stderr) == (0, b"", b"there is no line to show\n")


def test_score_reads_standard_input_where_no_text_is_named(charlstm: Callable[..., Result], folder: Path) -> None:
    command = ("score", "runs/verse", "--json")
    piped = charlstm(*command, folder=folder, stdin=VERSE[:200].encode())
    (folder / "some.txt").write_text(VERSE[:200], encoding="utf-8")
    named = charlstm(*command, "some.txt", folder=folder)
    assert piped.returncode == named.returncode == 0
    assert piped.stdout
    assert [{**json.loads(a), "source": ""} for a in piped.stdout.splitlines()] == [
        {**json.loads(b), "source": ""} for b in named.stdout.splitlines()
    ]


def test_score_in_blocks_is_score_in_one(
    charlstm: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is held at once, each line is read by itself; a document is one line with its ends."""
    whole = charlstm("score", "runs/verse", "verse.txt", "--json", folder=folder).stdout
    monkeypatch.setattr("charlstm.text.passages.BLOCK", 100)
    parts = charlstm("score", "runs/verse", "verse.txt", "--json", folder=folder).stdout
    one, other = ([json.loads(line)["nats"] for line in said.splitlines()] for said in (whole, parts))
    assert one == pytest.approx(other, abs=1e-5)
    said = charlstm("score", "runs/verse", "verse.txt", "--by", "document", "--json", folder=folder).stdout
    stateful = json.loads(charlstm("eval", "runs/verse", "verse.txt", "--json", folder=folder).stdout)["stateful"]
    document = json.loads(said)
    assert (document["chars"], document["text"]) == (len(VERSE), VERSE)
    assert document["nats"] == pytest.approx(stateful["nats"], abs=0.01)


def test_inspect_gives_the_same_numbers_as_json_and_as_arrays(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    part = ("inspect", "runs/verse", "verse.txt", "--from", "30", "--length", "50")
    asked = ("--json", "--neuron", "1:3", "--kind", "forget", "--at", "60", "--find", "--top", "2")
    result = charlstm(*part, *asked, "--npz", tmp_path / "a.npz", folder=folder)
    assert re.fullmatch(rf"wrote {tmp_path / 'a.npz'}, \d+ kB\n", result.stderr.decode())
    found = json.loads(result.stdout)
    with np.load(tmp_path / "a.npz") as kept:
        assert kept["forget"].shape == (50, 2, 16)
        assert kept["forget"][:, 1, 3] == pytest.approx(found["neuron"]["values"], abs=1e-5)
        assert kept["ids"].tolist() == [one["id"] for one in found["characters"]]
        assert "".join(kept["vocabulary"][kept["ids"]]) == VERSE[30:80]
    assert "".join(one["character"] for one in found["characters"]) == VERSE[30:80]
    assert (found["sensitivity"]["from"], len(found["sensitivity"]["norms"])) == (30, 30)
    assert {(one["feature"], one["kind"]) for one in found["features"]} >= {("space", "forget"), ("position in line", "forget")}
    # What stands before a part is read too, so that it changes no number of it.
    whole = json.loads(charlstm("inspect", "runs/verse", "verse.txt", "--length", "80", "--json", folder=folder).stdout)
    for one, other in zip(whole["characters"][31:], found["characters"][1:], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)


def test_inspect_writes_a_page_that_agrees_with_its_json(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    asked = ("inspect", "runs/verse", "verse.txt", "--length", "60", "--neuron", "1:3", "--json", "--top", "5")
    result = charlstm(*asked, "--at", "50", "--html", tmp_path / "a.html", folder=folder)
    assert re.fullmatch(rf"wrote {tmp_path / 'a.html'}, \d+ kB: open it in a browser\n", result.stderr.decode())
    found, html = json.loads(result.stdout), (tmp_path / "a.html").read_text(encoding="utf-8")
    blocks = dict(re.findall(r'id="(data[^"]*)">([^<]*)</script>', html))
    facts = json.loads(blocks["data"])
    assert "<h1>verse on verse.txt</h1>" in html
    assert facts["first"] == {"kind": "cell", "layer": 1, "neuron": 3}
    assert facts["probability"][1:] == pytest.approx([one["probability"] for one in found["characters"][1:]], rel=1e-3)
    assert [one[1] for one in facts["next"][7]] == pytest.approx([one[1] for one in found["characters"][7]["next"]], rel=1e-3)
    cells = np.frombuffer(base64.b64decode(blocks["data-cell"]), np.uint8).reshape(2 * 16, 60)[16 + 3]
    assert cells / 127.5 - 1 == pytest.approx(found["neuron"]["values"], abs=1 / 255 + 1e-6)
    shares = np.frombuffer(base64.b64decode(blocks["data-gradient"]), np.uint8).reshape(59, 59)[49, -50:] / 255
    assert shares * facts["largest"][49] == pytest.approx(found["sensitivity"]["norms"], abs=facts["largest"][49] / 400)


def test_inspect_answers_nothing_else_where_a_file_is_asked_for(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    asked = ("inspect", "runs/verse", "verse.txt", "--length", "30", "--html", tmp_path / "a.html", "--npz", tmp_path / "a.npz")
    result = charlstm(*asked, folder=folder)
    assert (result.returncode, result.stdout) == (0, b"")
    assert [line.split(",")[0] for line in result.stderr.decode().splitlines()] == [
        f"wrote {tmp_path / name}" for name in ("a.npz", "a.html")
    ]
    assert b"position in line" in charlstm(*asked, "--find", folder=folder).stdout


def test_inspect_says_what_it_left_out_and_skips_what_is_unknown(
    charlstm: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.commands.inspect.MOST_INSPECTED", 20)
    result = charlstm("inspect", "runs/verse", "verse.txt", folder=folder)
    assert result.stderr == b"characters 0 to 19 of a longer text: --from and --length choose others\n"
    assert len(result.stdout.splitlines()) == 1 + 2 * 3, "a row for each gate of each layer"
    written = charlstm("inspect", "runs/verse", "verse.txt", "--npz", "part.npz", folder=folder).stderr
    assert [line.split()[0] for line in written.splitlines()] == [b"characters", b"wrote"], "said before the work"
    assert charlstm("inspect", "runs/verse", "verse.txt", "--length", "20", folder=folder).stderr == b""
    (folder / "star.txt").write_text("green ★ bottles", encoding="utf-8")
    result = charlstm("inspect", "runs/verse", "star.txt", "--unknown", "skip", "--find", folder=folder)
    assert b"position in line" in result.stdout
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for what in (("--neuron", "0:3"), ("--at", "12")):
        result = charlstm("inspect", "runs/verse", "verse.txt", "--terminal", *what, folder=folder)
        assert b"\x1b[" in result.stdout


def test_classify_guesses_which_text_a_line_is_from(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    other = "".join(f"the sum of {n} and {n} is {2 * n}; write it down!\n" for n in range(60))
    (tmp_path / "other.txt").write_text(other, encoding="utf-8")
    quick = settings("train.learning_rate=0.02", "train.epochs=4")
    models = []
    for name, text in (("verse", folder / "verse.txt"), ("sums", tmp_path / "other.txt")):
        assert charlstm("train", text, "--run", name, *quick, "--set", "sample.prime= ", folder=tmp_path).returncode == 0
        models += ["--model", f"{name}={name}"]
    (tmp_path / "mixed.txt").write_text(
        "11 green bottles, hanging on the wall;\n\nthe sum of 7 and 7 is 14!\n", encoding="utf-8"
    )
    result = charlstm("classify", *models, "mixed.txt", "--json", folder=tmp_path)
    assert result.stderr == b""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["best"] for one in found] == ["verse", None, "sums"]
    assert all(sum(one["probabilities"].values()) == pytest.approx(1) for one in found)
    assert found[1]["probabilities"] == {"verse": 0.5, "sums": 0.5}
    said = charlstm("classify", *models, "--prior", "verse=0.7", "mixed.txt", folder=tmp_path).stdout.decode()
    assert "verse  best for 1 of 3 lines" in said


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["train", "none.txt"], ["no such file: none.txt"]),
        (["train", "empty.txt"], ["empty.txt is empty"]),
        (["train", "nothing"], ["no text in the folder nothing"]),
        (["train", "binary"], ["binary is a binary file"]),
        (["train", "latin.txt"], ["latin.txt is not UTF-8", "0xe9", "offset 3"]),
        (["train", "short.txt"], ["data.validation = 0.1", "data.test = 0", "to learn from, and the minimum is 10"]),
        (["train", "--config", "none.toml"], ["no such config file: none.toml"]),
        (["train", "--config", "broken.toml"], ["broken.toml", "line 2"]),
        (["train", "--config", "section.toml"], ["trian", "did you mean train?"]),
        (["train", "--set", "train.epoch=3"], ["train.epoch", "did you mean train.epochs?"]),
        (["train", "--set", "train.epochs=no"], ["train.epochs", "'no'", "whole number"]),
        (["train", "--set", "train.epochs=0"], ["at least 1"]),
        (["train", "--device", "tpu", "--dry-run"], ["tpu", "auto, cpu, cuda, mps"]),
        (["train", "--device", "cuda", "--dry-run"], ["cuda", "no such device"]),
        (["train", "--bogus"], ["--bogus"]),
        (["train", "--resume", "--run", "nothing"], ["nothing to resume in nothing"]),
        (["train", "--resume", "verse.txt"], ["--resume takes text and configuration from its run"]),
        (["train", "--resume", "--run", "runs/verse", "--set", "model.hidden_size=3"], ["model.hidden_size"]),
        (["eval", "runs/verse", "verse.txt", "--test"], ["runs/verse", "data.test = 0"]),
        (["eval", "runs/verse", "verse.txt", "--test", "--validation"], ["--validation and --test"]),
        (["data"], ["Missing command"]),
        (["sample"], ["MODEL"]),
        (["sample", "none"], ["no such model: none"]),
        (["sample", "nothing"], ["no model in nothing"]),
        (["sample", "latin.txt"], ["latin.txt is not a model file"]),
        (["sample", "runs/verse", "--top-k", "-1"], ["top_k", "-1", "at least 0"]),
        (["sample", "runs/verse", "--temperature", "-0.1"], ["temperature", "-0.1", "at least 0"]),
        (["sample", "runs/verse", "--temperature", "hot"], ["--temperature"]),
        (["sample", "runs/verse", "--temperature", "nan"], ["temperature", "nan"]),
        (["sample", "runs/verse", "--length", "0"], ["length", "at least 1"]),
        (["sample", "runs/verse", "--prime", ""], ["--prime is empty"]),
        (["sample", "runs/verse", "--seed", "-3"], ["--seed -3"]),
        (["eval", "runs/verse"], ["TEXT"]),
        (["eval", "runs/verse", "other.txt"], ["not in the vocabulary", "U+2605"]),
        (["eval", "runs/verse", "verse.txt", "--protocol", "warm"], ["--protocol", "'warm'", "cold"]),
        (["eval", "runs/verse", "verse.txt", "--window", "0"], ["--window 0", "from 1"]),
        (["eval", "runs/verse", "verse.txt", "--protocol", "stateful", "--window", "9"], ["--window 9", "--protocol cold"]),
        (["eval", "runs/verse", "verse.txt", "--protocol", "cold", "--dynamic"], ["--dynamic", "leave out --protocol cold"]),
        (["inspect", "runs/verse"], ["no TEXT to look at"]),
        (["inspect", "runs/verse", "none.txt"], ["no such file: none.txt"]),
        (["inspect", "runs/verse", "empty.txt"], ["empty.txt is empty"]),
        (["inspect", "runs/verse", "one.txt"], ["the text has 1 character", "at least 2"]),
        (["inspect", "runs/verse", "other.txt"], ["U+2605", "--unknown skip"]),
        (["inspect", "nothing", "verse.txt"], ["no model in nothing"]),
        (["inspect", "runs/verse", "verse.txt", "--from", "999999"], ["--from 999999"]),
        (["inspect", "runs/verse", "verse.txt", "--from", "-1"], ["--from -1"]),
        (["inspect", "runs/verse", "verse.txt", "--length", "1"], ["--length 1", "at least 2"]),
        (["inspect", "runs/verse", "verse.txt", "--top", "0"], ["--top 0"]),
        (["inspect", "runs/verse", "verse.txt", "--json", "--at", "99999"], ["--at 99999", "from 1 to"]),
        (["inspect", "runs/verse", "verse.txt", "--json", "--neuron", "0:16"], ["no neuron 16", "16 neurons a layer"]),
        (["inspect", "runs/verse", "verse.txt", "--json", "--neuron", "2:0"], ["no layer 2", "2 layers"]),
        (["inspect", "runs/verse", "verse.txt", "--json", "--neuron", "7"], ["--neuron '7'", "LAYER:NEURON"]),
        (["inspect", "runs/verse", "verse.txt", "--neuron", "0:0"], ["--neuron needs --terminal, --json or --html"]),
        (["inspect", "runs/verse", "verse.txt", "--html", "none/a.html"], ["--html none/a.html", "no folder 'none'"]),
        (
            ["inspect", "runs/verse", "verse.txt", "--html", "a.html", "--length", "20001"],
            ["--length 20001", "20,000"],
        ),
        (["inspect", "runs/verse", "verse.txt", "--html", "a.html", "--at", "5"], ["--at needs --terminal or --json"]),
        (["inspect", "runs/verse", "verse.txt", "--terminal"], ["--neuron L:N", "--at P"]),
        (["inspect", "runs/verse", "verse.txt", "--terminal", "--json"], ["choose one"]),
        (["inspect", "runs/verse", "verse.txt", "--terminal", "--neuron", "0:0"], ["--terminal needs a terminal with colours"]),
        (["inspect", "runs/verse", "verse.txt", "--kind", "odd"], ["--kind", "'odd'"]),
        (["inspect", "runs/verse", "verse.txt", "--npz", "none/a.npz"], ["--npz none/a.npz", "no folder 'none'"]),
        (["score", "runs/verse", "none.txt"], ["no such file: none.txt"]),
        (["score", "runs/verse", "nothing"], ["no text in the folder nothing"]),
        (["score", "runs/verse", "empty.txt"], ["empty.txt is empty"]),
        (["score", "runs/verse", "binary"], ["binary is a binary file"]),
        (["score", "runs/verse", "latin.txt"], ["latin.txt is not UTF-8", "offset 3"]),
        (["score", "runs/verse", "other.txt"], ["other.txt, line 1", "U+2605", "--unknown skip"]),
        (["score", "nothing", "verse.txt"], ["no model in nothing"]),
        (["score", "runs/verse", "verse.txt", "--per-char"], ["--per-char needs --json"]),
        (["score", "runs/verse", "verse.txt", "--show", "--json"], ["--show", "--json"]),
        (["score", "runs/verse", "verse.txt", "--show"], ["--show needs a terminal with colours"]),
        (["score", "runs/verse", "verse.txt", "--sort", "odd"], ["--sort", "'odd'"]),
        (["score", "runs/verse", "verse.txt", "--min-chars", "-1"], ["--min-chars", "-1"]),
        (["score", "runs/verse", "verse.txt", "--encoding", "klingon"], ["klingon"]),
        (["classify", "verse.txt"], ["0 models", "--model a=RUN --model b=RUN"]),
        (["classify", "verse.txt", "--model", "a=runs/verse"], ["1 model to choose", "at least two"]),
        (["classify", "verse.txt", "--model", "runs/verse"], ["'runs/verse'", "LABEL=MODEL"]),
        (["classify", "verse.txt", "--model", "a=x", "--model", "a=y"], ["'a=y'", "twice"]),
        (["classify", "verse.txt", "--model", "a=runs/verse", "--model", "b=none"], ["no such model: none"]),
        (["classify", "verse.txt", "--model", "a=x", "--model", "b=y", "--prior", "c=0.5"], ["'c'", "'a', 'b'"]),
        (["classify", "verse.txt", "--model", "a=x", "--model", "b=y", "--prior", "a=1"], ["'a'='1'", "between 0 and 1"]),
        (["classify", "verse.txt", "--model", "a=x", "--model", "b=y", "--prior", "a=nan"], ["between 0 and 1"]),
        (
            ["classify", "verse.txt", "--model", "a=x", "--model", "b=y", "--prior", "a=0.5", "--prior", "b=0.6"],
            ["add up to 1.1", "must be 1"],
        ),
        (["bogus"], ["bogus"]),
        (["train", "x" * 300], ["no such file: 'xxx"]),
        (["eval", "runs/verse", "y" * 300], ["no such file: 'yyy"]),
        (["info", "z" * 300], ["no such model: 'zzz"]),
        (["train", "two\nlines"], ["no such file: two\\nlines"]),
        (["train", "--set", 'data.text="a\\u0000b"'], ["a\\x00b"]),
        (["train", "--run", "bad\udcff"], ["not UTF-8"]),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_bad_input_is_one_line_and_exit_2(
    charlstm: Callable[..., Result], folder: Path, arguments: list[str], parts: list[str]
) -> None:
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "one.txt").write_text("g", encoding="utf-8")
    (folder / "nothing").mkdir(exist_ok=True)
    (folder / "binary").write_bytes(bytes(range(256)) * 9)
    (folder / "latin.txt").write_bytes(b"caf\xe9 au lait " * 9)
    (folder / "short.txt").write_text("hello", encoding="utf-8")
    (folder / "other.txt").write_text("one ★", encoding="utf-8")
    (folder / "broken.toml").write_text("[train]\nepochs 3", encoding="utf-8")
    (folder / "section.toml").write_text("[trian]\nepochs = 3", encoding="utf-8")
    assert_fails(charlstm(*arguments, folder=folder), *parts)


@pytest.mark.skipif(sys.platform == "win32", reason="limits and modes are POSIX's")
def test_a_full_disk_ends_in_one_line_and_exit_1(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    with file_size_limit(4000):
        result = charlstm("train", folder / "verse.txt", "--run", "full", *settings(), folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-1].startswith("charlstm: can't write full/resume.safetensors: ")
    assert [p.name for p in (tmp_path / "full").iterdir()] == [".lock"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["sample", "runs/verse"], ["info", "runs/verse", "--json"]])
def test_a_full_standard_output_ends_in_exit_1(folder: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run([*COMMAND, *arguments], cwd=folder, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (1, b"charlstm: No space left on device\n")


def test_a_folder_that_cannot_be_written_ends_in_exit_1(charlstm: Callable[..., Result], folder: Path) -> None:
    result = charlstm("train", "verse.txt", "--run", "verse.txt/run", *settings(), folder=folder)
    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-1].startswith("charlstm: can't write verse.txt/run: ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_saves_the_newest_model(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, number: int, code: int
) -> None:
    arguments = ["train", str(folder / "verse.txt"), "--run", "r", *settings("train.epochs=100000")]
    has_begun = (tmp_path / "r" / "best.safetensors").exists
    if number == signal.SIGTERM:  # to a process of its own, which is seen to its very end
        with subprocess.Popen([*COMMAND, *arguments], cwd=tmp_path, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 60
            while not has_begun():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            _, said = process.communicate(timeout=30)
        ended = process.returncode
    else:
        with sent_to_itself(number, when=has_begun):
            stopped = charlstm(*arguments, folder=tmp_path)
        ended, said = stopped.returncode, stopped.stderr
    assert ended == code
    assert b"stopped" in said
    assert b"Traceback" not in said
    info = json.loads(charlstm("info", tmp_path / "r" / "last.safetensors", "--json", folder=tmp_path).stdout)
    assert f"at step {info['step']:,};" in said.decode()
    assert "train --resume --run r" in said.decode()
    steps = info["step"] + 2
    result = charlstm("train", "--resume", "--run", "r", "--set", f"train.max_steps={steps}", folder=tmp_path)
    assert result.returncode == 0
    assert f"resumed at step {info['step']:,}" in result.stderr.decode()
    metrics = [json.loads(line)["step"] for line in (tmp_path / "r" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert metrics == sorted(set(metrics))
    assert metrics[-1] == steps


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are another thing there")
def test_a_terminal_that_is_closed_saves_the_newest_model(folder: Path, tmp_path: Path) -> None:
    """What is said then has nowhere to go; a connection that is lost does the same."""
    import pty

    arguments = ["train", str(folder / "verse.txt"), "--run", str(tmp_path / "r"), *settings("train.epochs=100000")]
    process, terminal = pty.fork()
    if not process:
        os.execv(COMMAND[0], [*COMMAND, *arguments])
    deadline = time.monotonic() + 60
    while not (tmp_path / "r" / "best.safetensors").exists():
        assert time.monotonic() < deadline
        os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    last, best = (load_model(tmp_path / "r" / f"{name}.safetensors").facts.step for name in ("last", "best"))
    assert read_saved_step(tmp_path / "r" / "resume.safetensors") == last >= best


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close otherwise there")
def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    command = f'"{sys.executable}" -m charlstm sample runs/verse --length 100000 | head -c 50'
    result = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)
    assert len(result.stdout) == 50
    assert result.stderr == b""


def test_help_and_version_do_not_import_torch(charlstm: Callable[..., Result], tmp_path: Path) -> None:
    code = "import sys; from charlstm.cli import app; app(['--help'], standalone_mode=False); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)
    assert result.stdout.decode().endswith("False\n")
    assert charlstm("--version", folder=tmp_path).stdout.decode() == f"charlstm {__version__}\n"
    assert b"Usage" in charlstm(folder=tmp_path).stdout


def test_a_narrow_terminal_without_utf8(
    charlstm: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stars.txt").write_text("★ 日本 😀 " * 200, encoding="utf-8")
    assert charlstm("train", "stars.txt", "--run", "r", *settings("train.max_steps=2"), folder=tmp_path).returncode == 0
    monkeypatch.setenv("COLUMNS", "40")
    said = []
    for more in ((), ("--json",)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out := io.BytesIO(), encoding="ascii"))
        assert main(["info", "r", *more]) == 0
        said.append(out.getvalue())
    table, facts = said
    assert b"\\u2605" in table
    assert b"\\u2605" in facts
    assert "😀" in json.loads(facts)["vocabulary"]["symbols"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_there_is_a_bar_and_nothing_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    monkeypatch.chdir(tmp_path)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)

    def on_terminal(*arguments: str) -> str:
        shown: list[bytes] = []
        main_end, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, 80))

        def read() -> None:
            with suppress(OSError):  # what Linux says when the other end is closed
                while piece := os.read(main_end, 4096):
                    shown.append(piece)

        reader = threading.Thread(target=read)
        reader.start()
        with os.fdopen(terminal, "w", encoding="utf-8") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            monkeypatch.setattr(sys, "stderr", stream)
            code = main(list(arguments))
        reader.join()
        os.close(main_end)
        assert code == 0
        return b"".join(shown).decode()

    (tmp_path / "escapes.txt").write_text("\x1b]0;title\x1b\\\x1b[2J\u202e" * 300, encoding="utf-8")
    shown = on_terminal("train", "escapes.txt", "--run", "r", *settings("train.max_steps=40"))
    assert "epoch 1/2  loss" in shown
    assert "left" in shown
    shown = on_terminal("sample", "r", "--length", "300", "--seed", "5")
    assert "\\x1b" in shown
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
    assert "seed 5" in shown


def test_finetuning_begins_with_a_trained_models_weights(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    """On the text that the model knows, the first loss is the trained model's and not that of guessing."""
    arguments = ("train", folder / "verse.txt", "--from", folder / "runs" / "verse", "--run", "r", *FEW)
    assert charlstm(*arguments, folder=tmp_path).returncode == 0
    began = json.loads((tmp_path / "r" / "metrics.jsonl").read_text("utf-8").splitlines()[0])["train_loss"]
    trained = json.loads(charlstm("info", folder / "runs" / "verse", "--json", folder=folder).stdout)
    assert began == pytest.approx(trained["train_loss"], abs=0.5)
    assert began < math.log(len(set(VERSE))) - 0.5
    assert json.loads(charlstm("info", "r", "--json", folder=tmp_path).stdout)["config"]["model"]["hidden_size"] == 16


def test_characters_that_the_model_lacks_are_counted_or_learned(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.txt").write_text(VERSE + "★" * 200 + VERSE + "é", encoding="utf-8")
    arguments = ("train", "new.txt", "--from", folder / "runs" / "verse", "--run", "r", *FEW)
    said = charlstm(*arguments, folder=tmp_path)
    assert_fails(said, "201 of the text's characters, 2 kinds: '★' (U+2605), 'é'", "--extend-vocabulary adds them")
    assert charlstm(*arguments, "--extend-vocabulary", folder=tmp_path).returncode == 0
    symbols = json.loads(charlstm("info", "r", "--json", folder=tmp_path).stdout)["vocabulary"]["symbols"]
    assert symbols == "".join(sorted({*VERSE, *"★é"}))
    assert charlstm("train", "--resume", "--run", "r", "--set", "train.max_steps=5", folder=tmp_path).returncode == 0


def test_a_finetuned_run_keeps_the_models_vocabulary_when_it_is_resumed(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "few.txt").write_text("green bottle " * 100, encoding="utf-8")
    assert charlstm("train", "few.txt", "--from", folder / "runs/verse", "--run", "r", *FEW, folder=tmp_path).returncode == 0
    assert charlstm("train", "--resume", "--run", "r", "--set", "train.max_steps=5", folder=tmp_path).returncode == 0
    assert charlstm("eval", "r", folder / "verse.txt", folder=tmp_path).returncode == 0, "it knows more than its last text"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--extend-vocabulary"], ["--from"]),
        (["--from", "none"], ["no such model: none"]),
        (["--from", "runs/verse", "--set", "model.hidden_size=32"], ["model.hidden_size = 32", "has 16"]),
    ],
    ids=str,
)
def test_wrong_ways_to_finetune(charlstm: Callable[..., Result], folder: Path, arguments: list[str], parts: list[str]) -> None:
    assert_fails(charlstm("train", "verse.txt", *arguments, "--dry-run", folder=folder), *parts)


def test_a_damaged_save_is_told_and_the_one_before_taken(charlstm: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "runs" / "verse", tmp_path / "r")
    with (tmp_path / "r" / "resume.safetensors").open("r+b") as file:
        file.truncate(1000)
    with (tmp_path / "r" / "metrics.jsonl").open("r+b") as file:
        file.seek(3)
        file.write(b"X")
    (tmp_path / "r" / "config.toml").write_text("[train]\nepochs = 3\n", encoding="utf-8")
    said = charlstm("train", "--resume", "--run", "r", folder=tmp_path)
    assert said.returncode == 0
    warnings = [line for line in said.stderr.decode().splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 3
    assert "resume.safetensors" in warnings[0]
    assert "going on from the save before it, made at step " in warnings[0]
    assert "config.toml is not as it was written" in warnings[1]
    assert "metrics.jsonl is not as it was written" in warnings[2]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's way to close a stream")
@pytest.mark.parametrize(
    ("command", "code", "part"),
    [
        ("train - <&-", 2, b"standard input is empty"),
        ("info runs/verse >&-", 0, b""),
        ("sample runs/verse --length 5 >&-", 0, b""),
        ("sample none 2>&-", 2, b""),
    ],
)
def test_closed_streams_are_no_reason_for_a_traceback(folder: Path, command: str, code: int, part: bytes) -> None:
    line = f'"{sys.executable}" -m charlstm {command}'
    result = subprocess.run(line, shell=True, cwd=folder, capture_output=True, check=False)
    assert (result.returncode, b"Traceback" in result.stderr) == (code, False), result.stderr
    assert part in result.stderr


def test_a_run_is_not_replaced_by_its_own_child(charlstm: Callable[..., Result], folder: Path) -> None:
    for model in ("runs/verse", "runs/verse/best.safetensors"):
        arguments = ("train", "verse.txt", "--from", model, "--run", "runs/verse", "--overwrite")
        assert_fails(charlstm(*arguments, folder=folder), "--overwrite would replace the run that --from begins with")


def test_a_finished_run_says_what_would_lengthen_it(charlstm: Callable[..., Result], folder: Path) -> None:
    for settings in ([], ["--set", "train.max_steps=100000"]):
        said = charlstm("train", "--resume", "--run", "runs/verse", *settings, folder=folder)
        assert said.returncode == 2
        assert said.stderr.decode().splitlines()[-1].endswith("--set train.epochs=3 asks for more")


def test_a_signal_at_the_very_end_promises_no_more_to_do(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = TrainingView.show

    def interrupted(self: TrainingView, record: StepRecord | Record | Setback) -> None:
        show(self, record)
        if isinstance(record, Record) and record.step == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TrainingView, "show", interrupted)
    said = charlstm("train", folder / "verse.txt", "--run", "r", *settings("train.max_steps=3"), folder=tmp_path)
    assert said.returncode == 143
    assert b"to go on" not in said.stderr


TUNE = """
[tune]
"train.learning_rate" = { low = 1e-3, high = 1e-1, log = true }
"""


@pytest.fixture
def tune_toml(tmp_path: Path) -> Path:
    (tmp_path / "t.toml").write_text(TUNE, encoding="utf-8")
    return tmp_path / "t.toml"


def test_a_search_shows_its_trials_and_its_best_can_be_trained(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, tune_toml: Path
) -> None:
    arguments = ("tune", tune_toml, folder / "verse.txt", "--trials", "2", *settings("train.max_steps=4"))
    result = charlstm(*arguments, folder=tmp_path)
    said = result.stderr.decode()
    assert result.returncode == 0, said
    learned = int(len(VERSE) * 0.9)
    assert f"{int(learned * 0.9):,} to learn from, the {learned - int(learned * 0.9):,} after them to compare by" in said
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("trial ")] == [["trial", "1"], ["trial", "2"]]
    table = result.stdout.decode().splitlines()
    assert table[0].split() == ["trial", "learning_rate", "nats", "per", "character", "steps", "time", "state"]
    assert sorted(line.split()[-1] for line in table[1:]) == ["best", "done"]
    assert "optuna" not in said.lower()
    command = said.partition("next: ")[2].strip()
    assert command.endswith("train --config runs/verse-tune/best.toml")
    assert charlstm("train", "--config", "runs/verse-tune/best.toml", folder=tmp_path).returncode == 0
    again = charlstm(*arguments, "--run", "runs/verse-tune", "--json", folder=tmp_path)
    answer = json.loads(again.stdout)
    assert [trial["state"] for trial in answer["trials"]] == ["done", "done"]
    best = min(answer["trials"], key=lambda trial: float(trial["loss"]))
    assert (answer["best"], answer["config"]) == (best["number"], "runs/verse-tune/best.toml")
    assert not [line for line in again.stderr.decode().splitlines() if line.startswith("trial ")], "both were there already"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_ends_a_search_that_can_go_on(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, tune_toml: Path, number: int, code: int
) -> None:
    arguments = ["tune", str(tune_toml), str(folder / "verse.txt"), "--run", "r", *settings("train.max_steps=6")]
    with sent_to_itself(number, when=(tmp_path / "r" / "best.toml").exists):
        stopped = charlstm(*arguments, folder=tmp_path)
    assert stopped.returncode == code
    assert b"best" in stopped.stdout
    assert "to go on: " in stopped.stderr.decode()
    done = sum(line.split()[-1] in ("best", "done") for line in stopped.stdout.decode().splitlines()[1:])
    result = charlstm(*arguments, "--trials", str(done + 1), "--json", folder=tmp_path)
    assert [trial["state"] for trial in json.loads(result.stdout)["trials"]] == ["done"] * (done + 1)


def test_a_search_without_an_end_of_any_trial_fails(
    charlstm: Callable[..., Result], folder: Path, tmp_path: Path, tune_toml: Path
) -> None:
    more = settings("train.epochs=100000")
    result = charlstm("tune", tune_toml, folder / "verse.txt", "--minutes", "0.001", *more, folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-1].startswith("charlstm: no trial was done")
    assert b"unfinished" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["CONFIG"]),
        (["none.toml"], ["no such config file: none.toml"]),
        (["plain.toml"], ["plain.toml does not say what to search"]),
        (["t.toml", "--trials", "0"], ["--trials 0", "at least 1"]),
        (["t.toml", "--minutes", "0"], ["--minutes 0.0", "above 0"]),
        (["t.toml", "--minutes", "nan"], ["--minutes nan", "above 0"]),
        (["t.toml", "none.txt"], ["no such file: none.txt"]),
        (["t.toml", "--set", "train.learning_rate=1"], ["train.learning_rate: [tune] in t.toml searches it too"]),
        (["t.toml", "--run", "training"], ["training holds a training and no search"]),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_wrong_ways_to_search(
    charlstm: Callable[..., Result], tmp_path: Path, tune_toml: Path, arguments: list[str], parts: list[str]
) -> None:
    (tmp_path / "plain.toml").write_text("[model]\nhidden_size = 8\n", encoding="utf-8")
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "best.safetensors").touch()
    assert_fails(charlstm("tune", *arguments, folder=tmp_path), *parts)
    assert not (tmp_path / "runs").exists()


def test_without_optuna_a_search_says_what_it_needs(
    charlstm: Callable[..., Result], tmp_path: Path, tune_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.commands.tune.find_spec", lambda _: None)
    assert_fails(charlstm("tune", tune_toml, folder=tmp_path), "Optuna", "pip install 'charlstm[tune]'")


def test_help_shows_the_name_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets would be taken for a style."""
    main(["tune", "--help"])
    assert "[tune] table" in " ".join(capsys.readouterr().out.split())
