"""When and where pictures were taken: the options of both kinds of folder job."""

import argparse
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.options import duration, time_zone
from detector.results.errors import InvalidOptionError

if TYPE_CHECKING:
    from detector.folders.location.options import LocationOptions


def add_location(parser: argparse.ArgumentParser) -> None:
    """--gpx, --offset, --timezone and --strip-location."""
    group = parser.add_argument_group(
        "when and where",
        "A row says when and where its picture was taken, as far as the picture's EXIF data or a track does.",
    )
    group.add_argument(
        "--gpx",
        type=Path,
        action="append",
        default=[],
        metavar="TRACK",
        help="take positions from this GPX track where it covers the picture's time; may be given several times",
    )
    group.add_argument(
        "--offset",
        type=duration,
        metavar="TIME",
        help="how far the camera's clock is behind that of the track, such as 5s; --offset=-1h if it is ahead",
    )
    group.add_argument(
        "--timezone",
        type=time_zone,
        metavar="ZONE",
        help="time zone of pictures that name none, such as Europe/Berlin or +02:00",
    )
    group.add_argument(
        "--strip-location", action="store_true", help="leave out where pictures were taken, keep when"
    )


def location_options(args: argparse.Namespace) -> "LocationOptions":
    """What was asked for; the track is read here.

    Raises:
        InvalidOptionError: if the options contradict each other, or the track cannot be read.
    """
    from detector.folders.location.options import LocationOptions  # noqa: PLC0415 - see detector.cli.options
    from detector.folders.location.track import read_track  # noqa: PLC0415

    if args.gpx and args.strip_location:
        raise InvalidOptionError("strip_location", "leaves out the positions that --gpx gives: choose one")
    if args.offset is not None and not args.gpx:
        raise InvalidOptionError("offset", "compares the camera's clock with a track's: add --gpx TRACK")
    return LocationOptions(
        zone=args.timezone,
        track=read_track(args.gpx) if args.gpx else None,
        offset=args.offset or timedelta(0),
        strip=args.strip_location,
    )
