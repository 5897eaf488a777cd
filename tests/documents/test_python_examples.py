"""The notebook runs from top to bottom, and the examples of the reference are typed."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from mypy import api

from detector import ImageResult, ModelInfo
from tests.documents.pages import CHECKOUT, DOCS, blocks_of

NOTEBOOK = DOCS / "notebooks" / "quickstart.ipynb"


def shown_by(code: str, names: dict[str, Any]) -> Any:
    """Runs a cell, and returns what the notebook would show: the value of its last line, if that has one."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)
    exec(compile(ast.Module([last], []), str(NOTEBOOK), "exec"), names)
    return None


def test_the_notebook_runs() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    names: dict[str, Any] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "they would grow old"
    shown = [shown_by("".join(cell["source"]), names) for cell in cells]
    info, result, (text, _), arrays, table, fainter, (of_rgb, of_bgr), texts = shown
    assert isinstance(info, ModelInfo)
    assert isinstance(result, ImageResult)
    assert (result._repr_png_() or b"").startswith(b"\x89PNG")
    assert text == of_rgb == of_bgr == result.text != ""
    assert [len(array) for array in arrays] == [len(table)] * 3
    assert len(fainter.digits) >= len(table) > 0
    assert len(texts) == 10


@pytest.mark.slow
def test_the_examples_of_the_reference_are_typed(tmp_path: Path) -> None:
    code = "\n".join(block.text for block in blocks_of("docs/reference.md") if block.language == "python")
    assert "predict_many" in code
    for name, text in (("right", code), ("wrong", f"{code}\ndetector.load()(5)\n")):
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        printed, _, _ = api.run(["--config-file", str(CHECKOUT / "pyproject.toml"), str(path)])
        assert (f"{path.name}:" in printed) == (name == "wrong"), printed
