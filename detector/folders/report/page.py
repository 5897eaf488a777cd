"""The page of a report: one HTML file with its style, its scripts and the rows that it shows.

Whatever a file is called, its name is data here: rows are JSON in a block that no browser runs, in which even
the `<` of a closing tag is written as an escape, and the scripts make text of them, never markup. The page's
own policy runs nothing but the scripts whose hashes it names, and lets nothing be fetched but its pictures.
"""

import html
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from detector.folders.report.pictures import Picture
from detector.folders.report.provenance import Provenance
from detector.folders.results_file import ErrorRow, FoundRow, ResultRow
from detector.folders.rows import capture_fields, printable_name
from detector.pages.page import Page, json_in_page
from detector.results.errors import InvalidOptionError

GENERATOR = '<meta name="generator" content="digit-detector report">'
"""The mark that tells a report's page from anybody else's."""


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
    title: str,
    rows: Iterable[tuple[ResultRow, Picture | None]],
    folder: Path,
    made: Provenance,
    tiles: str | None = None,
) -> Iterator[str]:
    """Return the text of index.html, in order.

    Args:
        title: the name of the folder of images.
        rows: each row with its pictures.
        folder: the report's folder, from which the links to the images lead.
        made: how the rows were made.
        tiles: the address of a server of map tiles, see `check_tiles`; None for a map without any.
    """
    page = Page.of_package(__package__)
    server = "" if tiles is None else " {0.scheme}://{0.netloc}".format(urlsplit(tiles))
    text = page.render(
        title=html.escape(printable_name(title)),
        policy=html.escape(page.policy(images=f"'self' file: data:{server}")),
        tiles=html.escape(tiles or ""),
        attribution=html.escape(_attribution(tiles)),
        rows="\0",
        origin="\0",
    )
    head, between, tail = text.split("\0")
    yield head
    models: dict[str, None] = {}
    for index, (row, picture) in enumerate(rows):
        if isinstance(row, FoundRow) and row.model:
            models[row.model] = None
        yield ",\n" if index else ""
        yield json_in_page(_entry(row, picture, folder))
    yield between + json_in_page(made.to_json(models)) + tail


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


def _attribution(tiles: str | None) -> str:
    if tiles is None:
        return ""
    host = urlsplit(tiles).hostname or ""
    is_osm = host == "openstreetmap.org" or host.endswith(".openstreetmap.org")
    return "\N{COPYRIGHT SIGN} OpenStreetMap contributors" if is_osm else f"Map: {host}"
