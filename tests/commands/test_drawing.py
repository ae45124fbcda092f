"""`curves.png` is drawn beside a training: by one process that takes little of a core, and never in training's way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest

from charlstm.cli import main
from charlstm.commands import drawing, redrawing
from charlstm.commands.drawing import Drawing
from charlstm.errors import Stopped
from charlstm.runs.folder import RunFolder
from tests.commands.test_plot import make_run, record
from tests.conftest import TINY, VERSE

PATIENT = 300.0  # on a machine that is busy with something else, who yields to it takes long


def wait_for(what: Callable[[], object], seconds: float = PATIENT) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The processes that are started; each sleeps for a minute instead, and reads nothing."""
    started: list[list[str]] = []
    popen = subprocess.Popen

    def start(command: list[str], **options: object) -> object:
        started.append(command)
        return popen([sys.executable, "-c", "import time; time.sleep(60)"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(drawing, "_LONGEST_WAIT", 0.1)
    return started


def test_one_process_is_started_and_training_never_waits_for_it(tmp_path: Path, commands: list[list[str]]) -> None:
    with Drawing(RunFolder(tmp_path)) as curves:
        assert commands == []
        curves.evaluated()
        begin = time.perf_counter()
        for _ in range(100_000):  # more than a pipe holds
            curves.evaluated()
        assert time.perf_counter() - begin < 10
        process = curves._process
    assert commands == [[sys.executable, "-m", "charlstm.commands.redrawing", str(tmp_path)]]
    assert process is not None
    assert process.returncode is not None


def test_a_process_that_has_ended_is_no_reason_to_stop(tmp_path: Path, commands: list[list[str]]) -> None:
    with Drawing(RunFolder(tmp_path)) as curves:
        curves.evaluated()
        assert curves._process
        curves._process.kill()
        curves._process.wait()
        curves.evaluated()
    assert len(commands) == 1


def test_who_waits_for_nothing_does_not_wait_for_the_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: list[list[str]]
) -> None:
    monkeypatch.setattr(drawing, "_LONGEST_WAIT", 60)
    curves = Drawing(RunFolder(tmp_path))
    curves.evaluated()
    process = curves._process
    begin = time.monotonic()
    curves.__exit__(Stopped, Stopped(2), None)
    assert time.monotonic() - begin < 30
    assert process is not None
    assert process.returncode is not None


@pytest.mark.parametrize("off", ["setting", "package", "no evaluation", "no program"])
def test_nothing_is_started_where_it_can_not_be_or_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: list[list[str]], off: str
) -> None:
    if off == "package":
        monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    if off == "no program":
        monkeypatch.undo()
        monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with Drawing(RunFolder(tmp_path), off != "setting") as curves:
        if off != "no evaluation":
            curves.evaluated()
        assert curves._process is None
    assert commands == []


