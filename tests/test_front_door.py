"""`import charlstm`: what is public, and what it costs to open the door."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import charlstm
from tests.conftest import ROOT


def test_all_that_is_public_is_there_and_nothing_else_is_promised() -> None:
    for name in charlstm.__all__:
        assert getattr(charlstm, name) is not None
    assert list(charlstm.__all__) == sorted(charlstm.__all__)
    assert set(charlstm.__all__) <= set(dir(charlstm))


def test_what_is_imported_late_is_what_type_checkers_see() -> None:
    tree = ast.parse((ROOT / "charlstm" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == charlstm._HOME_OF


def test_public_things_are_described() -> None:
    for name in set(charlstm.__all__) - {"__version__"}:
        assert getattr(charlstm, name).__doc__, name


def test_an_attribute_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'charlstm' has no attribute 'lod'"):
        charlstm.lod  # noqa: B018


def test_importing_it_loads_nothing_heavy_and_takes_no_time() -> None:
    """The processor's time of the import alone, the least of some processes: another program can only add to it."""
    heavy = ("torch", "onnxruntime", "numpy", "pydantic", "typer", "rich")
    code = (
        "import sys, time; begin = time.process_time(); import charlstm; took = time.process_time() - begin; "
        f"assert not sys.modules.keys() & set({heavy!r}); print(took)"
    )
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(times) < 0.05
