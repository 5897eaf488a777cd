"""A report's folder: what may be there before, and what is there in the end."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from detector.folders.report.page import GENERATOR, check_tiles, page_chunks
from detector.folders.report.pictures import (
    MARK,
    PICTURES,
    THUMBNAILS,
    Picture,
    make_picture_folders,
    write_pictures,
)
from detector.folders.report.provenance import Provenance
from detector.folders.results_file import FoundRow, ResultRow, ResultsFile
from detector.results.errors import InvalidOptionError
from detector.system.files import whole_file

PAGE = "index.html"
_UNFINISHED_PAGE = re.compile(r"index\.html(\.[0-9a-f]{32})?\.part")
"""A page that a killed run left unfinished; earlier releases' names have no number."""


def check_report_folder(folder: Path, images: Path) -> None:
    """Make sure that a report can go to `folder`: a new one, an empty one, or an earlier report's.

    Raises:
        InvalidOptionError: if something else is there, or it holds the images themselves; its `field` is "report".
    """
    if images.resolve().is_relative_to(folder.resolve()):
        raise InvalidOptionError("report", f"{folder} holds the images themselves: name another folder")
    try:
        foreign = sorted(path.name for path in folder.iterdir() if not _is_ours(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise InvalidOptionError("report", f"{folder} cannot be used: {error.strerror}") from error
    if foreign:
        raise InvalidOptionError(
            "report", f"{folder} holds other things, such as {foreign[0]}: name a new or an empty folder"
        )


@dataclass(frozen=True)
class Report:
    """A gallery that was written.

    Attributes:
        page: what to open.
        images: the rows in it.
        missing: those that were read when they were detected, but now had no picture to show.
    """

    page: Path
    images: int
    missing: int


def write_report(
    results: ResultsFile,
    images: Path,
    folder: Path,
    *,
    tiles: str | None = None,
    strip_location: bool = False,
) -> Report:
    """Write a gallery of the results to `folder`: index.html, pictures/ and thumbnails/.

    An earlier report there is replaced; its page goes first, and the new one comes when all is there. The same
    results and images give the same files.

    Args:
        results: what was found.
        images: the folder that the images' names are relative to.
        folder: where the report goes.
        tiles: the address of a server of map tiles, which browsers will then ask; None for a map without any.
        strip_location: leave out where the images were taken.

    Raises:
        InvalidOptionError: if the results are not rows, something else is in the folder, or `tiles` is no address.
        OSError: if it cannot be written.
    """
    if tiles is not None:
        check_tiles(tiles)
    check_report_folder(folder, images)
    folder.mkdir(parents=True, exist_ok=True)
    make_picture_folders(folder)  # before an earlier page goes, which may be all that says that they are ours
    _remove_earlier(folder)
    seen: Counter[bool] = Counter()

    def counted() -> Iterator[tuple[ResultRow, Picture | None]]:
        for row, picture in write_pictures(results, images, folder):
            seen[isinstance(row, FoundRow) and picture is None] += 1
            yield _without_location(row) if strip_location else row, picture

    with whole_file(folder / PAGE) as file:
        made = Provenance.of_file(results.path)
        for chunk in page_chunks(images.resolve().name, counted(), folder.resolve(), made, tiles):
            file.write(chunk.encode())
    return Report(folder / PAGE, images=seen.total(), missing=seen[True])


def _without_location(row: ResultRow) -> ResultRow:
    return replace(row, capture=row.capture.without_location()) if isinstance(row, FoundRow) else row


def _is_ours(path: Path) -> bool:
    if path.name == PAGE:
        return _is_our_page(path)
    if path.name in (PICTURES, THUMBNAILS):
        return _is_our_picture_folder(path)
    return _UNFINISHED_PAGE.fullmatch(path.name) is not None


def _is_our_page(page: Path) -> bool:
    with page.open(encoding="utf-8", errors="replace") as file:
        return GENERATOR in file.read(4096)


def _is_our_picture_folder(folder: Path) -> bool:
    """Return whether its pictures may be replaced: earlier releases marked nothing but the page beside it."""
    if folder.is_symlink() or not folder.is_dir():  # a link would lead the pictures elsewhere
        return False
    page = folder.with_name(PAGE)
    return (folder / MARK).exists() or not any(folder.iterdir()) or (page.is_file() and _is_our_page(page))


def _remove_earlier(folder: Path) -> None:
    (folder / PAGE).unlink(missing_ok=True)
    for path in folder.iterdir():
        if _UNFINISHED_PAGE.fullmatch(path.name):
            path.unlink()
    for name in (PICTURES, THUMBNAILS):
        for path in (folder / name).glob("*.jpg"):
            if re.fullmatch(r"\d{6,}\.jpg", path.name):
                path.unlink()
