"""The results table says what the rows say, and compares like with like."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.classifiers.recipes import RECIPES
from training.classifiers.results_table import (
    BEGIN,
    END,
    ResultRow,
    detector_row,
    insert,
    like_for_like,
    read_rows,
    render,
    unmeasured,
    write_row,
)
from training.errors import DataError

ROW = ResultRow(
    recipe="cifar10-dropout",
    dataset="cifar10",
    parameters=541_094,
    epochs=20,
    best_epoch=17,
    cpu_seconds=930,
    validation_accuracy=0.71,
    validation_at_notes_epoch=0.45,
    test_accuracy=0.70,
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("row", "figure"),
    [
        pytest.param(ROW, 0.45, id="validation at the notes' epoch"),
        pytest.param(replace(ROW, recipe="mnist-cnn", dataset="mnist"), 0.70, id="test with test"),
        pytest.param(
            replace(ROW, recipe="cats-dogs-augmented", dataset="cats-dogs"), 0.71, id="no epoch: the best"
        ),
        pytest.param(replace(ROW, recipe="mnist-mlp", dataset="mnist"), None, id="the notes do not train it"),
        pytest.param(replace(ROW, dataset="svhn"), None, id="the notes know no SVHN"),
        pytest.param(
            replace(ROW, recipe="svhn-fcn", dataset="svhn"), None, id="not a classifier of the notes"
        ),
    ],
)
def test_like_is_compared_with_like(row: ResultRow, figure: float | None) -> None:
    assert like_for_like(row) == figure


def test_table_of_a_recipe() -> None:
    header, _, line = render([ROW]).splitlines()
    told = dict(zip(cells(header), cells(line), strict=True))
    assert told == {
        "recipe": "cifar10-dropout",
        "parameters": "541,094",
        "epochs (kept)": "20 (17)",
        "CPU minutes": "15.5",
        "validation": "0.7100",
        "test": "0.7000",
        "notes report": "validation 0.4320 (epoch 1)",
        "like for like here": "0.4500",
    }


@pytest.mark.parametrize(
    ("here", "marked"),
    [
        pytest.param(0.4121, False, id="less than two points below is within chance"),
        pytest.param(0.4119, True, id="more is marked"),
        pytest.param(0.5000, False, id="above"),
    ],
)
def test_a_shortfall_is_marked(here: float, marked: bool) -> None:
    assert ("points below" in render([replace(ROW, validation_at_notes_epoch=here)])) == marked


def test_svhn_has_its_own_table_with_the_detector(tmp_path: Path) -> None:
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text('{"crop_error_fcn": 0.032, "f1_50": 0.8}')
    fcn = detector_row(evaluation, "svhn-fcn", 262_863)
    text = render([ROW, replace(ROW, dataset="svhn", test_accuracy=0.85), fcn])
    own, svhn = text.split("\n\n")
    assert len(own.splitlines()) == 3
    assert [cells(line)[0] for line in svhn.splitlines()[2:]] == ["cifar10-dropout", "svhn-fcn"]
    assert [cells(line)[-1] for line in svhn.splitlines()[2:]] == ["15.00%", "3.20%"]
    assert cells(svhn.splitlines()[-1])[1:6] == ["262,863", "-", "-", "-", "0.9680"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{}", id="no crop error"),
        pytest.param('{"crop_error_fcn": null}', id="crops not measured"),
        pytest.param("[0.1]", id="no object"),
    ],
)
def test_evaluation_without_crops_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(DataError, match="crop_error"):
        detector_row(tmp_path / "evaluation.json", "svhn-fcn", 1)


def test_recipes_without_a_finished_run_are_named() -> None:
    elsewhere = [
        replace(ROW, recipe="mnist-mlp", dataset="svhn"),
        replace(ROW, recipe="cifar10-mlp", folds=[1, 1]),
    ]
    told = unmeasured([ROW, *elsewhere])
    assert all(name in told for name in ("mnist-mlp", "cifar10-mlp", "cats-dogs-augmented"))
    assert "cifar10-dropout" not in told
    assert unmeasured(replace(ROW, recipe=name, dataset=r.dataset) for name, r in RECIPES.items()) == ""


def test_folds_have_mean_and_deviation() -> None:
    text = render([replace(ROW, folds=[0.6, 0.7, 0.8], best_epoch=None, test_accuracy=None)])
    assert cells(text.splitlines()[2])[-2:] == ["0.7000", "0.1000"]
    assert "like for like" not in text


def test_rows_come_back_in_the_recipes_order(tmp_path: Path) -> None:
    rows = [
        ROW,
        replace(ROW, recipe="mnist-cnn", dataset="mnist"),
        replace(ROW, recipe="svhn-fcn", dataset="svhn"),
    ]
    for place, row in enumerate(rows):
        (tmp_path / f"run{place}").mkdir()
        write_row(tmp_path / f"run{place}" / "row.json", row)
    assert [row.recipe for row in read_rows(tmp_path)] == ["mnist-cnn", "cifar10-dropout", "svhn-fcn"]
    assert read_rows(tmp_path)[1] == replace(ROW, folds=[])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("[1]", id="no object"),
        pytest.param('{"recipe": "mnist-mlp"}', id="half a row"),
        pytest.param(json.dumps({"surprise": 1}), id="an unknown key"),
    ],
)
def test_damaged_row_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "row.json").write_text(content)
    with pytest.raises(DataError, match=r"run/row\.json"):
        read_rows(tmp_path)


def test_no_runs_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row\.json"):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no marks", id="none"),
        pytest.param(f"{BEGIN} only", id="no end"),
        pytest.param(f"{END} {BEGIN}", id="end before beginning"),
    ],
)
def test_document_without_marks_is_left_alone(text: str, tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(text)
    with pytest.raises(DataError, match="show where the table goes"):
        insert(document, "table")
    assert document.read_text() == text


def test_inserting_twice_is_inserting_once(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"a\n{BEGIN}\n{END}\nb\n")
    insert(document, "| x |")
    insert(document, "| x |")
    assert document.read_text() == f"a\n{BEGIN}\n| x |\n{END}\nb\n"


def test_the_page_about_classifiers_shows_where_the_table_goes(checkout: Path, tmp_path: Path) -> None:
    document = tmp_path / "classifiers.md"
    document.write_bytes((checkout / "docs" / "classifiers.md").read_bytes())
    insert(document, "| x |")
    assert f"{BEGIN}\n| x |\n{END}" in document.read_text()
