"""YOLO text labels: one file per image, one line `class x_center y_center width height` per digit.

All four are fractions of the image's size, and the class is the digit itself, so that the files can be trained
on as they are: trainers take exactly these five columns, so scores stay out. An image without digits has an
empty file. https://docs.ultralytics.com/datasets/detect
"""

from collections.abc import Iterable
from pathlib import Path

from detector.folders.formats.label_paths import LabelPaths
from detector.folders.results import FoundRow

_DATA_YAML = """\
# Put the images, or a link to their folder, beside labels/ as images/.
path: .
train: images
val: images
names:
"""


def write_yolo(rows: Iterable[FoundRow], folder: Path) -> None:
    """Writes labels/, data.yaml for ultralytics and classes.txt for labelling tools to an empty folder.

    Raises:
        InvalidOptionError: if two images would share a label file.
    """
    paths = LabelPaths(".txt")
    (folder / "labels").mkdir()
    for row in rows:
        target = folder / "labels" / paths.of(row.image)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(_lines(row)), encoding="ascii")
    names = [str(digit) for digit in range(10)]
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in names), encoding="ascii")
    classes = "".join(f'  {name}: "{name}"\n' for name in names)
    (folder / "data.yaml").write_text(_DATA_YAML + classes, encoding="ascii")


def _lines(row: FoundRow) -> Iterable[str]:
    for digit in row.digits:
        x_min, y_min, x_max, y_max = digit.box
        x, width = (x_min + x_max) / 2 / row.width_px, (x_max - x_min) / row.width_px
        y, height = (y_min + y_max) / 2 / row.height_px, (y_max - y_min) / row.height_px
        yield f"{digit.label} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"
