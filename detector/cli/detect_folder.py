"""`digit-detector detect-folder`: one row for each image below a folder."""

import argparse
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.folder_jobs import add_location, location_options, shuffle_seed
from detector.cli.options import (
    EXIT_CODES,
    AddParser,
    add_annotated,
    add_detector,
    add_exhaustive,
    add_min_score,
    command,
    file_name,
    frame_step,
    whole_number,
)
from detector.cli.program import OK, SOME_FAILED, complain, one_line_if_broken_off
from detector.cli.ray import detect_folder as on_ray
from detector.results.errors import InvalidOptionError

if TYPE_CHECKING:
    from detector.cli.detector_choice import DetectorChoice
    from detector.folders.plan import FolderJob
    from detector.folders.progress import FolderSummary

_DESCRIPTION = (
    "Detects every image below IMAGES (JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC, AVIF; JPEG XL with "
    "digit-detector[jxl]) in the order of their paths, and adds one line of JSON per image to OUT.jsonl as soon as it "
    "is made. Hidden files, and folders in which a NAS keeps thumbnails such as @eaDir, are left out. An image that "
    "cannot be read gets a line that says why, the others go on. Killed at any moment, by Ctrl-C or by a power cut, "
    "it goes on with --resume, and the file becomes the same as if nothing had happened; what the rows were made with "
    f"is kept in OUT.jsonl.settings.json, so that another model or other options are noticed. {EXIT_CODES}"
)

_EXAMPLES = """\
  digit-detector detect-folder photos --out digits.jsonl
  digit-detector detect-folder photos --out digits.jsonl --resume
  digit-detector detect-folder photos --out digits.jsonl --annotated photos-annotated
  digit-detector detect-folder photos --out digits.jsonl --report gallery
  digit-detector detect-folder photos --out sample.jsonl --shuffle --limit 100
  digit-detector detect-folder photos --out digits.jsonl --exclude '*/thumbnails/*'
  digit-detector detect-folder incoming --out digits.jsonl --watch
  find photos -newer last-week -print0 | digit-detector detect-folder - --null --out new.jsonl
  digit-detector detect-folder walk --out digits.jsonl --every 0.5s --gpx walk.gpx
  digit-detector detect-folder photos --out digits.jsonl --server 127.0.0.1:50051
  digit-detector detect-folder s3://archive/photos --out s3://archive/digits --engine ray

a line of the output:
  {"image": "street/1.jpg", "width_px": 640, "height_px": 480, "model": "svhn-fcn 2026.11-3",
   "digits": [{"label": 7, "score": 0.98, "box": [x_min, y_min, x_max, y_max]}, ...],
   "numbers": [{"text": "75", "score": 0.97, "box": [...], "digits": [0, 1]}]}
  {"image": "street/drive.mp4", "frame": 15, "time_s": 0.5,
   "captured_at": "2026-05-01T08:00:00+00:00", "latitude": 52.52, "longitude": 13.41, ...}
  {"image": "street/2.jpg", "error": {"code": "IMAGE_UNDECODABLE", "message": "..."}}"""


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser, "detect-folder", "find the digits in every image below a folder", _DESCRIPTION, _EXAMPLES
    )
    _add_images(parser)
    _add_output(parser)
    add_annotated(parser)
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="at the end also make a gallery to look at: DIR/index.html, see digit-detector report",
    )
    add_min_score(parser)
    add_location(parser)
    add_exhaustive(parser)
    add_detector(parser)
    on_ray.add_engine(parser)
    parser.set_defaults(run=_run)


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images",
        metavar="IMAGES",
        help="folder of images, with all folders in it; - for paths on standard input, one a line, in their order; "
        "with --engine ray also an address such as s3://bucket/photos",
    )
    parser.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="the paths on standard input end in null characters (find -print0)",
    )
    for name, what in (("include", "only images that match"), ("exclude", "no images that match")):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{what}; a shell pattern for the path below IMAGES, * matches / too; may be given several times",
        )
    parser.add_argument("--limit", type=whole_number(0), metavar="N", help="stop when OUT.jsonl has N rows")
    parser.add_argument("--shuffle", action="store_true", help="a random order, the same each time")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of --shuffle (default: 0)")
    parser.add_argument(
        "--every",
        type=frame_step,
        metavar="STEP",
        help="also read videos (MP4, MOV, MKV, WebM, AVI), one frame in STEP: 0.5s or 10f; needs digit-detector[video]",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="go on with the images that arrive, each when it is finished, until Ctrl-C; only files "
        "that an image's suffix names, such as .jpg",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=file_name,
        required=True,
        metavar="OUT.jsonl",
        help="file to write; rows are added to its end as they are made; with --engine ray a folder or address",
    )
    earlier = parser.add_mutually_exclusive_group()
    earlier.add_argument(
        "--resume", action="store_true", help="continue an earlier run, even one that crashed"
    )
    earlier.add_argument("--overwrite", action="store_true", help="drop the rows of an earlier run")


