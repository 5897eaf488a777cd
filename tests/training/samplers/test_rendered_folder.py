"""`render`: a COCO data set that the project's own readers and pycocotools read, and that says what each number is."""

import csv
import json
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from pycocotools.coco import COCO

from training.cli.main import main
from training.data.labels.folder import LabelOptions, read_labels
from training.errors import DataError
from training.samplers import rendered_folder
from training.samplers.rendered_folder import RenderJob, write_rendered
from training.samplers.synthetic.fonts import font_glyphs
from training.samplers.synthetic.lines import LineStyle, set_line
from training.samplers.synthetic.open_fonts import LICENCES, families, fetch_fonts
from training.samplers.synthetic.words import number_list

BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
COUNTS = {"train": 12, "val": 3}


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two families, so that one is kept for measuring."""
    folder = tmp_path_factory.mktemp("fonts")
    for name in ("DejaVuSans.ttf", "STIXGeneral.ttf"):
        shutil.copy(BUNDLED / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, fonts: Path) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "scenes"
    write_rendered(RenderJob(seed=3, fonts=fonts), COUNTS, out)
    return out


def test_the_labels_are_read_back_without_a_problem(rendered: Path) -> None:
    labels = read_labels(rendered, LabelOptions())
    assert {split: len(scenes) for split, scenes in labels.splits.items()} == COUNTS


@pytest.mark.parametrize("split", COUNTS)
def test_each_number_is_spelled_by_the_boxes_within_its_own(rendered: Path, split: str) -> None:
    coco = COCO(rendered / "annotations" / f"instances_{split}.json")
    names = {image["file_name"]: number for number, image in coco.imgs.items()}
    with (rendered / "numbers.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] in names]
    spelled = 0
    for row in rows:
        left, top, right, bottom = (float(row[edge]) for edge in ("x_min", "y_min", "x_max", "y_max"))
        inside = [
            str(entry["category_id"])
            for entry in coco.imgToAnns[names[row["image"]]]
            if left - 0.1 <= entry["bbox"][0] and entry["bbox"][0] + entry["bbox"][2] <= right + 0.1
            if top - 0.1 <= entry["bbox"][1] and entry["bbox"][1] + entry["bbox"][3] <= bottom + 0.1
        ]
        assert set(row["number"]) <= set(inside)
        spelled += len(row["number"])
    assert spelled == len(coco.anns)


def test_the_same_job_gives_the_same_scenes(tmp_path: Path, fonts: Path, rendered: Path) -> None:
    write_rendered(RenderJob(seed=3, fonts=fonts), {"train": 2}, tmp_path / "again")
    for number in range(2):
        name = f"images/train/train_{number:06d}.jpg"
        assert (tmp_path / "again" / name).read_bytes() == (rendered / name).read_bytes()


def test_a_folder_that_holds_something_is_left_alone(
    rendered: Path, fonts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(rendered.rglob("*"))
    assert main(["render", "--out", str(rendered), "--count", "10", "--fonts", str(fonts)]) == 2
    assert "is not empty; choose a new folder" in capsys.readouterr().err
    assert sorted(rendered.rglob("*")) == before


def test_interrupted_it_leaves_nothing_in_the_way(
    tmp_path: Path, fonts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["render", "--out", str(tmp_path / "out"), "--count", "10", "--fonts", str(fonts)]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rendered_folder, "_write_labels", interrupt)
        assert main(command) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "digit-detector-train: interrupted"
    assert list(tmp_path.iterdir()) == []
    assert main(command) == 0


def test_a_file_in_its_place_is_left_alone(
    tmp_path: Path, fonts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    assert main(["render", "--out", str(tmp_path / "out"), "--count", "10", "--fonts", str(fonts)]) == 2
    assert "out is there already" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "photos holds no photographs", id="empty"),
        pytest.param({"notes.txt": b"none"}, "photos holds no photographs", id="no image"),
        pytest.param({"a.jpg": b"none", "notes.txt": b"none"}, "photos/a.jpg: ", id="damaged"),
        pytest.param(None, "photos is no folder", id="no folder"),
    ],
)
def test_photographs_that_cannot_be_used_are_named(
    tmp_path: Path,
    fonts: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, bytes] | None,
    message: str,
) -> None:
    photos = tmp_path / "photos"
    if files is not None:
        photos.mkdir()
        for name, content in files.items():
            (photos / name).write_bytes(content)
    command = ["render", "--out", str(tmp_path / "out"), "--count", "10", "--fonts", str(fonts)]
    assert main([*command, "--photos", str(photos)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("12", ["12"], id="one number"),
        pytest.param("12B", ["12"], id="a letter after it"),
        pytest.param("215; 216", ["215", "216"], id="a list"),
        pytest.param("116 - 122", ["116", "122"], id="a range"),
        pytest.param("12 14", ["12", "14"], id="a space alone"),
        pytest.param("No7", ["7"], id="a word before it"),
    ],
)
def test_a_line_knows_which_digits_are_a_number(text: str, numbers: list[str]) -> None:
    font = BUNDLED / "DejaVuSans.ttf"
    assert font_glyphs(font, 64)
    line = set_line(text, LineStyle(font, 20), np.random.default_rng(0))
    runs: dict[int, str] = {}
    for placed in line.glyphs:
        if placed.character.isdigit():
            runs[placed.run] = runs.get(placed.run, "") + placed.character
    assert list(runs.values()) == numbers


def test_lists_hold_several_numbers() -> None:
    for seed in range(50):
        text = number_list(np.random.default_rng(seed), (0.5, 0.5))
        separated = "".join(c if c.isdigit() else " " for c in text).split()
        assert 2 <= len(separated) <= 5


def test_families_are_named_once_and_in_order() -> None:
    names = families()
    assert len(names) > 200
    assert names == sorted(set(names))


def test_without_npm_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="apt-get install npm"):
        fetch_fonts(tmp_path / "fonts")


def test_families_that_are_there_are_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in families():
        folder = tmp_path / "fonts" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": "1.0", "license": "OFL-1.1"}))
        (folder / "LICENSE").write_text("free")
    assert fetch_fonts(tmp_path / "fonts") == len(families())
    rows = (tmp_path / "fonts" / LICENCES).read_text().splitlines()
    assert rows[0] == "family,version,licence"
    assert rows[1] == f"{families()[0]},1.0,OFL-1.1"
