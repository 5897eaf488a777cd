"""How fast the detector, its folder job and its server are, as ratios of things measured side by side in one run.

Seconds say little: machines differ, and so do their hours. So each section runs what it compares in turns, several
times, and gives the ratio of the medians. `python scripts/benchmark.py --help` lists the sections.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from benchmarks.folder import folder
from benchmarks.growth import growth
from benchmarks.measuring import SAMPLES, Bench, Figure, Result, Table, machine
from benchmarks.network import detect, windows
from benchmarks.peers import peers
from benchmarks.ray_folder import ray_folder
from benchmarks.ray_server import ray_server
from benchmarks.refiner import refiner
from benchmarks.runtimes import runtimes
from benchmarks.server import server
from benchmarks.sharing import sharing

from detector.images.decode import decode_image, read_image_file
from detector.models.model_files import EMBEDDED
from detector.models.runtimes import TENSORFLOW, load_networks
from detector.pipeline.detector import DigitDetector
from detector.results.errors import DetectorError
from detector.system.files import write_whole

SAMPLE = SAMPLES / "svhn_train_1345.png"

Section = Callable[[Bench], list[Result]]

SECTIONS: dict[str, Section] = {
    "detect": detect,
    "windows": windows,
    "refiner": refiner,
    "runtimes": runtimes,
    "folder": folder,
    "server": server,
    "sharing": sharing,
    "growth": growth,
    "peers": peers,
}

ONLY_ASKED_FOR = ("growth", "peers")
"""Sections that take long, or need more libraries."""

ON_RAY: dict[str, Section] = {"folder": ray_folder, "server": ray_server}

ENGINES = {"local": SECTIONS, "ray": ON_RAY}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections asked for; exit code 1 if ways that should agree do not, 2 if there is nothing to run on."""
    args = _parsed(arguments)
    sections = ENGINES[args.engine]
    try:
        bench = _prepare(args)
    except DetectorError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    about = machine() | settings(args)
    for name, value in about.items():
        print(f"{name:<24}{value}")
    measured: dict[str, list[Result]] = {}
    for name in args.sections or [name for name in sections if name not in ONLY_ASKED_FOR]:
        measured[name] = sections[name](bench)
        _print_section(f"{name}: {_summary(sections[name])}", measured[name])
    if args.json:
        write_whole(args.json, (json.dumps({"about": about} | _as_json(measured), indent=2) + "\n").encode())
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    root = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root.add_argument("sections", nargs="*", metavar="SECTION", help=_help())
    root.add_argument(
        "--engine",
        choices=ENGINES,
        default="local",
        help=f"ray has sections of its own, on this machine (needs the extra ray). {_told(ON_RAY)}",
    )
    root.add_argument("--size", type=_size, default=(640, 480), metavar="WxH", help="default: 640x480")
    root.add_argument("--image", type=Path, default=SAMPLE, help="a picture, repeated to fill the size")
    root.add_argument(
        "--model", type=Path, default=EMBEDDED, metavar="DIR", help="default: the embedded model"
    )
    root.add_argument("--repetitions", type=int, default=7, metavar="N", help="default: %(default)s")
    root.add_argument("--batch", type=int, default=256, metavar="N", help="windows; default: %(default)s")
    root.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="for each number of callers; default: %(default)g",
    )
    root.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="growth and peers: photographs to paste numbers into (default: one that Matplotlib ships)",
    )
    root.add_argument("--plot", type=Path, metavar="FILE", help="growth: also draw time against pixels")
    root.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    return root


def settings(args: argparse.Namespace) -> dict[str, str]:
    """Return what was measured with, by its name in the report: the engine, the picture, the model and the limits."""
    width, height = args.size
    return {
        "engine": args.engine,
        "picture": f"{args.image.name}, repeated to {width} x {height}",
        "model": "embedded" if args.model == EMBEDDED else str(args.model),
        "repetitions": str(args.repetitions),
        "batch": str(args.batch),
        "seconds": f"{args.seconds:g}",
        "photographs": str(args.photos or "Matplotlib's grace_hopper.jpg"),
    }


def _prepare(args: argparse.Namespace) -> Bench:
    networks = load_networks(args.model, TENSORFLOW)
    point = networks.manifest.operating_point
    detector = DigitDetector(networks.fcn, networks.manifest, refiner=networks.refiner, operating_point=point)
    picture = decode_image(read_image_file(args.image))
    width, height = args.size
    repeats = -(-height // picture.shape[0]), -(-width // picture.shape[1]), 1
    wall = np.tile(picture, repeats)[:height, :width]
    return Bench(
        networks.fcn,
        networks.refiner,
        detector,
        DigitDetector.load(args.model),
        args.model,
        wall,
        args.repetitions,
        args.batch,
        args.seconds,
        args.photos,
        args.plot,
    )


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    root = parser()
    args = root.parse_args(arguments)
    for name in args.sections:
        if name not in ENGINES[args.engine]:
            root.error(
                f"argument SECTION: {name!r} is none of {', '.join(ENGINES[args.engine])} (--engine {args.engine})"
            )
    return args


def _help() -> str:
    return f"default: all but {' and '.join(ONLY_ASKED_FOR)}. {_told(SECTIONS)}"


def _told(sections: Mapping[str, Section]) -> str:
    return "; ".join(f"{name}: {_summary(section)}" for name, section in sections.items())


def _summary(section: Section) -> str:
    return (section.__doc__ or "").partition("\n")[0].rstrip(".")


def _as_json(measured: dict[str, list[Result]]) -> dict[str, object]:
    """Figures by section, and tables by section with a dictionary for each row."""
    figures = {
        name: [asdict(result) for result in results if isinstance(result, Figure)]
        for name, results in measured.items()
    }
    tables = {
        name: [
            [dict(zip(result.columns, row, strict=True)) for row in result.rows]
            for result in results
            if isinstance(result, Table)
        ]
        for name, results in measured.items()
    }
    return {"figures": figures, "tables": {name: rows for name, rows in tables.items() if rows}}


def _print_section(title: str, results: Sequence[Result]) -> None:
    print(f"\n{title}")
    for result in results:
        if isinstance(result, Table):
            _print_table(result)
        else:
            print(f"  {result.name:<32}{result.value:>10.5g} {result.unit:<9}{result.target}".rstrip())


def _print_table(table: Table) -> None:
    """As Markdown, to be shown as it is."""
    cells = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in table.rows]
    print()
    for line in (table.columns, ["---"] * len(table.columns), *cells):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    sys.exit(main())
