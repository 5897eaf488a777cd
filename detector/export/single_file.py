"""A module of this package and all that it uses of the others as one file, for programs that do not have the package.

The source is copied as it stands, comments and documentation with it, without what is not used. So what is exported is
what is tested here, and nothing is written twice.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_RULE = f"# {'-' * 100}"
"""Around the documentation of each module."""

Definition = tuple[str, str]
"""A module, and a name at its top."""


@dataclass
class _Module:
    """A module's source.

    Attributes:
        name: for example "detector.pipeline.tiles".
        documentation: what it says of itself.
        sources: of each name that it defines, in order; statements that define nothing have the name "".
        uses: of each of them, the names in it.
        imports: the definitions of this package that it imports, by their names here.
        others: what else it imports, by the names here: a module, and a name in it, None for the module itself.
    """

    name: str
    documentation: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    uses: dict[str, set[str]] = field(default_factory=dict)
    imports: dict[str, Definition] = field(default_factory=dict)
    others: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def single_file(module: str, header: str) -> str:
    """Return the source of a module and of all that it uses of this package.

    Args:
        module: its name. Its own definitions are all in the result.
        header: what the result begins with.

    Raises:
        ValueError: if two definitions in it would have the same name, or one module uses another one as a whole.
    """
    modules = _with_imported(module, {})
    needed = _reachable(modules, {(module, name) for name in modules[module].sources})
    imports: dict[str, tuple[str, str | None]] = {}
    written: dict[str, str] = {}
    sections = []
    for name, known in modules.items():
        sources = {part: source for part, source in known.sources.items() if (name, part) in needed}
        for part, source in sources.items():
            imports |= {used: known.others[used] for used in known.uses[part] & known.others.keys()}
            if written.get(part, source) != source:
                raise ValueError(f"{part} is defined twice: rename it in {name}")
        new = [source for part, source in sources.items() if part not in written]
        written |= sources
        if new:
            title = "\n".join(f"# {line}".rstrip() for line in known.documentation.splitlines())
            sections.append("\n\n\n".join([f"{_RULE}\n{title}\n{_RULE}", *new]))
    return "\n\n\n".join([f"{header}\n\n{_import_lines(imports)}", *sections]) + "\n"


def _with_imported(name: str, known: dict[str, _Module]) -> dict[str, _Module]:
    """Add a module to those that are known, after all that it imports."""
    if name not in known:
        read = _read(name)
        for imported, _ in read.imports.values():
            _with_imported(imported, known)
        known[name] = read
    return known


def _read(name: str) -> _Module:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text("utf-8")
    tree = ast.parse(text)
    module = _Module(name, ast.get_docstring(tree) or "")
    lines = text.splitlines()
    for statement, last in _statements(tree.body[1:]):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            _read_import(statement, module)
            continue
        first = min([statement.lineno, *(mark.lineno for mark in getattr(statement, "decorator_list", ()))])
        source = "\n".join(lines[first - 1 : last])
        module.sources[_name_of(statement)] = source
        module.uses[_name_of(statement)] = {
            node.id for node in ast.walk(statement) if isinstance(node, ast.Name)
        }
    return module


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, int | None]]:
    """Each statement and its last line; the documentation below a constant belongs to it."""
    documented = [isinstance(statement, ast.Expr) for statement in body[1:]] + [False]
    for index, statement in enumerate(body):
        if not isinstance(statement, ast.Expr):
            yield statement, body[index + documented[index]].end_lineno


def _name_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _read_import(statement: ast.Import | ast.ImportFrom, module: _Module) -> None:
    for alias in statement.names:
        here = alias.asname or alias.name
        if isinstance(statement, ast.Import):
            module.others[here] = (alias.name, None)
        elif _package(statement.module or "") == _package(module.name):
            module.imports[here] = (statement.module or "", alias.name)
        else:
            module.others[here] = (statement.module or "", alias.name)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _reachable(modules: dict[str, _Module], needed: set[Definition]) -> set[Definition]:
    """Return the definitions and all that they use."""
    found: set[Definition] = set()
    while needed:
        module, name = definition = needed.pop()
        found.add(definition)
        known = modules[module]
        if name not in known.sources:
            raise ValueError(f"{name} is no definition of {module}: import what is in it")
        for used in known.uses[name]:
            if used in known.imports:
                if known.imports[used][1] != used:
                    raise ValueError(f"{module} calls {known.imports[used][1]} {used}: use its own name")
                needed.add(known.imports[used])
            elif used in known.sources:
                needed.add((module, used))
        needed -= found
    return found


def _import_lines(imports: dict[str, tuple[str, str | None]]) -> str:
    """Return import statements in the usual order: the standard library's first, and modules before names."""
    whole: list[tuple[str, str]] = []
    named: dict[str, list[str]] = {}
    for here, (module, name) in imports.items():
        renamed = "" if here == (name or module) else f" as {here}"
        if name is None:
            whole.append((module, f"import {module}{renamed}"))
        else:
            named.setdefault(module, []).append(f"{name}{renamed}")
    lines = sorted(whole)
    lines += [
        (module, f"from {module} import {', '.join(sorted(named[module]))}") for module in sorted(named)
    ]
    groups: list[list[str]] = [[], []]
    for module, line in lines:
        groups[_package(module) not in sys.stdlib_module_names].append(line)
    return "\n\n".join("\n".join(group) for group in groups)