class Redrawing:
    """The other process's `redraw_when_asked`, in a thread, with a clock that says what a picture takes and no picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn = 0
        self.takes = 0.0
        self._clock = 0.0
        self._source, self._pipe = os.pipe()
        monkeypatch.setattr(redrawing, "draw", self._draw)
        monkeypatch.setattr(redrawing, "yield_to_others", lambda: None)
        monkeypatch.setattr(time, "process_time", lambda: self._clock)
        self._thread = Thread(target=redrawing.redraw_when_asked, args=(Path("run"), self._source))
        self._thread.start()

    def _draw(self, run: Path) -> None:
        assert run == Path("run")
        self._clock += self.takes
        self.drawn += 1

    def ask(self) -> None:
        os.write(self._pipe, b"\n")

    def wait_for(self, drawn: int) -> None:
        wait_for(lambda: self.drawn == drawn)

    def end(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            self._thread.join(PATIENT)
            os.close(self._source)
        assert not self._thread.is_alive()


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redrawing]:
    process = Redrawing(monkeypatch)
    yield process
    process.end()


def test_all_pictures_take_a_hundredth_of_a_core(other: Redrawing) -> None:
    other.takes = 0.002
    begin = time.monotonic()
    while (seconds := time.monotonic() - begin) < 1:
        other.ask()
        time.sleep(0.001)
    assert 2 <= other.drawn <= 1 + seconds / 0.2 + 1


def test_every_evaluation_is_drawn_where_there_is_time_for_it(other: Redrawing) -> None:
    for number in range(1, 6):
        other.ask()
        other.wait_for(number)


def test_the_end_is_drawn_at_once_and_only_where_there_is_news(other: Redrawing) -> None:
    other.takes = 1000.0
    other.ask()
    other.wait_for(1)
    for _ in range(3):
        other.ask()
    time.sleep(0.1)
    assert other.drawn == 1
    other.end()
    assert other.drawn == 2


def test_without_news_the_end_draws_nothing(other: Redrawing) -> None:
    other.takes = 1000.0
    other.ask()
    other.wait_for(1)
    other.end()
    assert other.drawn == 1


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the end waits for it")
def test_the_end_does_not_wait_for_a_picture_that_gets_no_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, other: Redrawing
) -> None:
    begun: list[list[str]] = []
    has_begun, is_free = Event(), Event()

    def draw(_run: Path) -> None:
        has_begun.set()
        is_free.wait(PATIENT)

    def begin(_program: str, command: list[str]) -> None:
        begun.append(command)
        is_free.set()

    monkeypatch.setattr(redrawing, "_PATIENCE", 0.01)
    monkeypatch.setattr(redrawing, "draw", draw)
    monkeypatch.setattr(os, "execv", begin)
    other.ask()
    has_begun.wait(PATIENT)
    other.end()
    assert begun == [[sys.executable, "-m", "charlstm", "plot", "run"]]


def is_newer(file: Path, before: int) -> bool:
    return file.is_file() and file.stat().st_mtime_ns > before


def test_a_real_process_draws_each_time_and_survives_what_it_can_not_draw(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    picture = run / "curves.png"
    code = "from charlstm.commands import redrawing as r; r.PAUSE = 0; import sys; r.redraw_when_asked(r.Path(sys.argv[1]), 0)"
    code += "; sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", code, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as process:
        assert process.stdin
        process.stdin.write(b"\n")  # a run without an evaluation
        time.sleep(0.5)
        for step in (1, 2):
            with (run / "metrics.jsonl").open("a") as log:
                log.write(f'{json.dumps(record(step, 2.0))}\n{{"half')
            before = picture.stat().st_mtime_ns if step > 1 else 0
            process.stdin.write(b"\n")
            wait_for(partial(is_newer, picture, before))
    assert process.returncode == 0
    assert {file.name for file in run.iterdir()} == {"config.toml", "metrics.jsonl", "curves.png"}


@pytest.mark.skipif(sys.platform != "linux", reason="how processes are told about")
def test_it_computes_only_while_nobody_else_wants_to_and_ends_with_its_parent(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", record(1, 2.0))
    code = """if True:
        import os, signal, sys
        from charlstm.commands.drawing import Drawing, Path, RunFolder
        run = Path(sys.argv[1])
        curves = Drawing(RunFolder(run))
        curves.evaluated()
        print(curves._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    """
    parent = subprocess.Popen([sys.executable, "-c", code, run], stdout=subprocess.PIPE)
    try:
        assert parent.stdout
        with parent.stdout:
            child = int(parent.stdout.readline())
        tasks = Path(f"/proc/{child}/task")
        wait_for(lambda: os.SCHED_IDLE in [os.sched_getscheduler(int(task.name)) for task in tasks.iterdir()])
        assert os.getpgid(child) == child != os.getpgid(parent.pid)
        assert os.getsid(child) == os.getsid(parent.pid)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_for(lambda: has_ended(child))


def has_ended(process: int) -> bool:
    """Whether it is gone, or has ended and nobody asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_what_lies_in_the_users_folder_is_not_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", record(1, 2.0))
    for name in ("json", "charlstm"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drawing, "_LONGEST_WAIT", PATIENT)
    with Drawing(RunFolder(Path("run"))) as curves:
        curves.evaluated()
    assert (run / "curves.png").is_file()


def test_the_end_of_a_training_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drawing, "_LONGEST_WAIT", PATIENT)
    Path("verse.txt").write_text(VERSE, encoding="utf-8")
    settings = [part for s in (*TINY, "train.max_steps=2", "track.curves=true") for part in ("--set", s)]
    assert main(["train", "verse.txt", "--run", "run", *settings]) == 0
    assert Path("run/curves.png").read_bytes().startswith(b"\x89PNG")
    assert main(["train", "verse.txt", "--run", "run", "--overwrite", *settings, "--set", "track.curves=false"]) == 0
    assert not Path("run/curves.png").exists()
