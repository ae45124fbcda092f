"""Which text a command works on, what is said of it, and how a run finds its text again."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import charlstm
from charlstm.cli import main
from charlstm.commands import text as texts
from charlstm.runs.folder import RunFolder
from charlstm.training.resume import load_training
from tests.conftest import TINY, VERSE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX's")
Result = subprocess.CompletedProcess[str]
Call = Callable[..., Result]
QUICK = [part for setting in (*TINY, "train.max_steps=2") for part in ("--set", setting)]
OTHER = VERSE.replace("green", "round")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    """A command within this process; what is piped in comes through a real pipe, nothing from /dev/null."""
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*arguments: str, stdin: str | None = None) -> Result:
        end = os.open(os.devnull, os.O_RDONLY)
        if stdin is not None:
            end, into = os.pipe()
            os.write(into, stdin.encode())  # less than a pipe holds
            os.close(into)
        capfd.readouterr()
        with os.fdopen(end, encoding="utf-8") as source:
            monkeypatch.setattr(sys, "stdin", source)
            code = main(list(arguments))
        return Result(arguments, code, *capfd.readouterr())

    return run


def write(**files: str) -> None:
    for name, content in files.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def said(result: Result) -> str:
    """What came on standard error, as if its lines had not been wrapped."""
    return " ".join(result.stderr.split())


def weights(run: str) -> str:
    """A SHA-256 over all that a run's save holds of its training."""
    saved, _ = load_training(RunFolder(Path(run)))
    digest = hashlib.sha256()
    for name, tensor in sorted(saved.tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def test_a_run_beside_its_text_is_no_text(call: Call) -> None:
    write(a_txt=VERSE, b_txt=OTHER)
    first = call("train", ".", *QUICK)
    assert first.returncode == 0, first.stderr
    assert "skipped" not in first.stderr
    shutil.copytree("runs/run", "../control")
    resumed = call("train", "--resume", "--set", "train.max_steps=4")
    assert resumed.returncode == 0, resumed.stderr
    assert f"skipped {Path.cwd()}/runs/run (a run)" in said(resumed)
    alone = ("train", "--resume", "--run", "../control", "--set", "data.text=['a.txt', 'b.txt']", "--set", "train.max_steps=4")
    assert call(*alone).returncode == 0
    assert weights("runs/run") == weights("../control")
    second = call("train", ".", *QUICK)
    assert (second.returncode, "skipped runs/run (a run)" in said(second)) == (0, True)
    refused = call("train", "runs/run")
    assert (refused.returncode, refused.stderr) == (
        2,
        "charlstm: runs/run is a run and no text: name the files in it that are one\n",
    )
    assert call("train", "runs/run/samples.txt", "--dry-run", *QUICK, "--set", "data.validation=2").returncode in (0, 2)


@pytest.fixture
def model(call: Call) -> str:
    write(texts__a_txt=VERSE)
    assert call("train", "texts/a.txt", "--run", "texts/run", *QUICK).returncode == 0
    Path("texts/dead.txt").symlink_to("nowhere")
    write(texts__empty_txt="")
    return "texts/run"


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "RUN", "texts", "--json"],
        ["score", "RUN", "texts", "--json", "--by", "document"],
        ["classify", "texts", "--model", "a=RUN", "--model", "b=RUN", "--by", "document", "--json"],
        ["inspect", "RUN", "texts", "--json"],
        ["memory", "RUN", "texts", "--places", "2", "--json"],
        ["sample", "RUN", "--length", "30", "--seed", "1", "--json", "--novelty", "texts"],
        ["train", "texts", "--dry-run", *QUICK],
    ],
    ids=lambda command: command[0],
)
def test_every_command_leaves_out_runs_and_says_so(call: Call, model: str, command: list[str]) -> None:
    result = call(*(part.replace("RUN", model) for part in command))
    assert result.returncode == 0, result.stderr
    for part in ("texts/run (a run)", "texts/dead.txt (a broken link)"):
        assert said(result).count(part) == 1
    alone = call(
        *(
            part.replace("RUN", model).replace("texts", "texts/a.txt") if part == "texts" else part.replace("RUN", model)
            for part in command
        )
    )
    facts = [json.loads(out) if out.startswith("{") else out for out in (result.stdout, alone.stdout)]
    for one in facts:
        for key in ("seconds", "characters_per_second", "text", "stateful", "cold-256"):
            if isinstance(one, dict):
                one.pop(key, None)
    assert facts[0] == facts[1], "it is the same text"
    assert "skipped" not in alone.stderr


