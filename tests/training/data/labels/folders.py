"""Writes small folders of labelled pictures in every format, as tools other than ours write them."""

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

Box = tuple[float, float, float, float]
"""xyxy px."""


@dataclass(frozen=True)
class Drawn:
    """A picture that is to be: its name, size, and boxes with their classes."""

    name: str
    size: tuple[int, int] = (40, 30)
    marks: Sequence[tuple[str, Box]] = ()


NAMES = [str(digit) for digit in range(10)]


def paint(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """Paints a picture whose colour depends on its path, so that no two pictures of a folder are alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = zlib.crc32(str(path).encode()).to_bytes(4, "big")[:3]
    Image.new("RGB", size, tuple(colour)).save(path)
    return path


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_yolo(folder: Path, pictures: Sequence[Drawn]) -> None:
    for picture in pictures:
        paint(folder / "images" / picture.name, picture.size)
        width, height = picture.size
        lines = [
            f"{NAMES.index(name)} {(x1 + x2) / 2 / width:.9f} {(y1 + y2) / 2 / height:.9f} "
            f"{(x2 - x1) / width:.9f} {(y2 - y1) / height:.9f}\n"
            for name, (x1, y1, x2, y2) in picture.marks
        ]
        write((folder / "labels" / picture.name).with_suffix(".txt"), "".join(lines))
    write(folder / "data.yaml", f"train: images\nval: images\nnames: {NAMES}\n")


def write_coco(folder: Path, pictures: Sequence[Drawn]) -> None:
    images, annotations = [], []
    for number, picture in enumerate(pictures, start=100):
        paint(folder / picture.name, picture.size)
        width, height = picture.size
        images.append({"id": number, "file_name": picture.name, "width": width, "height": height})
        annotations += [
            {"image_id": number, "category_id": 7 + 3 * NAMES.index(name), "bbox": [x1, y1, x2 - x1, y2 - y1]}
            for name, (x1, y1, x2, y2) in picture.marks
        ]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number
    categories = [{"id": 7 + 3 * number, "name": name} for number, name in enumerate(NAMES)]
    document = {"info": {}, "annotations": annotations, "images": images, "categories": categories}
    write(folder / "labels.json", json.dumps(document))


def write_voc(folder: Path, pictures: Sequence[Drawn]) -> None:
    """Edges between pixels; VOC's first pixel is 1."""
    for picture in pictures:
        paint(folder / "JPEGImages" / picture.name, picture.size)
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n"
            for name, (x1, y1, x2, y2) in picture.marks
        )
        size = "<size><width>{}</width><height>{}</height></size>".format(*picture.size)
        text = f"<annotation><filename>{picture.name}</filename>{size}\n{objects}</annotation>\n"
        write((folder / "Annotations" / picture.name).with_suffix(".xml"), text)


def write_csv(folder: Path, pictures: Sequence[Drawn]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "digits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "digit", "x_min", "y_min", "x_max", "y_max"])
        for picture in pictures:
            paint(folder / picture.name, picture.size)
            writer.writerows([picture.name, name, *box] for name, box in picture.marks)
            if not picture.marks:
                writer.writerow([picture.name])


WRITERS = {"YOLO": write_yolo, "COCO": write_coco, "Pascal VOC": write_voc, "CSV": write_csv}
