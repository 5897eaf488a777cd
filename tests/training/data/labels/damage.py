"""Damages the small folders of `folders` in one place, in ways that can be seen."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[Path, random.Random], object]


def one_of(folder: Path, pattern: str, chance: random.Random) -> Path:
    """A file with something in it."""
    return chance.choice(sorted(path for path in folder.rglob(pattern) if path.stat().st_size))


def change_row(
    pattern: str, separator: str, change: Callable[[list[str], random.Random], list[str]]
) -> Damage:
    """Changes the cells of a line that has all of them."""

    def damage(folder: Path, chance: random.Random) -> None:
        path = one_of(folder, pattern, chance)
        lines = path.read_text().splitlines()
        rows = [
            n for n, line in enumerate(lines) if line.count(separator) >= 4 and not line.startswith("image,")
        ]
        number = chance.choice(rows)
        lines[number] = separator.join(change(lines[number].split(separator), chance))
        path.write_text("\n".join(lines) + "\n")

    return damage


def instead(value: str, columns: range) -> Callable[[list[str], random.Random], list[str]]:
    def change(cells: list[str], chance: random.Random) -> list[str]:
        column = chance.choice(columns)
        return [value if index == column else cell for index, cell in enumerate(cells)]

    return change


def without_image(folder: Path, chance: random.Random) -> None:
    """Removes a picture that has digits."""
    named = {path.stem for path in folder.rglob("*.txt") if path.stat().st_size} or {
        path.stem for path in folder.rglob("*.bmp")
    }
    chance.choice([path for path in sorted(folder.rglob("*.bmp")) if path.stem in named]).unlink()


def spoiled_image(folder: Path, chance: random.Random) -> None:
    chance.choice(sorted(folder.rglob("*.bmp"))).write_bytes(b"BM no picture")


def cut(pattern: str, end: str) -> Damage:
    """Cuts a file anywhere before its closing bracket or tag."""

    def damage(folder: Path, chance: random.Random) -> None:
        path = one_of(folder, pattern, chance)
        content = path.read_bytes()
        path.write_bytes(content[: chance.randrange(1, content.rindex(end.encode()))])

    return damage


def not_text(pattern: str) -> Damage:
    def damage(folder: Path, chance: random.Random) -> None:
        path = one_of(folder, pattern, chance)
        path.write_bytes(path.read_bytes() + b"\xff\xfe\xfa")

    return damage


def replaced(pattern: str, old: str, new: str) -> Damage:
    """Replaces one of the places where `old` stands."""

    def damage(folder: Path, chance: random.Random) -> None:
        paths = [path for path in sorted(folder.rglob(pattern)) if old in path.read_text()]
        path = chance.choice(paths)
        parts = path.read_text().split(old)
        place = chance.randrange(1, len(parts))
        path.write_text(old.join(parts[:place]) + new + old.join(parts[place:]))

    return damage


def coco_entry(key: str, **changes: Any) -> Damage:
    """Changes an element of a list; None removes the field."""

    def damage(folder: Path, chance: random.Random) -> None:
        path = folder / "labels.json"
        document = json.loads(path.read_text())
        entry = chance.choice(document[key])
        entry |= changes
        for field in [field for field, value in entry.items() if value is None]:
            del entry[field]
        path.write_text(json.dumps(document, indent=chance.choice([None, 1])))

    return damage


def another_image(folder: Path, chance: random.Random) -> None:
    """Gives all annotations of an image to one that is not listed."""
    path = folder / "labels.json"
    document = json.loads(path.read_text())
    image = chance.choice(document["annotations"])["image_id"]
    for entry in document["annotations"]:
        entry["image_id"] = 7 if entry["image_id"] == image else entry["image_id"]
    path.write_text(json.dumps(document))


def another_name(folder: Path, chance: random.Random) -> None:
    """Renames an image in all its lines."""
    path = folder / "digits.csv"
    header, *lines = path.read_text().splitlines()
    image = chance.choice(lines).split(",")[0]
    changed = [re.sub(rf"^{re.escape(image)}(?=,|$)", "nowhere.bmp", line) for line in lines]
    path.write_text("\n".join([header, *changed]) + "\n")


def renamed(pattern: str, suffix: str) -> Damage:
    def damage(folder: Path, chance: random.Random) -> None:
        path = one_of(folder, pattern, chance)
        path.rename(path.with_name(path.stem + suffix))

    return damage


def moved(pattern: str, place: str) -> Damage:
    def damage(folder: Path, chance: random.Random) -> None:
        path = one_of(folder, pattern, chance)
        (folder / place).mkdir(parents=True, exist_ok=True)
        path.rename(folder / place / path.name)

    return damage


LABELS = "labels/*.txt"

DAMAGES: dict[str, dict[str, Damage]] = {
    "YOLO": {
        "a column less": change_row(LABELS, " ", lambda cells, _: cells[:-1]),
        "a score more": change_row(LABELS, " ", lambda cells, _: [*cells, "0.9"]),
        "a word": change_row(LABELS, " ", instead("x", range(5))),
        "not a number": change_row(LABELS, " ", instead("nan", range(5))),
        "an undeclared class": change_row(LABELS, " ", instead("10", range(1))),
        "pixels": change_row(LABELS, " ", instead("700", range(1, 3))),
        "no width": change_row(LABELS, " ", instead("0", range(3, 5))),
        "not text": not_text(LABELS),
        "another suffix": renamed(LABELS, ".text"),
        "two suffixes": renamed(LABELS, ".bmp.txt"),
        "another folder": moved(LABELS, "labels/old"),
        "no image": without_image,
        "no picture": spoiled_image,
        "no names": replaced("data.yaml", "names", "nmaes"),
        "no splits' folder": replaced("data.yaml", "train: images", "train: photos"),
    },
    "COCO": {
        "cut": cut("labels.json", "}"),
        "not text": not_text("labels.json"),
        "no annotations": replaced("labels.json", '"annotations"', '"anotations"'),
        "no images": replaced("labels.json", '"images"', '"image"'),
        "no categories": replaced("labels.json", '"categories"', '"category"'),
        "another image": another_image,
        "another category": coco_entry("annotations", category_id=3),
        "three numbers": coco_entry("annotations", bbox=[1, 2, 3]),
        "a word": coco_entry("annotations", bbox=[1, 2, 3, "x"]),
        "no bbox": coco_entry("annotations", bbox=None),
        "no file_name": coco_entry("images", file_name=None),
        "another file_name": coco_entry("images", file_name="nowhere.bmp"),
        "another size": coco_entry("images", width=1000),
        "no image": without_image,
        "no picture": spoiled_image,
    },
    "Pascal VOC": {
        "cut": cut("*.xml", "</annotation>"),
        "no edge": replaced("*.xml", "<xmax>", "<xmux>"),
        "another edge": replaced("*.xml", "<ymin>", "<ymin>x"),
        "no number": replaced("*.xml", "</ymax>", "nan</ymax>"),
        "another class": replaced("*.xml", "<name>", "<name>x"),
        "another root": replaced("*.xml", "annotation>", "annotations>"),
        "another size": replaced("*.xml", "<width>", "<width>9"),
        "no image": without_image,
        "no picture": spoiled_image,
    },
    "CSV": {
        "a cell less": change_row("digits.csv", ",", lambda cells, _: cells[:-1]),
        "a cell more": change_row("digits.csv", ",", lambda cells, _: [*cells[:3], "1", *cells[3:]]),
        "a word": change_row("digits.csv", ",", instead("x", range(2, 6))),
        "not a number": change_row("digits.csv", ",", instead("NaN", range(2, 6))),
        "another class": change_row("digits.csv", ",", instead("10", range(1, 2))),
        "no class": change_row("digits.csv", ",", instead("", range(1, 2))),
        "another image": another_name,
        "no image's name": change_row("digits.csv", ",", instead("", range(1))),
        "a quote": change_row("digits.csv", ",", instead('"x', range(1, 6))),
        "not text": not_text("digits.csv"),
        "another header": replaced("digits.csv", "x_min", "left"),
        "no image": without_image,
        "no picture": spoiled_image,
    },
}
