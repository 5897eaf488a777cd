"""A street that somebody walks along: house fronts with plates, photographed and filmed at known places."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.ExifTags import Base
from pillow_heif import register_heif_opener

from tests.detector.captures import encoded, exif_block, gps_at
from tests.detector.folders.location.tracks import gpx, write_gpx
from tests.detector.videos import write_video

BEGIN = datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))
SIZE = (320, 240)
STEP_S = 20
"""Seconds from one photograph to the next; the walk goes on at one metre a second."""

HEADING = 320.0
"""Where the camera looks, from true north."""

VIDEO_BEGIN = BEGIN + timedelta(seconds=40 * STEP_S)
FILMED = ("83", "47")
"""The numbers in the video, each for three seconds with a pause of two before it."""

_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


@dataclass(frozen=True)
class Placed:
    """A number, and where the camera stood that saw it.

    Attributes:
        number: what is on the plate.
        latitude: degrees.
        longitude: degrees.
        heading: where the camera looked, degrees from true north; None if it does not say so.
    """

    number: str
    latitude: float
    longitude: float
    heading: float | None = None


def place_after(seconds: float) -> tuple[float, float]:
    """Where the walker is: on a street to the north-east."""
    return round(52.52 + seconds * 6.4e-6, 7), round(13.41 + seconds * 1.05e-5, 7)


def house_front(number: str | None, seed: int) -> NDArray[np.uint8]:
    """(240, 320, 3): a wall with a door, a window and, unless `number` is None, a plate."""
    rng = np.random.default_rng(seed)
    wall = rng.integers(140, 200, 3) + rng.normal(0, 4, (SIZE[1], SIZE[0], 1))
    picture = Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((10, 90, 80, 240), fill=tuple(int(c) for c in rng.integers(50, 90, 3)))
    draw.rectangle((240, 50, 310, 150), fill=(70, 80, 95), outline=(225, 225, 220), width=5)
    if number is not None:
        font = ImageFont.truetype(str(_FONT), 40)
        left, top, right, bottom = draw.textbbox((160, 110), number, font=font, anchor="mm")
        draw.rectangle(
            (left - 16, top - 14, right + 16, bottom + 14), fill=(25, 50, 130), outline="white", width=3
        )
        draw.text((160, 110), number, font=font, anchor="mm", fill="white")
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(0.7)))


def make_walk(folder: Path) -> None:
    """Makes `folder`/walk with 30 photographs and a video, and `folder`/walk.gpx; `placed_numbers` says what is where.

    Each third photograph is HEIC, the others JPEG. They have their place in EXIF data, but each fifth has a time alone,
    as if there had been no fix; the track goes on while the video is made.
    """
    (folder / "walk").mkdir(parents=True)
    for index, placed in enumerate(_photographed()):
        _photograph(folder / "walk", index, placed)
    _film(folder / "walk" / "drive.mp4")
    points = [(*place_after(second), _utc(second)) for second in range(0, 44 * STEP_S, 2)]
    write_gpx(folder / "walk.gpx", gpx(points))


def placed_numbers() -> list[Placed]:
    """Every number of the walk, and where its camera stood."""
    seconds = (VIDEO_BEGIN - BEGIN).total_seconds()
    filmed = [Placed(number, *place_after(seconds + 5 * index + 3)) for index, number in enumerate(FILMED)]
    return [*_photographed(), *filmed]


def _photographed() -> Iterator[Placed]:
    for index in range(30):
        heading = None if index % 5 == 4 else HEADING
        yield Placed(str(21 + 2 * index), *place_after(index * STEP_S), heading)


def _photograph(folder: Path, index: int, placed: Placed) -> None:
    register_heif_opener()
    moment = f"{BEGIN + timedelta(seconds=index * STEP_S):%Y:%m:%d %H:%M:%S}"
    camera = {Base.DateTimeOriginal: moment, Base.FocalLengthIn35mmFilm: 26}
    known = gps_at(
        placed.latitude,
        placed.longitude,
        GPSImgDirection=HEADING,
        GPSImgDirectionRef="T",
        GPSHPositioningError=4.0,
    )
    exif = exif_block(camera, known if placed.heading else {})
    kind, suffix = ("HEIF", "HEIC") if index % 3 == 2 else ("JPEG", "JPG")
    picture = Image.fromarray(house_front(placed.number, index))
    (folder / f"IMG_{index:04}.{suffix}").write_bytes(encoded(kind, exif, picture, quality=92))


def _film(path: Path) -> None:
    """Ten seconds at ten frames a second."""

    def picture(frame: int) -> NDArray[np.uint8]:
        second = frame / 10
        return house_front(FILMED[int(second // 5)] if second % 5 >= 2 else None, int(second // 5))

    began = (VIDEO_BEGIN - VIDEO_BEGIN.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
    known = {"creation_time": f"{began.isoformat()}Z"}
    write_video(path, times_ms=range(0, 10_000, 100), picture=picture, metadata=known)


def _utc(second: float) -> str:
    return (BEGIN + timedelta(seconds=second)).isoformat()
