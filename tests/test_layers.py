"""The house stands as long as this passes: one order of packages, no circle, torch and other libraries where they belong."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "charlstm"
ORDER = (
    *("charlstm", "text", "model", "runs", "scoring", "sampling", "insight"),
    *("training", "tuning", "views", "api", "commands", "cli", "__main__"),
)
"""Each package imports only from those before it; `charlstm` stands for the files beside the packages."""
WITH_TORCH = {
    "text": {"batches"},
    "model": {"cell", "char_lstm", "device"},
    "runs": {"saved_model"},
    "sampling": {"engines.torch_engine"},
}
"""What may not be loaded where no torch is wanted, in the packages where all else may: those not named here but in `ORDER`
before `scoring` or after `views`, load without torch altogether."""
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in PACKAGE.rglob("*.py")
}
"""Every module of the package, by its full name."""


def package_of(module: str) -> str:
    """The name that a module has in `ORDER`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (parts[1] == "__main__" or (PACKAGE / parts[1]).is_dir()) else "charlstm"


@functools.cache
def imports(module: str, only_when_loaded: bool = False) -> frozenset[str]:
    """The modules that a module imports, as full names: also inside functions and for type checking, or only at loading."""
    found = set[str]()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            is_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            is_for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if only_when_loaded and (is_later or is_for_types):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "imports are absolute"
                full = [f"{child.module}.{alias.name}" for alias in child.names]
                found.update(name if name in FILES else str(child.module) for name in full)
            visit(child)

    visit(ast.parse(FILES[module].read_text(encoding="utf-8")))
    return frozenset(found)


def loaded_with(module: str) -> set[str]:
    """All modules, the project's and others', that loading one brings along: its imports, theirs, and so on."""
    found, new = set[str](), {module}
    while new:
        found |= new
        new = {other for one in new if one in FILES for other in imports(one, only_when_loaded=True)} - found
    return found


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_go_one_way(module: str) -> None:
    own = ORDER.index(package_of(module))
    for other in imports(module) & FILES.keys():
        if package_of(other) != package_of(module) and module != "charlstm":  # whose names are imported when they are asked for
            assert ORDER.index(package_of(other)) < own, f"{module} imports {other}"


def test_every_package_has_its_place_in_the_order() -> None:
    assert {package_of(module) for module in FILES} == set(ORDER)


def test_no_circle_among_files() -> None:
    graph = {module: imports(module) & FILES.keys() - {"charlstm"} for module in FILES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names one


def test_the_order_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above look at is really there: they would also pass on nothing."""
    assert "charlstm.text.corpus" in imports("charlstm.commands.text")
    assert "charlstm.model.char_lstm" in imports("charlstm.scoring.evaluation")
    assert "torch" in loaded_with("charlstm.training.trainer")
    assert "charlstm.scoring.evaluation" in imports("charlstm.training.trainer")


@pytest.mark.parametrize(
    ("library", "packages"),
    [
        *((library, {"views"}) for library in ("rich", "tqdm", "prompt_toolkit", "matplotlib")),
        ("typer", {"cli"}),
        ("optuna", {"tuning"}),
        ("pooch", {"text"}),
        *((library, {"sampling"}) for library in ("onnx", "onnxruntime", "pydivsufsort")),
    ],
)
def test_libraries_stay_in_their_packages(library: str, packages: set[str]) -> None:
    users = {package_of(module) for module in FILES for name in imports(module) if name.partition(".")[0] == library}
    assert users == packages


def without_torch() -> list[str]:
    """The modules that must load without torch."""
    free = ("charlstm", "text", "model", "runs", "sampling", "api", "commands", "cli", "__main__")
    return sorted(
        module
        for module in FILES
        if (package := package_of(module)) in free
        and module.removeprefix(f"charlstm.{package}.") not in WITH_TORCH.get(package, ())
    )


@pytest.mark.parametrize("module", without_torch())
def test_loads_without_torch(module: str) -> None:
    assert not {name for name in loaded_with(module) if name.partition(".")[0] == "torch"}


def test_all_of_them_together_really_load_without_torch() -> None:
    """In a process: the imports of other libraries count too."""
    modules = [module for module in without_torch() if module != "charlstm.__main__"]
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_needs_torch_is_named_truly() -> None:
    for package, modules in WITH_TORCH.items():
        for module in modules:
            assert "torch" in {name.partition(".")[0] for name in loaded_with(f"charlstm.{package}.{module}")}, module


@pytest.mark.parametrize("module", sorted(FILES))
def test_every_module_says_what_it_does(module: str) -> None:
    assert ast.get_docstring(ast.parse(FILES[module].read_text(encoding="utf-8")))


def test_the_tree_for_contributors_is_true() -> None:
    """It names every package, in the order of imports, and every module of those that are no list of commands."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"^    charlstm/\n((?:      .*\n)+)", text, re.MULTILINE)
    described, at = {"charlstm": set[str]()}, "charlstm"
    for line in tree.splitlines():
        if found := re.match(r"      ([a-z]+)/ ", line):
            at = found[1]
            described[at] = set()
        else:
            described[at] |= set(line.strip().split("  ")[0].split())
    assert [*described, "__main__"] == list(ORDER)
    modules = {module.removeprefix("charlstm.").replace(".", "/") for module, file in FILES.items() if file.stem != "__init__"}
    for package in described.keys() - {"api", "commands", "cli"}:
        prefix = "" if package == "charlstm" else f"{package}/"
        own = {name for name in modules if package_of(f"charlstm.{name.replace('/', '.')}") == package}
        assert described[package] == {name.removeprefix(prefix) for name in own}


def test_tests_mirror_the_packages() -> None:
    """A test file lies where the module lies that it is about, or beside the packages where it is about several."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        folder = file.parent.relative_to(ROOT / "tests")
        assert (PACKAGE / folder).is_dir(), file


def test_no_name_means_two_things() -> None:
    listed = subprocess.run([sys.executable, ROOT / "scripts" / "names.py"], check=False, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stdout
