"""Small folders that are nearly good: each format's, with one thing to change; and what reading says of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.training.data.labels.folders import paint, write
from training.data.labels.folder import LabelOptions, Labels, survey

Make = Callable[[Path], object]


def read(folder: Path, options: LabelOptions | None = None) -> Labels:
    return survey(folder, options or LabelOptions(), progress=False)


def found(folder: Path, options: LabelOptions | None = None) -> dict[str, list[tuple[int, list[float]]]]:
    """The digits and boxes of each image, by its path in the folder; no problem, but that there may be no digit."""
    labels = read(folder, options)
    said = [str(problem) for problem in labels.problems]
    assert [problem for problem in said if ": no digit is l" not in problem] == []
    return {
        scene.path.relative_to(folder).as_posix(): list(
            zip(scene.labels.tolist(), scene.boxes.round(3).tolist(), strict=True)
        )
        for scene in labels.scenes
    }


def problems(folder: Path, options: LabelOptions | None = None) -> list[str]:
    """The problems without the folder's path."""
    return [str(problem).removeprefix(f"{folder}/") for problem in read(folder, options).problems]


def assert_problems(said: list[str], expected: list[str]) -> None:
    assert len(said) == len(expected), said
    for text, start in zip(said, expected, strict=True):
        assert text.startswith(start), said
        assert "\n" not in text


LINE = "3 0.2 0.5 0.2 0.6\n"
"""On 40 x 30 pixels: a 3 at 4, 6, 12, 24."""

DIGIT = (3, [4.0, 6.0, 12.0, 24.0])
YAML = 'names: ["0", "1", "2", "3"]\n'


def yolo(yaml: str = f"train: images\n{YAML}", label: str | bytes = LINE, **files: str) -> Make:
    """A folder with one image."""

    def make(folder: Path) -> None:
        paint(folder / "images" / "a.png")
        write(folder / "labels" / "a.txt", label)
        write(folder / "data.yaml", yaml)
        for name, text in files.items():
            write(folder / name.replace("__", "/"), text)

    return make


def moved(source: str, target: str, make: Make) -> Make:
    def make_and_move(folder: Path) -> None:
        make(folder)
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / source).rename(folder / target)

    return make_and_move


def both(*makes: Make) -> Make:
    return lambda folder: [make(folder) for make in makes]


BOX = [4, 6, 8, 18]


def coco(
    image: dict[str, Any] | None = None,
    annotation: dict[str, Any] | None = None,
    name: str = "labels.json",
    **lists: Any,
) -> Make:
    """A file with one image and one annotation, one object a line."""

    def make(folder: Path) -> None:
        paint(folder / "a.png")
        document = {
            "categories": [{"id": 5, "name": "3"}, {"id": 80, "name": "plate"}],
            "images": [{"id": 1, "file_name": "a.png"} | (image or {})],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": BOX} | (annotation or {})],
        } | lists  # fmt: skip
        write(folder / name, json.dumps(document).replace("[{", "[\n{").replace("}, {", "},\n{"))

    return make


def voc(
    box: str = "<xmin>5</xmin><ymin>7</ymin><xmax>12</xmax><ymax>24</ymax>",
    filename: str = "a.png",
    name: str = "3",
    more: str = "",
    image: str = "JPEGImages/a.png",
    path: str = "Annotations/a.xml",
) -> Make:
    def make(folder: Path) -> None:
        paint(folder / image)
        write(
            folder / path,
            f"<annotation>\n<filename>{filename}</filename>\n{more}\n"
            f"<object>\n<name>{name}</name>\n<bndbox>{box}</bndbox></object></annotation>",
        )

    return make


def document(text: str | bytes) -> Make:
    return both(voc(), lambda folder: write(folder / "Annotations" / "a.xml", text))


HEADER = "image,digit,x_min,y_min,x_max,y_max\n"


def csv_file(text: str | bytes) -> Make:
    return both(lambda folder: paint(folder / "a.png"), lambda folder: write(folder / "l.csv", text))
