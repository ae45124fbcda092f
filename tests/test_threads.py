from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm import threads
from charlstm.cli import main
from charlstm.threads import given_cpus, most_threads, tidy_asked
from tests.conftest import TINY, VERSE
from tests.shims import compiled

_TRAIN_AND_SAMPLE = """
import sys
from charlstm.cli import main
sets = [part for setting in sys.argv[1:] for part in ("--set", setting)]
assert main(["train", "verse.txt", "--run", "run", *sets, "--set", "train.max_steps=3"]) == 0
assert main(["sample", "run", "--length", "3"]) == 0
assert main(["score", "run", "verse.txt"]) == 0
"""
ODD = ("5000", "99999999999", "9" * 5000, "abc", "-1", "0", "", " ", "2.5", "1,", ",2", "0x4")
SOUND = {"1": 1, " 2 ": 2, "2,1": 2, "3": 3, "02": 2}


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 8 CPUs and no quota."""
    monkeypatch.setattr(threads, "given_cpus", lambda: 8)
    monkeypatch.setattr("os.cpu_count", lambda: 8)


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize("value", [*SOUND, *ODD])
def test_what_is_asked_for_is_heard_where_it_is_sane(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    tidy_asked()
    assert os.environ.get("OMP_NUM_THREADS") == (value if value in SOUND else None)
    assert most_threads() == SOUND.get(value, 8)


@pytest.mark.usefixtures("eight")
def test_more_than_there_are_cpus_is_never_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "20")
    tidy_asked()
    assert (os.environ["OMP_NUM_THREADS"], most_threads()) == ("20", 8), "nothing dies of it, so it stays"


V1, V2 = "3:cpu,cpuacct:/job/step\n1:cpuset:/other\n", "0::/job/step\n"


@pytest.mark.parametrize(
    ("groups", "files", "cpus"),
    [
        (V2, {}, 8),
        (V2, {"job/step/cpu.max": "max 100000"}, 8),
        (V2, {"job/step/cpu.max": "150000 100000"}, 2),
        (V2, {"job/step/cpu.max": "50000 100000"}, 1),
        (V2, {"job/step/cpu.max": "max 100000", "job/cpu.max": "300000 100000"}, 3),  # of the group that it lies in
        ("0::/\n", {"cpu.max": "250000 100000"}, 3),  # a container that sees its own group as the root
        ("0::/../outside\n", {"cpu.max": "200000 100000"}, 2),
        (V1, {"cpu/job/step/cpu.cfs_quota_us": "350000", "cpu/job/step/cpu.cfs_period_us": "100000"}, 4),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 1),
        (V1, {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"}, 8),
        (V1, {"cpu/job/cpu.cfs_quota_us": "100", "cpu/job/cpu.cfs_period_us": "0"}, 8),
        (V2, {"job/step/cpu.max": "nonsense"}, 8),
        (V2, {"job/step/cpu.max": "99900000 100000"}, 8),
        ("nonsense\n\n:\n", {"cpu.max": ""}, 8),
    ],
)
def test_quotas_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: str, files: dict[str, str], cpus: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, content in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    assert given_cpus(tmp_path) == cpus


def test_the_cpus_that_it_may_run_on_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 7, 11}, raising=False)
    assert given_cpus(tmp_path) == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert given_cpus(tmp_path) == 1, "a system that tells nothing"


@pytest.mark.parametrize("asked", ["5000", None])
def test_no_library_says_a_word_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    """Trained, sampled and scored in a process that is asked for odd numbers, on a system that ties no thread to a CPU."""
    monkeypatch.setenv("LD_PRELOAD", str(compiled("refuse_affinity", tmp_path)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    (tmp_path / "verse.txt").write_text(VERSE)
    large = ("model.hidden_size=300",) if asked is None else ()  # so that ONNX Runtime takes several threads
    command = [sys.executable, "-c", _TRAIN_AND_SAMPLE, *TINY, *large]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    for word in ("libgomp", "OMP", "onnxruntime", "affinity", "error", "\x1b["):
        assert word not in done.stderr


@pytest.mark.parametrize(
    ("set_by_user", "found"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_the_command_line_says_how_threads_wait_unless_the_user_does(
    monkeypatch: pytest.MonkeyPatch, set_by_user: dict[str, str], found: str | None
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    assert main(["--version"]) == 0
    assert os.environ.get("GOMP_SPINCOUNT") == found
