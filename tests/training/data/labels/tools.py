"""Writes random valid folders of labels as people's tools write them: their layouts, numbers, orders and encodings."""

import json
import posixpath
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.training.data.labels.folders import NAMES, Box, Drawn, paint, write

Chance = random.Random
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")


def save_text(path: Path, text: str, chance: Chance) -> None:
    """With one of the line ends and encodings of Windows, macOS and Linux."""
    ends = chance.choice(["\n", "\r\n"])
    write(path, text.replace("\n", ends).encode(chance.choice(ENCODINGS)))


def spelled(value: float, chance: Chance) -> str:
    """A number as `str`, `%g`, `%.6f` and `numpy.savetxt` write it; integers with and without a point."""
    if value == int(value):
        return chance.choice([str(int(value)), f"{value:.1f}", f"{value:.6f}", f"{value:.18e}"])
    return chance.choice([repr(value), f"{value:.9f}", f"{value:.18e}"])


def box_columns(box: Box, size: tuple[int, int], chance: Chance) -> list[str]:
    """A box in fractions of the image's sides, or a polygon with these bounds."""
    width, height = size
    x1, y1, x2, y2 = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    if chance.random() < 0.2:
        corners = [(x1, y1), (x2, y1), (x2, y2), ((x1 + x2) / 2, y2), (x1, y2)]
        return [spelled(value, chance) for corner in corners for value in corner]
    return [spelled(value, chance) for value in ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)]


def yolo_rows(picture: Drawn, chance: Chance) -> str:
    gap = chance.choice([" ", "  ", "\t"])
    rows = [
        gap.join([spelled(NAMES.index(name), chance), *box_columns(box, picture.size, chance)])
        for name, box in picture.marks
    ]
    return "\n".join(rows) + chance.choice(["", "\n", "\n\n"])


def yaml_names(chance: Chance) -> str:
    return chance.choice(
        [
            f"names: {NAMES}\n",
            "names: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n",
            "names:\n" + "".join(f"  {name}: '{name}'\n" for name in NAMES),
            "names:\n" + "".join(f"  '{name}': {name}.0\n" for name in NAMES),
            "names:\n" + "".join(f"- '{name} '\n" for name in NAMES),
        ]
    )


def roboflow(folder: Path, chance: Chance) -> tuple[str, str]:
    splits = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
    save_text(folder / "data.yaml", f"{splits}\nnc: 10\n{yaml_names(chance)}", chance)
    return "train/images", "train/labels"


def ultralytics(folder: Path, chance: Chance) -> tuple[str, str]:
    path = chance.choice([".", str(folder), "/content/digits", "C:\\data\\digits", "../datasets/digits"])
    text = f"path: {json.dumps(path)}\ntrain: images/train/\nval: ./images/val\ntest:\n{yaml_names(chance)}"
    save_text(folder / chance.choice(["data.yaml", "dataset.yml", "digits.yaml"]), text, chance)
    return chance.choice([("images/train", "labels/train"), ("Images/Train", "Labels/Train")])


def cvat_list(folder: Path, chance: Chance) -> tuple[str, str]:
    save_text(folder / "data.yaml", f"path: .\ntrain: train.txt\n{yaml_names(chance)}", chance)
    return "images/train", "labels/train"


def darknet(folder: Path, chance: Chance) -> tuple[str, str]:
    text = "classes = 10\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    save_text(folder / "obj.data", text, chance)
    save_text(folder / "obj.names", "\n".join(NAMES) + "\n", chance)
    return "obj_train_data", "obj_train_data"


def label_img(folder: Path, chance: Chance) -> tuple[str, str]:
    images, labels = chance.choice([("", ""), ("images", "labels"), ("images", "images"), ("train", "train")])
    save_text(folder / chance.choice([labels, ""]) / "classes.txt", "\n".join(NAMES) + "\n", chance)
    return images, labels


def supervision(folder: Path, chance: Chance) -> tuple[str, str]:
    save_text(folder / "data.yaml", f"{yaml_names(chance)}nc: 10\n", chance)
    return "images", "labels"


YOLO_TOOLS = (roboflow, ultralytics, cvat_list, darknet, label_img, supervision)


def write_yolo(folder: Path, pictures: Sequence[Drawn], chance: Chance) -> None:
    tool = chance.choice(YOLO_TOOLS)
    images, labels = tool(folder, chance)
    for picture in pictures:
        paint(folder / images / picture.name, picture.size)
        if picture.marks or chance.random() < 0.5:
            suffix = chance.choice([".txt", ".TXT"])
            save_text(
                (folder / labels / picture.name).with_suffix(suffix), yolo_rows(picture, chance), chance
            )
    if tool in (cvat_list, darknet):
        lines = "".join(f"data/{images}/{picture.name}\n" for picture in pictures)
        save_text(folder / "train.txt", lines, chance)


def image_paths(folder: str, name: str, chance: Chance) -> str:
    """The path of an image as the tools write it that ran elsewhere."""
    path = posixpath.join(folder, name)
    return chance.choice(
        [
            path,
            name,
            path.replace("/", "\\"),
            f"..\\..\\label-studio\\media\\upload\\4\\{name}",
            f"/data/local-files/?d=set/{name}",
            f"/home/me/{path}",
            quote(path),
            name.upper(),
        ]
    )


