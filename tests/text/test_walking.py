"""What lies in a folder or is named by a glob: each file once, by one name, and a reason for all that is not read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from charlstm.errors import TextError
from charlstm.text.sources import find_sources
from charlstm.text.walking import Walk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and named pipes are POSIX's")


@pytest.fixture(autouse=True)
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("texts/b.txt", "texts/z/y.txt", "texts/.hidden/x.txt", "elsewhere/far.txt", "elsewhere/deep/far.txt")
    return tmp_path / "texts"


def write(*names: str, content: str = "text") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content, encoding="utf-8")


def found(text: str) -> tuple[list[str], dict[str, str], list[str]]:
    walk = Walk()
    files = walk.in_folder(Path(text)) if Path(text).is_dir() else walk.by_glob(text)
    return [file.path.as_posix() for file in files], walk.left_out, walk.repeated


def test_links_are_followed_once_each_and_never_in_a_circle() -> None:
    Path("texts/a").symlink_to("z")
    Path("texts/more").symlink_to(Path("elsewhere").absolute())
    Path("texts/again").symlink_to(Path("elsewhere/deep").absolute())
    Path("texts/up").symlink_to("..")
    Path("texts/self").symlink_to(".")
    Path("elsewhere/back").symlink_to(Path("elsewhere").absolute())
    Path("texts/root").symlink_to("/")
    files, left_out, repeated = found("texts")
    assert files == ["texts/again/far.txt", "texts/b.txt", "texts/more/far.txt", "texts/z/y.txt"]
    above = "a link to a folder that it lies in"
    assert left_out == {f"texts/{name}": above for name in ("root", "self", "up", "more/back")}
    assert repeated == ["texts/a", "texts/more/deep"]


def test_a_file_goes_by_the_name_that_no_link_leads_to() -> None:
    Path("texts/a.txt").symlink_to("b.txt")
    os.link("texts/z/y.txt", "texts/z/hard.txt")
    files, left_out, repeated = found("texts")
    assert (files, left_out) == (["texts/b.txt", "texts/z/hard.txt"], {})
    assert repeated == ["texts/z/y.txt", "texts/a.txt"]


def test_what_is_no_file_is_left_out_and_never_opened() -> None:
    Path("texts/dead.txt").symlink_to("nowhere")
    Path("texts/circle").symlink_to("circle")
    Path("texts/null").symlink_to(os.devnull)
    os.mkfifo("texts/pipe")
    reasons = {"dead.txt": "a broken link", "circle": "a broken link", "null": "a device", "pipe": "a named pipe"}
    expected = {f"texts/{name}": reason for name, reason in reasons.items()}
    assert found("texts")[:2] == (["texts/b.txt", "texts/z/y.txt"], expected)
    assert found("texts/*")[:2] == (["texts/b.txt"], {**expected, "texts/z": "a folder"})
    assert found("texts/**") == found("texts")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("texts/*.txt", ["texts/b.txt"]),
        ("*/*.txt", ["elsewhere/far.txt", "texts/b.txt"]),
        ("**/*.txt", ["elsewhere/deep/far.txt", "elsewhere/far.txt", "texts/b.txt", "texts/z/y.txt"]),
        ("texts/**/z/*", ["texts/z/y.txt"]),
        ("texts/**/**/y.txt", ["texts/z/y.txt"]),
        ("texts/[bz].txt", ["texts/b.txt"]),
        ("texts/.hidden/*.txt", ["texts/.hidden/x.txt"]),
        ("*/.hidden/*", ["texts/.hidden/x.txt"]),
        ("./texts/../texts/*.txt", ["texts/../texts/b.txt"]),
        ("texts/b.txt/*", []),
        ("none/*", []),
    ],
)
def test_globs(pattern: str, expected: list[str]) -> None:
    assert found(pattern)[0] == expected
    assert found(str(Path.cwd() / pattern))[0] == [str(Path.cwd() / one) for one in expected]


def test_a_folder_with_a_name_like_a_glob() -> None:
    write("w [x]/a.txt", "w x/other.txt")
    assert found("w [x]/*.txt")[0] == ["w [x]/a.txt"]
    assert found("w [[]x]/*.txt")[0] == ["w [x]/a.txt"]


def test_two_links_in_a_circle_do_not_double_at_every_step() -> None:
    for name in ("one", "two", "three"):
        Path("texts", name).symlink_to(".")
    assert found("texts/**/*.txt")[0] == ["texts/b.txt", "texts/z/y.txt"]


RUNS = {
    "whole": ["config.toml", "metrics.jsonl", "best.safetensors", "resume.safetensors", ".lock"],
    "just begun": [".lock", "config.toml"],
    "with nothing but a save": ["resume.prev.safetensors", "notes.txt"],
    "moved without hidden files": ["config.toml", "metrics.jsonl"],
    "tidied": ["best.safetensors", "config.toml"],
    "a search": ["trials.jsonl", "best.toml", ".lock"],
}


@pytest.mark.parametrize("names", RUNS.values(), ids=RUNS)
def test_a_run_is_no_text(names: list[str]) -> None:
    write(*(f"texts/runs/demo/{name}" for name in names), "texts/runs/readme.txt")
    write("texts/runs/demo/own/samples.txt")
    expected = ["texts/b.txt", "texts/runs/readme.txt", "texts/z/y.txt"]
    assert found("texts") == found("texts/**/*") == (expected, {"texts/runs/demo": "a run"}, [])
    assert found("texts/runs/*/*")[:2] == ([], {"texts/runs/demo": "a run"})
    assert found("texts/runs/demo/*")[:2] == ([], {"texts/runs/demo": "a run"})
    assert found("texts/*/demo")[:2] == ([], {"texts/runs/demo": "a run"})
    with pytest.raises(TextError, match=r"^texts/runs/demo is a run and no text: name the files in it that are one$"):
        found("texts/runs/demo")
    assert [source.where for source in find_sources([f"texts/runs/demo/{names[0]}"]).all] == [f"texts/runs/demo/{names[0]}"]


@pytest.mark.parametrize(
    ("name", "begin"),
    [("samples.txt", "=== step 3, epoch 1\n"), ("trials.jsonl", '{"op_code": 0}\n')],
    ids=["samples", "trials"],
)
def test_a_log_counts_where_it_begins_as_ours_does(name: str, begin: str) -> None:
    write("texts/x/config.toml" if name == "samples.txt" else "texts/x/a.txt")
    write(f"texts/x/{name}", content="someone's own\n")
    assert found("texts")[1] == {}
    write(f"texts/x/{name}", content=begin)
    assert found("texts")[1] == {"texts/x": "a run"}


@pytest.mark.parametrize("name", ["config.toml", "samples.txt", "metrics.jsonl", "best.safetensors", ".lock"])
def test_one_file_that_is_called_like_a_run_s_makes_none(name: str) -> None:
    write(f"texts/z/{name}")
    assert "texts/z/y.txt" in found("texts")[0]
    assert found("texts")[1] == {}