def _run(args: argparse.Namespace) -> int:
    if args.engine == on_ray.RAY:
        return on_ray.run(args)
    on_ray.check_options_of_ray(args)
    return _run_here(args)


def _run_here(args: argparse.Namespace) -> int:
    from detector.cli.detector_choice import choice  # noqa: PLC0415
    from detector.folders.listing import Selection  # noqa: PLC0415
    from detector.folders.plan import FolderJob  # noqa: PLC0415
    from detector.folders.sources import PathStream  # noqa: PLC0415
    from detector.images.video_frames import Every  # noqa: PLC0415
    from detector.results.interface import DetectOptions  # noqa: PLC0415

    if args.null and args.images != "-":
        raise InvalidOptionError("null", "is for a list on standard input: - in place of the folder reads it")
    seed = shuffle_seed(args)
    job = FolderJob(
        images=PathStream(0, b"\0" if args.null else b"\n") if args.images == "-" else Path(args.images),
        output=Path(args.out),
        annotated=args.annotated,
        report=args.report,
        options=DetectOptions(score_threshold=args.min_score, exhaustive=args.exhaustive),
        selection=Selection(tuple(args.include), tuple(args.exclude), seed),
        every=None if args.every is None else Every(*args.every),
        location=location_options(args),
        limit=args.limit,
        watch=args.watch,
        resume=args.resume,
        overwrite=args.overwrite,
    )
    return detect_folder(job, choice(args))


def detect_folder(job: "FolderJob", choice: "DetectorChoice") -> int:
    """Write one line of JSON for each image below a folder; return the exit code."""
    from detector import folders  # noqa: PLC0415
    from detector.cli.folder_jobs import exit_code, interrupted_by_sigterm, say, say_account, say_left_out  # noqa: PLC0415
    from detector.folders.file_kinds import LeftOutCounts  # noqa: PLC0415
    from detector.folders.plan import plan_folder  # noqa: PLC0415
    from detector.folders.report import PAGE  # noqa: PLC0415
    from detector.folders.rows import printable_name  # noqa: PLC0415

    plan = plan_folder(job)
    say_left_out(LeftOutCounts(plan.left_out))
    rows_so_far = f"the rows so far are in {plan.job.output}, --resume goes on"
    so_far: deque[FolderSummary] = deque(maxlen=1)
    try:
        with interrupted_by_sigterm(), choice.open() as detector, one_line_if_broken_off(rows_so_far):
            summary = folders.detect_folder(plan, detector, so_far.append)
    except KeyboardInterrupt as interrupt:
        if job.watch and so_far:  # that is how watching ends
            say("stopped watching, --resume goes on")
            say_account(so_far[0], str(job.output))
        else:
            complain(
                f"stopped: {rows_so_far}" if _has_rows(plan.job.output) else "stopped before the first row"
            )
        return exit_code(interrupt)
    say_account(summary, str(job.output))
    if job.report is not None:
        say(f"to look at them, open {printable_name(str(job.report / PAGE))}")
    return SOME_FAILED if summary.errors else OK


def _has_rows(output: Path) -> bool:
    return output.exists() and output.stat().st_size > 0
