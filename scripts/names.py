"""The names that stand at the top level of two files of the package or more: one word is to mean one thing.

    python scripts/names.py     # exit code 1 where such a name has no reason below, or a reason no such name

Knows: what a module defines, and why some names are right to occur twice.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "charlstm"

_COMMAND = "a command: its options in cli/, what it does in commands/ or, for Python, in api/"
REASONS = {
    "__all__": "Python's own name for what a package offers",
    "classify": _COMMAND,
    "explain": _COMMAND,
    "inspect": _COMMAND,
    "fetch": "what comes over the network: in text/, and the call of it in api/",
    "overviews": "found in runs/, and the call of it in api/",
    "play": _COMMAND,
    "plot": _COMMAND,
    "score": _COMMAND,
    "train": _COMMAND,
    "tune": _COMMAND,
}
"""Why a name may stand in several files."""


def defined(file: Path) -> set[str]:
    """The functions, classes, constants and types at the top level of a file."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def names_in_several_files() -> dict[str, list[str]]:
    """Each such name, with the files that define it."""
    places = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for name in defined(file):
            places[name].append(file.relative_to(PACKAGE).as_posix())
    return {name: files for name, files in sorted(places.items()) if len(files) > 1}


def main() -> int:
    """Print them all -> exit code."""
    found = names_in_several_files()
    for name, files in found.items():
        print(f"{name}: {', '.join(files)}: {REASONS.get(name, 'NO REASON')}")
    for name in REASONS.keys() - found.keys():
        print(f"{name}: stands in one file or none, and needs no reason any more")
    return int(found.keys() != REASONS.keys())


if __name__ == "__main__":
    sys.exit(main())
