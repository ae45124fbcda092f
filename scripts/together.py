"""Many starts in the same moment, without names, with one cache.

Knows: what is started together, and what must have come of it.
Does not know: how what holds is shown.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from pathlib import Path
from random import Random

from child import Child, Ended

from charlstm.runs.folder import RunFolder
from charlstm.text import corpus
from charlstm.tuning.folder import SearchFolder


class Starts:
    """Starts things together, time after time."""

    AT_ONCE = 6

    def __init__(self, home: Path, options: list[str], chance: Random) -> None:
        """`home` has the text; `options` are those of a training of few steps."""
        self._home, self._options, self._chance = home, options, chance
        space = "[tune]\n'train.learning_rate' = [0.001, 0.002]\n"
        (home / "space.toml").write_text(space, encoding="utf-8")
        Child(home, ["train", "text.txt", "--run", "model", *options]).end()

    def count(self, rounds: int) -> tuple[int, int]:
        """How many of the starts came to what they should, of how many."""
        kinds = (self._trainings, self._samples, self._one_name, self._searches, self._killed)
        held = [kinds[number % len(kinds)]() for number in range(rounds)]
        return sum(held), rounds * self.AT_ONCE

    def _trainings(self) -> int:
        ended = self._start(["train", "text.txt", *self._options])
        runs = {name for one in ended if one.code == 0 and (name := _said_run(one)) and RunFolder(self._home / name).model()}
        return len(runs) if self._expected("text", len(runs)) else 0

    def _searches(self) -> int:
        ended = self._start(["tune", "space.toml", "text.txt", "--trials", "1", *self._options])
        found = [path for path in (self._home / "runs").iterdir() if SearchFolder(path).best_config.exists()]
        done = min(len(found), sum(one.code == 0 for one in ended))
        return done if self._expected("text-tune", len(found)) else 0

    def _samples(self) -> int:
        """With no graph of the model in the cache, and one that gets the same text from all of them."""
        shutil.rmtree(self._home / "cache", ignore_errors=True)
        outputs = [self._home / f"out-{number}.txt" for number in range(self.AT_ONCE)]
        sample = ["sample", "model", "--seed", "1", "--length", "30", "--output"]
        ended = self._start(*([*sample, str(output)] for output in outputs))
        texts = [output.read_bytes() for output in outputs if output.exists()]
        return sum(one.code == 0 and text == texts[0] for one, text in zip(ended, texts, strict=False)) * self._is_clean()

    def _one_name(self) -> int:
        """Which all of them ask for: one gets it, and the others are told in a line."""
        ended = self._start(["train", "text.txt", "--run", "runs/one", *self._options])
        done = [one for one in ended if one.code == 0]
        told = [one for one in ended if one.code == 2 and re.search("another training|holds a run", one.last_line)]
        return len(done) + len(told) if len(done) == 1 and RunFolder(self._home / "runs" / "one").model() else 0

    def _killed(self) -> int:
        """In some moment, all of them; the names that nothing came into are taken by those who start then."""
        shutil.rmtree(self._home / "runs", ignore_errors=True)
        children = [Child(self._home, ["train", "text.txt", *self._options], self._prepare) for _ in range(self.AT_ONCE)]
        time.sleep(self._chance.uniform(0, 0.3))
        for child in children:
            child.send(signal.SIGKILL)
        for child in children:
            child.end()
        ended = self._start(["train", "text.txt", *self._options], anew=False)
        runs = {name for one in ended if one.code == 0 and (name := _said_run(one)) and RunFolder(self._home / name).model()}
        under = list((self._home / "runs").iterdir())
        # What has a name has also begun: no number is left out by a folder that only a lock is in.
        return len(runs) if all(RunFolder(path).held() for path in under) and self._is_clean() else 0

    def _start(self, *each: list[str], anew: bool = True) -> list[Ended]:
        if anew:
            shutil.rmtree(self._home / "runs", ignore_errors=True)
        commands = list(each) * (self.AT_ONCE // len(each))
        children = [Child(self._home, command, self._prepare) for command in commands]
        return [child.end() for child in children]

    def _prepare(self) -> None:

        os.environ["XDG_CACHE_HOME"] = str(self._home / "cache")
        corpus.IN_MEMORY = 500  # so that the text belongs into the cache

    def _expected(self, name: str, count: int) -> bool:
        """Whether just the first names are taken, and nothing half-written is left in the cache."""
        names = {name if i == 1 else f"{name}-{i}" for i in range(1, count + 1)}
        return {path.name for path in (self._home / "runs").iterdir()} == names and self._is_clean()

    def _is_clean(self) -> bool:
        return not list((self._home / "cache").rglob("*.tmp"))


def _said_run(ended: Ended) -> str:
    """The folder that a training said it writes to."""
    said = re.search(r"^run +(\S+)$", ended.said, re.MULTILINE)
    return said[1] if said else ""
