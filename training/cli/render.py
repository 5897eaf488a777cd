"""`digit-detector-train fonts` and `render`: open fonts, and labelled scenes rendered in them."""

import argparse
from pathlib import Path

from detector.cli.options import whole_number
from training.cli.options import AddParser
from training.data.photographs import list_photographs

_KEPT_APART = 10
"""Of so many scenes one is for measuring."""


def add_fonts(add_parser: AddParser) -> None:
    """Add the command that fetches fonts."""
    command = add_parser(
        "fonts",
        help="fetch a few hundred open font families to render digits in",
        description="Fetches open font families with npm into --out, a folder for each with its licence, and lists "
        "them in licences.csv. Only rendering needs them. A folder of your own font files does as well.",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder of fonts")
    command.set_defaults(run=_fonts)


def add_render(add_parser: AddParser) -> None:
    """Add the command that renders scenes."""
    command = add_parser(
        "render",
        help="render labelled scenes: house numbers, words and lists on walls and plates",
        description="Writes labelled scenes as a COCO data set that `check`, `evaluate` and the trainings read. One "
        "scene in ten goes to the split `val`, in font families that the split `train` does not use.",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    command.add_argument(
        "--count", type=whole_number(_KEPT_APART), required=True, metavar="N", help="how many scenes"
    )
    command.add_argument("--seed", type=whole_number(0), default=1, help="random seed (default: %(default)s)")
    command.add_argument(
        "--fonts",
        type=Path,
        metavar="DIR",
        help="a folder of OTF, TTF or WOFF2 files, such as `fonts` fetches (default: the system's fonts)",
    )
    command.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="photographs without digits to hang numbers on (default: painted walls alone)",
    )
    command.set_defaults(run=_render)


def _fonts(args: argparse.Namespace) -> int:
    from training.samplers.synthetic.open_fonts import LICENCES, fetch_fonts  # noqa: PLC0415

    count = fetch_fonts(args.out)
    print(f"{count} font families in {args.out}; their licences: {args.out / LICENCES}")
    return 0


def _render(args: argparse.Namespace) -> int:
    from training.samplers.rendered_folder import RenderJob, write_rendered  # noqa: PLC0415

    photos = tuple(list_photographs(args.photos)) if args.photos else ()
    kept_apart = args.count // _KEPT_APART
    counts = {"train": args.count - kept_apart, "val": kept_apart}
    write_rendered(RenderJob(args.seed, args.fonts, photos), counts, args.out)
    print(
        f"{args.count} scenes in {args.out}; view some: digit-detector-train check --data {args.out} --out DIR"
    )
    return 0
