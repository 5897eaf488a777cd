"""Photographs with EXIF data, made as cameras make them."""

import io
import struct
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

GOOD_GPS: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (52.0, 31.0, 12.34),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (13.0, 24.0, 36.1),
}
"""52.5200944, 13.4100278."""

GOOD_TIME: dict[int, Any] = {
    Base.DateTimeOriginal: "2026:05:01 10:00:00",
    Base.OffsetTimeOriginal: "+02:00",
}


def exif_block(camera: Mapping[int, Any] | None = None, gps: Mapping[int, Any] | None = None) -> bytes:
    """An EXIF block with these tags in the directories of the camera and of GPS."""
    exif = Image.Exif()
    exif[Base.Make] = "Maker"
    exif.get_ifd(IFD.Exif).update(camera or {})
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    return exif.tobytes()


def gps_at(latitude: float, longitude: float, **others: Any) -> dict[int, Any]:
    """GPS tags of a place in degrees, to a millimetre; `others` by their names."""
    tags = {
        GPS.GPSLatitudeRef: "N" if latitude >= 0 else "S",
        GPS.GPSLatitude: _sexagesimal(abs(latitude)),
        GPS.GPSLongitudeRef: "E" if longitude >= 0 else "W",
        GPS.GPSLongitude: _sexagesimal(abs(longitude)),
    }
    return tags | {GPS[name]: value for name, value in others.items()}


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    return float(whole), float(minutes), round(((degrees - whole) * 60 - minutes) * 60, 5)


def encoded(kind: str, exif: bytes, image: Image.Image | None = None, **options: Any) -> bytes:
    """A small picture, or `image`, with the EXIF block in it."""
    file = io.BytesIO()
    (image or Image.new("RGB", (64, 48), (9, 99, 200))).save(file, kind, exif=exif, **options)
    return file.getvalue()


def raw_exif(gps: bytes, entries: int, data: bytes = b"", order: str = "<") -> bytes:
    """An EXIF block whose GPS directory is given byte by byte, with `data` behind it."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    main = struct.pack(f"{order}IHHHII", 8, 1, 0x8825, 4, 1, 26) + bytes(4)
    return head + main + struct.pack(f"{order}H", entries) + gps + bytes(4) + data
