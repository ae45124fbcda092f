"""Imports go downward only, never sideways within a layer: the house stands as long as this passes."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "charlstm"
LAYERS = [
    {"errors", "normalization", "values"},
    {"config", "vocabulary", "files", "markup", "memory", "records", "streams", "datasets", "traces"},
    {
        *("sources", "reading", "tally", "cache", "folder", "batches", "device", "header"),
        *("model", "cell", "optim", "scale", "diagnosis", "search_space", "controls", "shapes", "stops", "novelty"),
        *("features", "explanation", "differences"),
    },
    {"corpus", "engines", "evaluate", "passages", "probe", "saliency", "weights", "search_folder", "trackers"},
    {"beam", "blend", "dynamic", "excerpts", "prepared", "overview", "remembering", "sample", "scoring", "store", "trials"},
    {"classification", "finetune", "page", "opening", "resume", "texts"},
    {"checkpoints", "draft", "step"},
    {"train"},
    {"tune"},
    {"views"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
LAYER = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def imports(file: Path) -> set[str]:
    """All modules that a file imports, also inside functions and for type checking, as full names."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_downward(file: Path) -> None:
    room = room_of(file)
    for name in imports(file):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "charlstm" and other in LAYER and room not in ("__init__", other):
            assert LAYER[other] < LAYER[room], f"{room} (layer {LAYER[room]}) imports {other} (layer {LAYER[other]})"


def test_every_room_has_a_layer() -> None:
    assert {room_of(file) for file in FILES} - {"__init__"} == set(LAYER)


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        *((library, {"views"}) for library in ("rich", "tqdm", "prompt_toolkit", "matplotlib")),
        ("typer", {"cli"}),
        ("optuna", {"trials"}),
    ],
)
def test_libraries_for_showing_and_searching_stay_in_their_rooms(library: str, rooms: set[str]) -> None:
    users = {room_of(file) for file in FILES for name in imports(file) if name.partition(".")[0] == library}
    assert users == rooms


@pytest.mark.parametrize(
    "room",
    [
        "errors",
        "values",
        "config",
        "datasets",
        "vocabulary",
        "streams",
        "sources",
        "reading",
        "tally",
        "cache",
        "corpus",
        "passages",
        "folder",
        "header",
        "controls",
        "shapes",
        "weights",
        "engines/graph",
        "engines/onnx_engine",
        "engines/lanes",
        "engines/kept",
        "sample",
        "texts",
        "diagnosis",
        "differences",
        "overview",
        "novelty",
        "search_space",
        "search_folder",
        "trials",
        "stops",
        "traces",
        "features",
        "explanation",
        "excerpts",
        "page",
        "views/reading",
        "views/curves",
        "views/pictures",
        "views/canvas",
        "views/terminal_curves",
        "views/runs",
        "commands/plot",
        "commands/runs",
        "commands/compare",
        "commands/drawing",
        "commands/redrawing",
        "commands/memory",
    ],
)
def test_rooms_without_torch(room: str) -> None:
    assert not any(name.partition(".")[0] == "torch" for name in imports(PACKAGE / f"{room}.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_room_says_what_it_does(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def test_the_table_for_contributors_is_true() -> None:
    table = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    described = {
        room.strip("/").removesuffix(".py"): int(height)
        for height, rooms in re.findall(r"^\| (\d+) \| ([^|]+) \|", table, re.MULTILINE)
        for room in re.findall(r"`([^`]+)`", rooms)
    }
    assert described == {room: height for room, height in LAYER.items() if room != "__main__"}
