"""One file of several modules has all that is used, once, and is refused where names would mean two things."""

import sys
from pathlib import Path

import pytest

from detector.export.single_file import single_file

TOOLS = '''"""Tools."""

import math as m
from os import sep, path

LIMIT = 3
"""Said of the limit."""

UNUSED = sep


def area(side: float) -> float:
    """Of a square, or of a circle."""
    # a comment
    return side**2 if side < LIMIT else m.pi * _half(side) ** 2


def _half(side: float) -> float:
    return side / 2
'''


def package(folder: Path, **modules: str) -> None:
    folder.mkdir()
    for name, source in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(source)


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a package that no other test has."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"package_{abs(hash(request.node.name))}"


def test_what_is_used_is_there_as_it_is_written(name: str, tmp_path: Path) -> None:
    main = f'"""Main."""\n\nfrom {name}.tools import area\n\n\ndef run() -> float:\n    return area(2) + area(4)\n'
    package(tmp_path / name, tools=TOOLS, main=main)
    text = single_file(f"{name}.main", '"""Header."""')
    assert text.startswith('"""Header."""\n\nimport math as m\n')
    for part in ("# Tools.", "# Main.", "    # a comment", '"""Said of the limit."""'):
        assert part in text
    assert "UNUSED" not in text
    assert "sep" not in text
    scope: dict[str, object] = {}
    exec(text, scope)
    assert scope["run"]() == pytest.approx(4 + 4 * 3.14159265)  # type: ignore[operator]
    assert f"{name}.tools" not in sys.modules


@pytest.mark.parametrize(
    ("main", "message"),
    [
        pytest.param(
            "from {0}.tools import area\n\nLIMIT = 4\nX = area(1)", "LIMIT is defined twice", id="twice"
        ),
        pytest.param("from {0} import tools\n\nX = tools.area(1)", "tools is no definition", id="a module"),
        pytest.param("from {0}.tools import area as a\n\nX = a(1)", "use its own name", id="renamed"),
    ],
)
def test_what_would_mean_something_else_is_refused(
    main: str, message: str, name: str, tmp_path: Path
) -> None:
    package(tmp_path / name, tools=TOOLS, main='"""Main."""\n\n' + main.format(name))
    with pytest.raises(ValueError, match=message):
        single_file(f"{name}.main", "")