def test_python_is_warned(call: Call, model: str) -> None:
    with pytest.warns(UserWarning, match=r"skipped: .*texts/run \(a run\)"):
        found = charlstm.load(model).evaluate("texts")
    assert found["stateful"].chars == len(VERSE) - 1
    with pytest.warns(UserWarning, match=r"read once, though found again: texts/a\.txt"):
        assert charlstm.load(model).evaluate("texts/a.txt", "texts/a.txt")["stateful"].chars == len(VERSE) - 1


def test_what_is_named_twice_is_read_once(call: Call, model: str) -> None:
    for command in (["eval", model], ["score", model, "--by", "document"], ["train", *QUICK, "--dry-run"]):
        result = call(*command, "texts/a.txt", "./texts/*.txt")
        assert "read once, though found again: texts/a.txt" in said(result)
    write(copy_txt=VERSE)
    result = call("train", "texts/a.txt", "copy.txt", "--dry-run", *QUICK)
    assert "note the same text under several names: texts/a.txt and copy.txt; what is validated on" in said(result)
    assert f"{2 * len(VERSE) + 1:,} characters" in said(result), "it is a note and no more"


PIPED = {
    "train": (["train", "--run", "r", *QUICK], "standard input · "),
    "eval": (["eval", "RUN", "--json"], ""),
    "score": (["score", "RUN", "--json", "--by", "document"], ""),
    "classify": (["classify", "--model", "a=RUN", "--model", "b=RUN", "--by", "document", "--json"], ""),
    "inspect": (["inspect", "RUN", "--json"], ""),
    "memory": (["memory", "RUN", "--places", "2", "--json"], ""),
    "tune": (["tune", "tune.toml", "--trials", "1", "--run", "s", *QUICK], "standard input · "),
}


@pytest.mark.parametrize("command", PIPED)
def test_what_is_piped_in_is_read_where_no_text_is_named(call: Call, model: str, command: str) -> None:
    if command == "tune":
        pytest.importorskip("optuna")
    write(tune_toml='[tune]\n"train.beta2" = [0.9, 0.95]\n')
    arguments, words = PIPED[command]
    arguments = [part.replace("RUN", model) for part in arguments]
    piped = call(*arguments, stdin=VERSE)
    assert piped.returncode == 0, piped.stderr
    assert words in piped.stderr
    empty = call(*arguments, stdin="")
    if command == "memory":
        assert "the validation part of the run's text" in said(empty), "it has one of its own"
    else:
        assert (empty.returncode, empty.stdout) == (2, "")
        assert empty.stderr.startswith("charlstm: no TEXT is named, and standard input is empty: name files, folders, globs, ")
        assert ("builtin:python-docs is the one that is built in" in empty.stderr) == (command == "train")


def test_what_is_piped_in_is_left_alone_where_a_text_is_named(call: Call) -> None:
    write(a_txt=VERSE, own_toml='[data]\ntext = "a.txt"\n', other_toml="[train]\nseed = 2\n")
    for arguments in (["a.txt"], ["--config", "own.toml"], ["--set", "data.text=a.txt"]):
        result = call("train", *arguments, "--dry-run", *QUICK, stdin=OTHER + "never")
        assert f"a.txt · {len(VERSE):,} characters" in said(result)
    result = call("train", "--config", "other.toml", "--dry-run", *QUICK, stdin=OTHER + "never")
    assert f"standard input · {len(VERSE) + 5:,} characters" in said(result)


