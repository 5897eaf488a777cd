"""Rows and images for galleries: made up, so that what filters and orders must give can be counted here too."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

Row = dict[str, Any]
WIDTH, HEIGHT = 120, 80

HOSTILE = [
    "<img src=x onerror=document.title='hacked'>.png",
    "<script>document.title='hacked'<",  # as a folder's name it goes on with a slash
    "</script><script>document.title='hacked'<!--.png",
    "--><svg onload=document.title='hacked'>.png",
    '"><style>*{display:none}.png',
    "javascript:document.title='hacked'.png",
    "&lt;b&gt; &amp; $rows {{title}} %2e%2e.png",
    "two\nlines\ttab.png",
    "\u202egnp.evila\u2066.png",
    "straße 12 日本.png",
    "#fragment?query=1&sort=unsure.png",
]
"""Names that try to be markup, scripts, addresses or templates."""


def made_row(name: str, *numbers: tuple[str, float]) -> Row:
    """A row with these numbers and scores below one another, of digits that are 10 px wide and 20 px high."""
    row: Row = {"image": name, "width_px": WIDTH, "height_px": HEIGHT, "digits": [], "numbers": []}
    for line, (text, score) in enumerate(numbers):
        y = 5.0 + 25 * line
        members = list(range(len(row["digits"]), len(row["digits"]) + len(text)))
        for place, label in enumerate(text):
            box = [20.0 + 12 * place, y, 30.0 + 12 * place, y + 20]
            row["digits"].append({"label": int(label), "score": score, "box": box})
        box = [20.0, y, 18.0 + 12 * len(text), y + 20]
        row["numbers"].append({"text": text, "score": score, "box": box, "digits": members})
    return row


def error_row(name: str) -> Row:
    return {"image": name, "error": {"code": "IMAGE_UNDECODABLE", "message": f"{name} <b>is damaged</b>"}}


def write_images(folder: Path, rows: Sequence[Row]) -> None:
    """One small picture under the names of all rows that were read."""
    picture = folder.parent / "picture.png"
    image = Image.new("RGB", (WIDTH, HEIGHT), (70, 90, 120))
    ImageDraw.Draw(image).rectangle((20, 5, 41, 24), fill=(250, 250, 250))
    folder.mkdir(parents=True, exist_ok=True)
    image.save(picture)
    for row in rows:
        if "error" not in row:
            path = folder / row["image"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(picture)


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="ascii")
    return path
