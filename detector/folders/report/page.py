"""The page of a report: one HTML file with its style, its scripts and the rows that it shows.

Whatever a file is called, its name is data here: rows are JSON in a block that no browser runs, in which even
the `<` of a closing tag is written as an escape, and the scripts make text of them, never markup. The page's
own policy runs nothing but the scripts whose hashes it names, and lets nothing be fetched but its pictures.
"""

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

from detector.folders.location.fields import capture_fields
from detector.folders.report.pictures import Picture
from detector.folders.rows import ErrorRow, ResultRow, printable_name
from detector.results.errors import InvalidOptionError

GENERATOR = '<meta name="generator" content="digit-detector report">'
"""The mark that tells a report's page from anybody else's."""

_SOURCES = files(__package__)


def check_tiles(address: str) -> None:
    """Make sure that an address can be that of a server of map tiles.

    Raises:
        InvalidOptionError: if not; its `field` is "tiles".
    """
    parts = urlsplit(address)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    if not (is_web and all(f"{{{name}}}" in address for name in "zxy") and address.isprintable()):
        raise InvalidOptionError(
            "tiles", f"{address} is not an address such as https://tiles.example.com/{{z}}/{{x}}/{{y}}.png"
        )
    if set(parts.netloc) & set(" ;,'\"{}@"):
        raise InvalidOptionError("tiles", f"{parts.netloc} is not the name of a server")


def page_chunks(
    title: str, rows: Iterable[tuple[ResultRow, Picture | None]], folder: Path, tiles: str | None = None
) -> Iterator[str]:
    """Return the text of index.html, in order.

    Args:
        title: the name of the folder of images.
        rows: each row with its pictures.
        folder: the report's folder, from which the links to the images lead.
        tiles: the address of a server of map tiles, see `check_tiles`; None for a map without any.
    """
    style, script = _text("page.css"), _scripts()
    template = Template(_text("page.html"))
    page = template.substitute(
        title=html.escape(printable_name(title)),
        policy=html.escape(_policy(style, script, tiles)),
        tiles=html.escape(tiles or ""),
        attribution=html.escape(_attribution(tiles)),
        style=style,
        script=script,
        rows="\0",
    )
    head, tail = page.split("\0")
    yield head
    for index, (row, picture) in enumerate(rows):
        yield ",\n" if index else ""
        yield json.dumps(_entry(row, picture, folder), allow_nan=False).replace("<", "\\u003c")
    yield tail


def _entry(row: ResultRow, picture: Picture | None, folder: Path) -> dict[str, Any]:
    if isinstance(row, ErrorRow):
        moment = {} if row.place is None else row.place._asdict()
        return {"image": row.image, **moment, "error": {"code": row.code, "message": row.message}}
    entry: dict[str, Any] = {
        "image": row.image,
        **({} if row.place is None else row.place._asdict()),
        **capture_fields(replace(row.capture, focal_length_35mm=None)),
        "width_px": row.width_px,
        "height_px": row.height_px,
        "digits": [[digit.label, digit.score, digit.box] for digit in row.digits],
        "numbers": [[number.text, number.score, number.box, number.digits] for number in row.numbers],
    }
    if picture is not None:
        source = os.path.relpath(picture.source, folder)
        entry |= {"picture": picture.picture, "thumbnail": picture.thumbnail}
        entry["original"] = quote(os.fsencode(source))  # a colon too is escaped: no name is a scheme
    return entry


def _policy(style: str, script: str, tiles: str | None) -> str:
    server = "" if tiles is None else " {0.scheme}://{0.netloc}".format(urlsplit(tiles))
    return (
        f"default-src 'none'; img-src 'self' file: data:{server}; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _attribution(tiles: str | None) -> str:
    if tiles is None:
        return ""
    host = urlsplit(tiles).hostname or ""
    is_osm = host == "openstreetmap.org" or host.endswith(".openstreetmap.org")
    return "\N{COPYRIGHT SIGN} OpenStreetMap contributors" if is_osm else f"Map: {host}"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _scripts() -> str:
    names = sorted(path.name for path in (_SOURCES / "scripts").iterdir() if path.name.endswith(".js"))
    return "\n".join(_text(f"scripts/{name}") for name in names)


def _text(name: str) -> str:
    return (_SOURCES / name).read_text(encoding="utf-8")
