"""Is this checkout slower than another one? Both run the same commands in turn, pair by pair.

    git worktree add ../before COMMIT
    python scripts/bench_versions.py ../before              # about ten minutes
    python scripts/bench_versions.py ../before --only help sample --pairs 9

Each figure is the ratio of the time that a command takes here to the time it takes there, the median of the pairs; below 1 is
faster here. Commands are whole processes of the same Python with another PYTHONPATH; what a training and a scoring take is read
from their own reports, so that starting does not hide them.

Knows: which commands stand for what people wait for.
Does not know: how either version works.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from report import row, seconds

HERE = Path(__file__).resolve().parent.parent
_TEXT = "builtin:python-docs"
_LIMIT = "at most 1.02"


class Version:
    """A checkout, with a folder of its own for runs and caches."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(folder / "cache")}
        self.folder = folder
        folder.mkdir()

    def call(self, *arguments: str) -> str:
        """What `charlstm ARGUMENTS` writes to standard output."""
        command = [sys.executable, "-m", "charlstm", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return done.stdout.decode()

    def peak_memory(self, *arguments: str) -> float:
        """The largest resident set of that process, in MB."""
        code = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000)"
        )
        command = [sys.executable, "-c", code, sys.executable, "-m", "charlstm", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self._environment, check=True, capture_output=True)
        return float(done.stdout)


def train_step(version: Version) -> float:
    """Seconds a character while 2x512 trains, as the run's own log has them."""
    settings = ("train.batch_size=32", "train.seq_len=64", "train.max_steps=40", "track.curves=false", "sample.length=1")
    version.call("train", _TEXT, "--run", "speed", "--overwrite", *(part for s in settings for part in ("--set", s)))
    last = (version.folder / "speed" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return 1 / float(json.loads(last)["chars_per_second"])


def sample_character(version: Version) -> float:
    """Seconds for 30,000 characters of a 2x512 in 8 bits, starting included: `auto` may take another precision in each."""
    return seconds(lambda: version.call("sample", "model", "--length", "30000", "--seed", "1", "--precision", "int8"))


def first_character(version: Version) -> float:
    """Seconds from the shell to one character."""
    return seconds(lambda: version.call("sample", "model", "--length", "1", "--seed", "1"))


def score_text(version: Version) -> float:
    """Seconds a character by both protocols of `eval`, as it reports them."""
    found = json.loads(version.call("eval", "model", "lines.txt", "--json"))
    return sum(float(one["seconds"]) for one in found.values())


def score_lines(version: Version) -> float:
    """Seconds to score lines one by one."""
    return seconds(lambda: version.call("score", "model", "lines.txt", "--json"))


def help_text(version: Version) -> float:
    """Seconds for --help."""
    return seconds(lambda: version.call("--help"))


def memory_of_sample(version: Version) -> float:
    """MB at the most while 2,000 characters are generated."""
    return version.peak_memory("sample", "model", "--length", "2000", "--seed", "1")


PARTS: dict[str, tuple[str, Callable[[Version], float], str]] = {
    "train": ("a step of training, 2x512, batch 32 x 64", train_step, _LIMIT),
    "sample": ("30,000 characters of one text, 2x512, int8", sample_character, _LIMIT),
    "first": ("the first character from the shell", first_character, _LIMIT),
    "eval": ("both protocols of `eval`", score_text, _LIMIT),
    "score": ("`score` line by line", score_lines, _LIMIT),
    "help": ("`charlstm --help`", help_text, _LIMIT),
    "memory": ("peak memory of `charlstm sample`", memory_of_sample, "below 1"),
}


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(description="Compare the speed of this checkout with another one's.")
    parser.add_argument("before", type=Path, help="a checkout of another version")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        versions = [Version(HERE, Path(folder, "here")), Version(options.before.resolve(), Path(folder, "there"))]
        _prepare(versions)
        print("| what | here / there | to reach |\n|---|---|---|")
        for name in options.only:
            what, measure, limit = PARTS[name]
            pairs = [[measure(one) for one in versions] for _ in range(options.pairs + 1)][1:]  # the first warms up
            ratios = sorted(here / there for here, there in pairs)
            ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
            each = f"{ours:.3g} against {theirs:.3g}"
            row(what, f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}; {each})", limit)


def _prepare(versions: list[Version]) -> None:
    """One model and one text for all: made by the other version, so that this one also shows that it reads them."""
    here, there = versions
    settings = ("train.max_steps=20", "track.curves=false", "sample.length=1")
    there.call("train", _TEXT, "--run", "model", *(part for setting in settings for part in ("--set", setting)))
    (here.folder / "model").symlink_to(there.folder / "model")
    lines = there.call("sample", "model", "--length", "60000", "--seed", "2")
    for version in versions:
        (version.folder / "lines.txt").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
