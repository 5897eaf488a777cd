"""The command line of both kinds of folder job: when and where pictures were taken, how a job ends."""

import argparse
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from detector.cli.program import INTERRUPTED, TERMINATED
from detector.results.errors import InvalidOptionError

if TYPE_CHECKING:
    from detector.folders.file_kinds import LeftOutCounts
    from detector.folders.location import LocationOptions
    from detector.folders.progress import FolderSummary


def add_location(parser: argparse.ArgumentParser) -> None:
    """--gpx, --offset, --timezone and --strip-location."""
    group = parser.add_argument_group(
        "when and where",
        "Rows say when and where a picture was taken, as its EXIF data or a track does.",
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


def shuffle_seed(args: argparse.Namespace) -> int | None:
    """Return the seed of the random order that was asked for, None if none was.

    Raises:
        InvalidOptionError: if there is a seed without an order.
    """
    if args.shuffle:
        return args.seed or 0
    if args.seed is not None:
        raise InvalidOptionError("seed", "--seed needs --shuffle")
    return None


def location_options(args: argparse.Namespace) -> "LocationOptions":
    """Return what was asked for; the track is read here.

    Raises:
        InvalidOptionError: if the options contradict each other, or the track cannot be read.
    """
    from detector.folders.location import LocationOptions, read_track  # noqa: PLC0415 - see detector.cli.options

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


def duration(text: str) -> timedelta:
    """Return a time such as 5s, -90s, 1.5h or 1h30m, forwards or backwards, up to a year."""
    found = re.fullmatch(r"([+-]?)(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text, re.ASCII)
    try:
        if found is None or not any(found.groups()[1:]):
            raise ValueError
        hours, minutes, seconds = (float(part or 0) for part in found.groups()[1:])
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if length > timedelta(days=366):
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 5s, -90s, 2h or 1h30m") from error
    return -length if found[1] == "-" else length


def time_zone(text: str) -> tzinfo:
    """Return a time zone by its name, such as Europe/Berlin, or by its offset, such as +02:00."""
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", text, re.ASCII)
    if offset is not None and int(offset[2]) < 24 and int(offset[3]) < 60:
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-length if offset[1] == "-" else length)
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:  # what zoneinfo raises of a name depends on the name
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time zone: a name such as Europe/Berlin, or an offset such as +02:00"
        ) from error


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the end that Ctrl-C brings, with an exit code of its own."""


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Make SIGTERM a KeyboardInterrupt; `exit_code` tells which it was."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Of a job that was stopped."""
    return TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED


def say(message: str) -> None:
    """Tells the user, on standard error: standard output is for results."""
    print(message, file=sys.stderr)


def say_left_out(counts: "LeftOutCounts") -> None:
    """Tells the user what lies among the images and is not read."""
    for line in counts.lines():
        say(line)


def say_account(summary: "FolderSummary", output: str) -> None:
    """Tells the user what came of the job."""
    from detector.folders.rows import printable_name  # noqa: PLC0415 - see detector.cli.options

    say(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, {summary.numbers} numbers: "
        f"{printable_name(output)}"
    )
