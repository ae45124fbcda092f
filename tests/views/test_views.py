from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from charlstm.asked import Asked
from charlstm.config import Config, DataConfig
from charlstm.errors import Stopped
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Record, Setback
from charlstm.scoring.totals import Evaluation
from charlstm.text.corpus import Findings, corpus_of
from charlstm.text.vocabulary import ByteVocabulary
from charlstm.training.estimate import Estimate
from charlstm.training.prepared import Prepared, prepare
from charlstm.training.trainer import Trainer
from charlstm.views.bars import reading_bar, scoring_bar
from charlstm.views.console import duration, print_facts, print_json
from charlstm.views.summary import print_evaluations, print_plan, print_prepared
from charlstm.views.terminal import stream_out, visible
from charlstm.views.training import make_view
from tests.conftest import make_trainer

LINK, CLIPBOARD, TITLE = "\x1b]8;;http://x\x07", "\x1b]52;c;aGk=\x07", "\x1b]0;title\x07"
HOSTILE = [LINK, CLIPBOARD, TITLE, "\x1b[2J", "\x9b31m", "\x7f", "a\rb", "\u202eabc", "\u2066", "\0"]


Terminal = Callable[[int], None]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes of both streams a plain terminal with so many columns."""

    def make(columns: int) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setenv("COLUMNS", str(columns))

    return make


@pytest.mark.parametrize("payload", HOSTILE)
def test_what_a_terminal_would_obey_is_shown_instead(payload: str) -> None:
    shown = visible(payload)
    assert all(c.isprintable() for c in shown)
    assert "\\" in shown


def test_other_text_passes() -> None:
    for text in ("tab\there\nand ★ é 中 😀", "[/x] [bold]", "\u0645\u06cc\u200c\u062e", "👩\u200d💻"):
        assert visible(text) == text
    assert visible("one\r\ntwo\r\n") == "one\ntwo\n"


def test_streams_that_are_not_terminals_get_exact_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stream_out(["a\x1b[2J", "é\r\n"])
    assert capfdbinary.readouterr().out == "a\x1b[2Jé\r\n".encode()


@pytest.mark.parametrize(("raw", "expected"), [(False, b"a\\x1b]0;t\\x07[/x]\n"), (True, b"a\x1b]0;t\x07[/x]")])
def test_a_terminal_is_shown_controls_and_obeys_them_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], raw: bool, expected: bytes
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    stream_out(["a\x1b]0;t", "\x07[/x]"], raw)
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == expected


def test_an_interrupted_sample_ends_its_line(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def pieces() -> Iterator[str]:
        yield "To be"
        raise Stopped(2)

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(Stopped):
        stream_out(pieces())
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"To be\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (10, "10 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (90_000, "25 h 00 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.fixture
def shown(prepared: Prepared, tmp_path: Path) -> tuple[Trainer, list[Record]]:
    trainer = make_trainer(prepared)
    return trainer, [r for r in trainer.fit(RunFolder(tmp_path)) if isinstance(r, Record)]


def test_a_line_and_a_sample_an_evaluation(
    shown: tuple[Trainer, list[Record]], capsys: pytest.CaptureFixture[str], terminal: Terminal
) -> None:
    terminal(80)
    trainer, records = shown
    view = make_view(trainer)
    record = dataclasses.replace(records[0], sample="[/x] is no markup\x1b[2J\n" + "long " * 40, is_best=True)
    view.show(record)
    view.show(dataclasses.replace(record, is_best=False))
    view.close()
    out, printed = capsys.readouterr()
    assert out == ""
    lines = printed.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in printed
    assert "[/x] is no markup\\x1b[2J" in printed
    assert f"train {record.train_loss:.3f}" in lines[0]
    assert f"{record.bpc:.3f} bpc" in lines[0]
    assert [("best" in line) for line in lines if line.startswith("epoch")] == [True, False]


def test_the_lessons_lines_and_its_two_samples(
    make_config: Callable[..., Config], shown: tuple[Trainer, list[Record]], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, (_, records) = shown[0].prepared.corpus, shown
    view = make_view(make_trainer(prepare(corpus, Asked.all_of(make_config("train.style=lesson")))))
    for epoch, sample in enumerate(["first words", "middle", "last words"], start=1):
        view.show(
            dataclasses.replace(records[0], epoch=epoch, batch=5, train_loss=3.4008581, validation_loss=3.402019, sample=sample)
        )
    view.finish()
    printed = capsys.readouterr().err
    assert printed.startswith("Epoch: 0, Batch: 5, Train Loss: 3.400858, Validation Loss: 3.402019\n")
    assert any("first words" in line and "last words" in line for line in printed.splitlines())
    assert any("Epoch 0" in line and "Epoch 2" in line for line in printed.splitlines())
    assert "middle" not in printed


def test_what_was_read_and_shrunk_is_said(
    make_config: Callable[..., Config], prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = make_config("train.batch_size=5000")
    print_prepared(prepare(prepared.corpus, Asked.all_of(asked)), asked)
    printed = capsys.readouterr().err
    for part in ("verse.txt", f"{len(prepared.ids):,} characters", f"{prepared.vocabulary.size} symbols", "too short"):
        assert part in printed


@pytest.mark.parametrize("is_disturbed", [False, True])
def test_a_plan_is_told_by_what_was_measured(
    prepared: Prepared, capsys: pytest.CaptureFixture[str], is_disturbed: bool
) -> None:
    """One minute an epoch, two epochs: the view is given the time and measures nothing."""
    trainer = make_trainer(prepared)
    trainer.seconds_an_epoch = None  # type: ignore[method-assign, assignment]
    plan = Estimate(60.0, is_disturbed)
    print_plan(trainer, RunFolder(Path("runs/verse")), plan)
    said = " ".join(capsys.readouterr().err.split())
    busy = " on a busy machine" if is_disturbed else ""
    for part in (
        f"{trainer.steps_an_epoch:,} steps of 4 x 8 characters, about 1 min 00 s{busy} and an evaluation",
        f"{trainer.total_steps:,} steps, 2 epochs, about 2 min 00 s{busy} run",
        "runs/verse",
    ):
        assert part in said


def test_a_table_of_losses(capsys: pytest.CaptureFixture[str]) -> None:
    results = {"stateful": Evaluation(100.0, 50, 0.5), "cold-256": Evaluation(110.0, 50, 75.0)}
    print_evaluations(results, ByteVocabulary(), as_json=False)
    printed = capsys.readouterr().out
    assert "bits per byte" in printed
    assert "2.0000" in printed
    assert "2.2000" in printed
    assert "1 min 15 s" in printed
    assert [line.split()[-1] for line in printed.splitlines()[-2:]] == ["100", "1"], "bytes a second"
    assert all(len(line) <= 80 for line in printed.splitlines())


def test_facts_are_wrapped_behind_their_names(capsys: pytest.CaptureFixture[str], terminal: Terminal) -> None:
    terminal(40)
    print_facts([("a", "b"), ("longer name", "word " * 10), ("path", "x" * 50)])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "a            b"
    assert [line[:13] for line in lines[1:3]] == ["longer name  ", " " * 13]
    assert "".join(line[13:] for line in lines if "x" in line) == "x" * 50
    assert all(len(line) <= 40 and line == line.rstrip() for line in lines)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    print_facts([("name", "value")])
    assert "\x1b[36m" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    print_facts([("name", "value")])
    assert "\x1b[36m" not in capsys.readouterr().err


def test_a_sample_fits_the_terminal_in_any_script(
    shown: tuple[Trainer, list[Record]], capsys: pytest.CaptureFixture[str], terminal: Terminal
) -> None:
    terminal(80)
    trainer, records = shown
    make_view(trainer).show(dataclasses.replace(records[0], sample="    if x:\n" + "日本" * 60))
    _, indented, wide, *_ = capsys.readouterr().err.splitlines()
    assert indented == "  │     if x:"
    assert 60 < cell_len(wide) <= 80


def test_notes_on_a_text_are_said_once(capsys: pytest.CaptureFixture[str], make_config: Callable[..., Config]) -> None:
    corpus = corpus_of("one\r\n" * 200 + "\x00\x1b\x1b\x07\x06 once", DataConfig(min_count=2))
    corpus = dataclasses.replace(corpus, findings=dataclasses.replace(corpus.findings, replaced="a.txt, offset 3"))
    print_prepared(prepare(corpus, Asked.all_of(make_config())), make_config())
    said = " ".join(capsys.readouterr().err.split())
    for part in (
        "200 lines end in CRLF, which is kept; data.newlines=lf",
        "5 control characters are kept: U+0000, U+0006, U+0007 and 1 more",
        "were let pass, the first in a.txt, offset 3",
        "5 rare characters became U+FFFD",
    ):
        assert said.count(part) == 1, (part, said)


def test_many_symbols_and_a_damaged_cache_are_noted(
    capsys: pytest.CaptureFixture[str], make_config: Callable[..., Config]
) -> None:
    for symbols, noted in ((5_000, False), (5_001, True)):
        corpus = corpus_of("".join(map(chr, range(0x4E00, 0x4E00 + symbols))) * 2)
        corpus = dataclasses.replace(corpus, findings=Findings(damaged=noted))
        print_prepared(prepare(corpus, Asked.all_of(make_config())), make_config())
        said = " ".join(capsys.readouterr().err.split())
        assert (f"{symbols:,} symbols make a wide model: data.unit=byte needs 256, data.min_count=5" in said) == noted
        assert ("it was encoded anew" in said) == noted


@pytest.mark.parametrize(("is_terminal", "done", "drawn"), [(True, 2**30, True), (True, 2**20, False), (False, 2**30, False)])
def test_a_bar_for_a_large_text_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, done: int, drawn: bool
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", shown)
    with reading_bar() as progress:
        progress(done, 2**31)
        progress(done, 2**31)
    assert ("reading:" in shown.getvalue()) == drawn


def test_a_bar_while_a_model_learns_from_what_it_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", shown)
    with scoring_bar() as progress:
        progress(0, 111_540)
    assert "scoring:" in shown.getvalue()
    assert "0.00/112k" in shown.getvalue()


def test_setbacks_and_samples_that_were_not_written_are_told(
    shown: tuple[Trainer, list[Record]], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, records = shown
    view = make_view(trainer)
    view.show(Setback("the loss of step 1,234 is not a finite number, learning rate 0.003", 1200, 2))
    view.show(dataclasses.replace(records[0], unwritten="can't write r/samples.txt: No space left on device"))
    view.close()
    printed = capsys.readouterr().err
    assert "warning: the loss of step 1,234 is not a finite number" in printed
    assert "back to step 1,200 with half the learning rate (2 of at most 3 times)" in printed
    assert "samples.txt: No space left on device; training goes on without it" in printed


def test_json_on_a_terminal_obeys_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    value = {"symbols": "a\x1b\x7f\x9b\u202eé"}
    print_json(value)
    assert json.loads(piped := capsys.readouterr().out) == value
    assert "é" in piped
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    print_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert shown.isascii()
