"""The rules of the house: which way imports point, by the contracts in pyproject.toml, and how large things may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("detector", "training", "scripts")
GENERATED = "detector.v1"


def name_of(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for package in PACKAGES
    for path in sorted((CHECKOUT / package).rglob("*.py"))
}
OWN = {name: tree for name, tree in SOURCES.items() if not name.startswith(GENERATED)}


def imports(name: str) -> Iterator[str]:
    """Every module that `name` imports anywhere, with the modules in packages by their full names."""
    for node in ast.walk(SOURCES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide which way they point"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else node.module


def test_the_walk_sees_the_imports_that_it_is_about() -> None:
    assert "detector.pipeline.detector" in SOURCES
    assert "detector.pipeline.numbers" in set(imports("detector.pipeline.detector"))
    assert "detector.serving.client" in set(imports("detector.cli.detector_choice"))


def test_imports_keep_the_contracts_of_pyproject(checkout: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name in OWN if not name.startswith("scripts")])
def test_nobody_imports_scripts_or_tests(name: str) -> None:
    assert not [target for target in imports(name) if target.split(".")[0] in {"scripts", "tests"}]


@pytest.mark.parametrize("name", OWN)
def test_no_circle_runs_through_a_module(name: str) -> None:
    reached, ahead = set(), [name]
    while ahead:
        for target in imports(ahead.pop()):
            assert target != name, f"{name} imports itself by way of others"
            if target in SOURCES and target not in reached:
                reached.add(target)
                ahead.append(target)


@pytest.mark.parametrize("name", OWN)
def test_sizes_and_docstrings(name: str) -> None:
    tree = OWN[name]
    assert ast.get_docstring(tree), "say what the module is for"
    assert "util" not in name.rsplit(".", 1)[-1], "name a module for what it does"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines: it does more than one thing"
    last = max((node.end_lineno or 0 for node in ast.walk(tree) if isinstance(node, ast.stmt)), default=0)
    assert last <= 300, f"{last} lines: find the second module in it"


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in (CHECKOUT / "training").rglob("*.py")}),
    ids=lambda folder: str(folder.relative_to(CHECKOUT)),
)
def test_a_folder_of_training_is_read_at_a_glance(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= 14, f"{len(modules)} modules: find the second folder in it"