def coco_entry(number: int, image: int, name: str, box: Box, chance: Chance) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    bbox = [chance.choice([edge, str(edge), float(edge)]) for edge in (x1, y1, x2 - x1, y2 - y1)]
    entry = {
        "id": number,
        "image_id": chance.choice([image, float(image), str(image)]),
        "category_id": chance.choice([7 + 3 * int(name), float(7 + 3 * int(name))]),
        "iscrowd": chance.choice([0, False, "0"]),
        "area": (x2 - x1) * (y2 - y1),
        "attributes": {"occluded": False},
    }
    if chance.random() < 0.2:
        return entry | {"segmentation": [[x1, y1, x2, y1, x2, y2], [x1, y2, x1, y1, x2, y1]]}
    return entry | {"bbox": bbox, "segmentation": chance.choice([[], [bbox]])}


def write_coco(folder: Path, pictures: Sequence[Drawn], chance: Chance) -> None:
    images, place = [], chance.choice(["", "images"])
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, start=chance.choice([0, 1, 100])):
        paint(folder / place / picture.name, picture.size)
        size = dict(zip(("width", "height"), picture.size, strict=True)) if chance.random() < 0.7 else {}
        file_name = image_paths(place, picture.name, chance)
        images.append({"id": number, "license": 1, "file_name": file_name} | size)
        for name, box in picture.marks:
            annotations.append(coco_entry(len(annotations), number, name, box, chance))
    categories = [{"id": 7 + 3 * int(n), "name": n, "supercategory": "digits"} for n in NAMES]
    categories.append({"id": 0, "name": "digits", "supercategory": "none"})
    parts = {
        "info": {},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    order = list(parts)
    chance.shuffle(order)
    text = json.dumps(
        {key: parts[key] for key in order},
        indent=chance.choice([None, 1, 4]),
        ensure_ascii=chance.random() < 0.5,
    )
    save_text(folder / chance.choice(["_annotations.coco.json", "result.json"]), text, chance)


def voc_object(name: str, box: Box, chance: Chance) -> str:
    """VOC's first pixel is 1, its last one is part of the box."""
    x1, y1, x2, y2 = box
    edges = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    order = chance.choice([["xmin", "ymin", "xmax", "ymax"], ["xmin", "xmax", "ymin", "ymax"]])
    bounds = "".join(f"\t\t\t<{edge}>{spelled(edges[edge], chance)}</{edge}>\n" for edge in order)
    kinds = f"\t\t<name>{chance.choice([name, f' {name} '])}</name>\n\t\t<pose>Unspecified</pose>\n"
    return f"\t<object>\n{kinds}\t\t<bndbox>\n{bounds}\t\t</bndbox>\n\t</object>\n"


def write_voc(folder: Path, pictures: Sequence[Drawn], chance: Chance) -> None:
    images, labels = chance.choice(
        [("JPEGImages", "Annotations"), ("", ""), ("train", "train"), ("images", "xml")]
    )
    for picture in pictures:
        paint(folder / images / picture.name, picture.size)
        stem = Path(picture.name).stem
        named = chance.choice([picture.name, stem, f"{stem}.jpg", "IMG_0001.jpg", ""])
        width, height = picture.size if chance.random() < 0.7 else (0, 0)
        objects = "".join(voc_object(name, box, chance) for name, box in picture.marks)
        encoding = chance.choice(["utf-8", "utf-16"])
        text = (
            f'<?xml version="1.0" encoding="{encoding}"?>\n<annotation>\n\t<folder>{images}</folder>\n'
            f"\t<filename>{named}</filename>\n\t<path>/home/me/{picture.name}</path>\n"
            f"\t<source><database>Unknown</database></source>\n"
            f"\t<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n{objects}</annotation>\n"
        )
        write((folder / labels / picture.name).with_suffix(".xml"), text.encode(encoding))


CSV_HEADERS = (
    ("image", "digit", "x_min", "y_min", "x_max", "y_max"),
    ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2", "label", "file_name"),
)
CSV_MEANINGS = {
    "filename": "image", "file_name": "image", "class": "digit", "label": "digit", "xmin": "x_min", "x1": "x_min",
    "ymin": "y_min", "y1": "y_min", "xmax": "x_max", "x2": "x_max", "ymax": "y_max", "y2": "y_max",
}  # fmt: skip


def write_csv(folder: Path, pictures: Sequence[Drawn], chance: Chance) -> None:
    header, separator = chance.choice(CSV_HEADERS), chance.choice([",", ";", "\t"])
    lines = [chance.choice([[], [f"sep={separator}"]]), [separator.join(header)]]
    edges = ("x_min", "y_min", "x_max", "y_max")
    for picture in pictures:
        paint(folder / picture.name, picture.size)
        image = {"image": chance.choice([picture.name, f"./{picture.name}", f"C:\\photos\\{picture.name}"])}
        image |= {"width": str(picture.size[0]), "height": str(picture.size[1])}
        rows: list[dict[str, str]] = []
        for name, box in picture.marks:
            values = dict(zip(edges, (spelled(edge, chance) for edge in box), strict=True))
            if separator != "," and chance.random() < 0.5:
                values = {edge: value.replace(".", ",") for edge, value in values.items()}
            rows.append(image | values | {"digit": chance.choice([name, f"{name}.0"])})
        for row in rows or [image]:
            cells = [row.get(CSV_MEANINGS.get(column, column), "") for column in header]
            lines.append([separator.join(cells)])
    text = "\n".join(line for part in lines for line in part) + chance.choice(["", "\n"])
    save_text(folder / chance.choice(["digits.csv", "digits.tsv", "train.CSV"]), text, chance)


TOOLS: dict[str, Callable[[Path, Sequence[Drawn], Chance], None]] = {
    "YOLO": write_yolo,
    "COCO": write_coco,
    "Pascal VOC": write_voc,
    "CSV": write_csv,
}
