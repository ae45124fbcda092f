"""Homes, caches and file systems as they are on other machines, and what the program must do there all the same.

Each place trains, goes on, samples and looks at runs; the model must be the one of an ordinary place, with at most the one
warning that belongs to it, and nothing may come to lie in the folder at hand but what was asked for.

Knows: which places there are, how each is made, what is said there.
Does not know: how what holds is counted.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from child import Child, Ended

from charlstm.text import corpus

_ENVIRONMENT = ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR")


@dataclass(frozen=True)
class Place:
    """How a place differs from an ordinary one. `{}` is the folder that all of it lies in."""

    environment: Mapping[str, str | None]
    warning: str = ""
    """Begins the only warning; empty where there is none."""
    runs_on: bool = True
    """Whether a run can begin and go on there; else it lies there, can only be read, and a resume says so in a line."""


def _refused(within: str = "", **numbers: int) -> dict[str, str | None]:
    """Variables of scripts/refusing.c."""
    refused: dict[str, str | None] = {f"REFUSE_{name.upper()}": str(number) for name, number in numbers.items()}
    return refused | ({"REFUSE_IN": f"{{}}/{within}"} if within else {})


_NAMELESS = _refused(name=1)
_CACHE = "can't write the encoded text to "
_LOCKS = "the file system of r has no locks "
PLACES = {
    "no home": Place({"HOME": None, **_NAMELESS}),
    "an empty home": Place({"HOME": "", **_NAMELESS}),
    "a relative home": Place({"HOME": "home", **_NAMELESS}),
    "a home that is a file": Place({"HOME": "{}/file", **_NAMELESS}),
    "a home that is not there": Place({"HOME": "{}/missing", **_NAMELESS}),
    "a home that is read-only": Place({"HOME": "{}/home", **_refused("home", change=errno.EROFS)}, _CACHE),
    "a relative cache": Place({"XDG_CACHE_HOME": "cache"}),
    "a cache that is a file": Place({"XDG_CACHE_HOME": "{}/file"}),
    "a cache that is read-only": Place(_refused("cache", change=errno.EROFS), _CACHE),
    "a cache of someone else's": Place(_refused("cache", change=errno.EACCES), _CACHE),
    "a full cache": Place(_refused("cache", write=errno.ENOSPC), _CACHE),
    "a cache beyond its quota": Place(_refused("cache", write=errno.EDQUOT), _CACHE),
    "no temporary files": Place({"TMPDIR": "{}/file", "HOME": None, **_NAMELESS}),
    "a cache that maps no files": Place(_refused("cache", mmap=errno.ENODEV)),
    "no hard links": Place(_refused(link=errno.EPERM)),
    "no fsync": Place(_refused(fsync=errno.EINVAL)),
    "no times of files": Place(_refused(utime=errno.EPERM)),
    **{f"flock answers {number}": Place(_refused(flock=number), _LOCKS) for number in (37, 95, 22, 38, 5, 1)},
    "a run that is read-only": Place(_refused("here/r", change=errno.EROFS), runs_on=False),
    "a run of someone else's": Place(_refused("here/r", change=errno.EACCES), runs_on=False),
    "a run that is a link": Place({"LINK": "r"}),
    "a text that is a link": Place({"LINK": "text.txt"}),
    "a run of links into a store": Place({"LINK": "store"}),
}


class Visitor:
    """Goes to places, one after the other, and says of each whether all held there."""

    def __init__(self, home: Path, options: list[str]) -> None:
        """`home` has the text; `options` are those of a training of 16 steps, but for how many."""
        self._home, self._options = home, options
        self._here = home / "here"
        self._expected: tuple[str, str] | None = None

    def holds(self, place: Place) -> bool:
        """Whether all is there as in an ordinary place, and said as it should be."""
        self._expected = self._expected or self._results(Place({}))[0]
        results, said, left = self._results(place)
        warnings = [line for ended in said for line in ended.said.splitlines() if line.startswith("warning: ")]
        is_told = all(line.startswith(f"warning: {place.warning}") for line in warnings) and bool(place.warning) == bool(
            warnings
        )
        is_once = all(ended.said.count("warning: ") <= 1 and "Traceback" not in ended.said for ended in said)
        # The last one asks for a run to go on that may only be read.
        codes = [ended.code for ended in said]
        is_done = codes == [0] * len(said) if place.runs_on else codes[:-1] == [0] * (len(said) - 1) and codes[-1] == 1
        is_line = place.runs_on or said[-1].said.startswith("charlstm: can't write r")
        return (
            results == self._expected and is_told and is_once and is_done and is_line and left == {"r", "text.txt", "out.txt"}
        )

    def _results(self, place: Place) -> tuple[tuple[str, str], list[Ended], set[str]]:
        """What came of it: digests of the model and of a sample; what was said; what lies there then."""
        self._make(place)
        train = ["train", "text.txt", "--run", "r", *self._options, "--set", "train.max_steps=8"]
        resume = ["train", "--resume", "--run", "r", "--set", "train.max_steps=16"]
        link = place.environment.get("LINK")
        said = [self._call(train, place if place.runs_on else Place({}))]
        if link == "store":
            shutil.copytree(self._here / "r", self._home / "store")
            for file in (self._here / "r").iterdir():
                file.unlink()
                file.symlink_to(self._home / "store" / file.name)
        store = _digests(self._home / "store")
        said.append(self._call(resume, place if place.runs_on else Place({})))
        assert _digests(self._home / "store") == store, "a store is not written to"
        sample = ["sample", "r", "--seed", "1", "--length", "50", "--output", "out.txt"]
        said += [self._call(arguments, place) for arguments in (sample, ["score", "r", "text.txt"], ["runs", "."])]
        if not place.runs_on:
            said.append(self._call([*resume[:-1], "train.max_steps=24"], place))
        results = tuple(_digest(self._here / name) for name in ("r/last.safetensors", "out.txt"))
        return (results[0], results[1]), said, {file.name for file in self._here.iterdir()}

    def _make(self, place: Place) -> None:
        for name in ("here", "home", "cache", "store", "elsewhere", "tmp"):
            shutil.rmtree(self._home / name, ignore_errors=True)
        for name in ("here", "home", "cache/charlstm/texts", "elsewhere", "tmp", "home/.cache/charlstm/texts"):
            (self._home / name).mkdir(parents=True)
        (self._home / "file").touch()
        shutil.copy(self._home / "text.txt", self._here)
        link = place.environment.get("LINK")
        if link == "r":
            (self._here / "r").symlink_to(self._home / "elsewhere")
        elif link == "text.txt":
            (self._here / link).unlink()
            (self._here / link).symlink_to("../text.txt")

    def _call(self, arguments: list[str], place: Place) -> Ended:
        environment = {"XDG_CACHE_HOME": "{}/cache", "TMPDIR": "{}/tmp"} if "HOME" not in place.environment else {}
        return Child(self._here, arguments, self._becoming({**environment, **place.environment})).end()

    def _becoming(self, environment: Mapping[str, str | None]) -> Callable[[], None]:
        def become() -> None:
            corpus.IN_MEMORY = 500  # so that the text belongs into the cache
            for name in _ENVIRONMENT:
                os.environ.pop(name, None)
            os.environ["TMPDIR"] = str(self._home / "tmp")
            for name, value in environment.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value.replace("{}", str(self._home))

        return become


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _digests(folder: Path) -> dict[str, str]:
    return {file.name: _digest(file) for file in folder.iterdir()} if folder.is_dir() else {}