def test_the_built_in_text_is_learned_where_nothing_is_piped_in(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "builtin:python-docs" in call("train", "--dry-run", *QUICK).stderr
    with Path(os.devnull).open(encoding="utf-8") as source:
        monkeypatch.setattr(sys, "stdin", source)
        assert texts.piped_text() == []
    assert texts.piped_text() == []


def test_a_run_from_standard_input_goes_on_as_its_messages_say(call: Call) -> None:
    write(poems_txt=VERSE)
    assert call("train", "--run", "r", *QUICK, stdin=VERSE).returncode == 0
    shutil.copytree("r", "control")
    for steps in ("4", "6"):
        named = ("--set", f"train.max_steps={steps}", "--set", "data.text=poems.txt")
        assert call("train", "--resume", "--run", "control", *named).returncode == 0
    refused = call("train", "--resume", "--run", "r", "--set", "train.max_steps=4")
    assert refused.stderr == (
        "charlstm: the text of this run came from standard input: "
        "pipe it in again, or --set data.text=FILE names a file that holds it\n"
    )
    assert call("train", "--resume", "--run", "r", "--set", "train.max_steps=4", stdin=VERSE).returncode == 0
    again = ("train", "--resume", "--run", "r", "--set", "train.max_steps=6")
    assert "not the one that this run began with" in call(*again, stdin=OTHER).stderr
    assert call(*again, "--set", "data.text=poems.txt").returncode == 0
    assert weights("r") == weights("control")


def test_a_text_that_was_moved_is_found_as_the_message_says(call: Call) -> None:
    write(texts__a_txt=VERSE, texts__b_txt=OTHER)
    for name in ("r", "p", "control"):
        assert call("train", "texts/*.txt", "--run", name, *QUICK).returncode == 0
    assert call("train", "--resume", "--run", "control", "--set", "train.max_steps=4").returncode == 0
    shutil.move("texts", "moved")
    refused = call("train", "--resume", "--run", "r", "--set", "train.max_steps=4")
    assert refused.returncode == 2
    assert refused.stderr.endswith(" --set data.text=PATH says where the text of this run lies now\n")
    option = next(part for part in shlex.split(refused.stderr) if part.startswith("data.text="))
    followed = option.replace("PATH", "moved")
    assert call("train", "--resume", "--run", "r", "--set", "train.max_steps=4", "--set", followed).returncode == 0
    assert weights("r") == weights("control")
    with pytest.raises(charlstm.TextError, match="the text 'PATH' as an argument says where the text of this run lies now"):
        charlstm.train(run="p", resume=True, max_steps=4)
    charlstm.train("moved", run="p", resume=True, max_steps=4)
    assert weights("p") == weights("control")


def test_a_text_that_has_changed_is_refused_and_another_run_goes_on_from_it(call: Call) -> None:
    write(a_txt=VERSE)
    assert call("train", "a.txt", "--run", "r", *QUICK).returncode == 0
    for changed in (OTHER + "q", VERSE[:9]):
        write(a_txt=changed)
        refused = call("train", "--resume", "--run", "r", "--set", "train.max_steps=4")
        assert refused.returncode == 2
        assert "the text is not the one that this run began with (data.text = " in refused.stderr
        assert refused.stderr.endswith(": start a new run for it, which --from RUN lets begin with what this one has learned\n")
    write(a_txt=VERSE.lower() * 2)
    few = [part for setting in ("train.max_steps=2", "train.batch_size=4", "track.curves=false") for part in ("--set", setting)]
    assert call("train", "a.txt", "--from", "r", "--run", "new", *few).returncode == 0


def test_a_run_of_an_earlier_version_reads_its_text_as_that_did(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It read a file as often as it was named, the run of another training too, and no folder that a link leads to."""
    write(texts__a_txt=VERSE, texts__old__config_toml="x = 1\n", texts__old__metrics_jsonl="{}\n", far__c_txt=OTHER)
    Path("texts/link").symlink_to("../far")
    text = ("texts", "texts/a.txt")
    with monkeypatch.context() as patch:
        patch.setattr("charlstm.text.corpus.find_sources", lambda texts, _=False: texts_of(texts))
        from charlstm.text.sources import find_sources

        def texts_of(names: list[str]) -> object:
            return find_sources(names, as_before=True)

        for name in ("r", "control"):
            assert call("train", *text, "--run", name, *QUICK).returncode == 0
        assert call("train", "--resume", "--run", "control", "--set", "train.max_steps=4").returncode == 0
    assert call("train", "--resume", "--run", "r", "--set", "train.max_steps=4").returncode == 0
    assert weights("r") == weights("control")


@pytest.fixture
def silent_pipe() -> Iterator[int]:
    end, into = os.pipe()
    yield end
    os.close(into)


def test_a_pipe_that_stays_silent_is_spoken_of(
    silent_pipe: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(texts, "_SILENCE", 0.05)
    with os.fdopen(silent_pipe, encoding="utf-8") as source:
        monkeypatch.setattr(sys, "stdin", source)
        begin = time.monotonic()
        texts.say_if_waiting(["a.txt"])
        assert capfd.readouterr().err == ""
        texts.say_if_waiting(["-"])
        assert time.monotonic() - begin < 1
    assert capfd.readouterr().err == "reading standard input: nothing has come yet\n"


def test_where_the_output_goes_is_no_text(call: Call, tmp_path: Path) -> None:
    write(a_txt=VERSE)
    command = [sys.executable, "-c", "from charlstm.text.sources import find_sources as f; print(f(['.']), f(['a.txt']))"]
    with Path("log.txt").open("w", encoding="utf-8") as log:
        subprocess.run(command, stdout=log, stdin=subprocess.DEVNULL, check=True)
    assert "log.txt (where the output goes)" in Path("log.txt").read_text(encoding="utf-8")
    with Path("a.txt").open("a", encoding="utf-8") as text:
        ended = subprocess.run(command, stdout=text, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert b"a.txt is where the output goes" in ended.stderr
