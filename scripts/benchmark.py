"""How fast the detector is, as ratios of things measured side by side in one run.

Seconds say little: machines differ, and so do their hours. So each section runs what it compares in turns, several
times, and gives the ratio of the medians. `python scripts/benchmark.py --help` lists the sections.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
from detector.digit_detector import DigitDetector
from detector.draw import encode_image
from detector.errors import DetectorError
from detector.fcn import Fcn, build_fcn, multiply_adds
from detector.files import write_whole
from detector.images import decode_image, read_image_file
from detector.model_files import EMBEDDED, load_model
from detector.pyramid import levels, tiles
from detector.score_map import FIELD, STRIDE

SAMPLE = Path(__file__).parent.parent / "detector" / "samples" / "svhn_train_1345.png"
PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python-headless")
LARGEST_DIFFERENCE = 1e-4

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Figure:
    """One line of the table; `target` is the least or greatest value that it should have, if any."""

    name: str
    value: float
    unit: str = ""
    target: str = ""


@dataclass(frozen=True)
class Bench:
    """What every section needs.

    Attributes:
        fcn: the network.
        detector: the detector around it.
        picture: (H, W, 3) uint8 RGB.
        repetitions: how often each call is timed.
        batch: windows in a batch where they are classified on their own.
    """

    fcn: Fcn
    detector: DigitDetector
    picture: Picture
    repetitions: int
    batch: int

    def tiles(self) -> list[Picture]:
        """What `detect` gives the network at default settings."""
        low = self.detector.info().defaults.min_digit_height_px or 0.0
        return [tile.pixels for level in levels(self.picture, low, float("inf")) for tile in tiles(level)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections asked for; exit code 1 if ways that should agree do not, 2 if there is nothing to run on."""
    args = parser().parse_args(arguments)
    try:
        bench = _prepare(args)
    except DetectorError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    about = machine() | settings(args)
    for name, value in about.items():
        print(f"{name:<24}{value}")
    measured: dict[str, list[Figure]] = {}
    for name in args.sections or SECTIONS:
        measured[name] = SECTIONS[name](bench)
        _print_section(name, measured[name])
    if args.json:
        figures = {name: [asdict(figure) for figure in section] for name, section in measured.items()}
        write_whole(args.json, (json.dumps({"about": about, "figures": figures}, indent=2) + "\n").encode())
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about = "; ".join(f"{name}: {_summary(name)}" for name in SECTIONS)
    root.add_argument("sections", nargs="*", type=_section, metavar="SECTION", help=f"default: all. {about}")
    root.add_argument("--size", type=_size, default=(640, 480), metavar="WxH", help="default: 640x480")
    root.add_argument("--image", type=Path, default=SAMPLE, help="a picture, repeated to fill the size")
    root.add_argument(
        "--model", type=Path, default=EMBEDDED, metavar="DIR", help="default: the embedded model"
    )
    root.add_argument("--repetitions", type=int, default=7, metavar="N", help="default: %(default)s")
    root.add_argument("--batch", type=int, default=256, metavar="N", help="windows; default: %(default)s")
    root.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    return root


def detect(bench: Bench) -> list[Figure]:
    """Detecting in an encoded picture, against the network's calls alone on the same tiles."""
    data = encode_image(bench.picture, ".jpg")
    parts = bench.tiles()
    stages: dict[str, list[float]] = {}

    def whole() -> None:
        for stage, seconds in bench.detector.detect(data).stage_seconds.items():
            stages.setdefault(stage, []).append(seconds)

    def bare() -> None:
        for part in parts:
            bench.fcn(part[None])

    whole_seconds, bare_seconds = medians(
        bench.repetitions, whole, bare
    )  # each stage's first time is not counted
    return [
        Figure("detect", 1e3 * whole_seconds, "ms"),
        Figure("bare network calls", 1e3 * bare_seconds, "ms"),
        Figure("detect / bare calls", whole_seconds / bare_seconds, target="<= 1.3"),
        *(Figure(f"stage {name}", 1e3 * statistics.median(each[1:]), "ms") for name, each in stages.items()),
    ]


def windows(bench: Bench) -> list[Figure]:
    """The network slid over the pyramid, against classifying each window of the same grid on its own.

    Raises:
        SystemExit: if the scores of the two ways differ.
    """
    parts = bench.tiles()
    alone = [cut for part in parts for cut in batches_of_windows(part, bench.batch)]
    dense_scores = np.concatenate([bench.fcn(part[None]).reshape(-1, 15) for part in parts])
    scores = np.concatenate([bench.fcn(batch)[:, 0, 0] for batch in alone])
    difference = float(np.abs(scores - dense_scores).max())
    if difference > LARGEST_DIFFERENCE:
        raise SystemExit(
            f"benchmark: the two ways differ by {difference:g}; at most {LARGEST_DIFFERENCE:g} is right"
        )
    dense_seconds, alone_seconds = medians(
        bench.repetitions,
        lambda: [bench.fcn(part[None]) for part in parts],
        lambda: [bench.fcn(batch) for batch in alone],
    )
    limit = arithmetic_limit(parts, len(scores))
    speed_up = alone_seconds / dense_seconds
    return [
        Figure("windows", len(scores)),
        Figure("slid", 1e3 * dense_seconds, "ms"),
        Figure("each on its own", 1e3 * alone_seconds, "ms"),
        Figure("largest difference of scores", difference, target=f"<= {LARGEST_DIFFERENCE:g}"),
        Figure("speed-up", speed_up, target=">= 8"),
        Figure("arithmetic limit", limit),
        Figure("part of the limit", speed_up / limit, target=">= 0.6"),
    ]


SECTIONS: dict[str, Callable[[Bench], list[Figure]]] = {"detect": detect, "windows": windows}


def arithmetic_limit(parts: Sequence[Picture], window_count: int) -> float:
    """Multiply-adds of all windows on their own / those of the tiles that hold them, summed over the layers."""
    model = build_fcn()
    slid = sum(multiply_adds(model, *part.shape[:2]) for part in parts)
    return window_count * multiply_adds(model, FIELD, FIELD) / slid


def batches_of_windows(part: Picture, size: int) -> Iterator[Picture]:
    """All windows of one tile, row by row, in batches of up to `size`: (B, 32, 32, 3)."""
    grid = np.lib.stride_tricks.sliding_window_view(part, (FIELD, FIELD, 3))[::STRIDE, ::STRIDE, 0]
    rows, columns = np.indices(grid.shape[:2]).reshape(2, -1)
    for start in range(0, len(rows), size):
        yield grid[rows[start : start + size], columns[start : start + size]]


def medians(repetitions: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call; they take turns, after a round that is not counted."""
    seconds: list[list[float]] = [[] for _ in calls]
    for round_number in range(repetitions + 1):
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            if round_number:
                times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def machine() -> dict[str, str]:
    """What the figures were measured on, and when."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def settings(args: argparse.Namespace) -> dict[str, str]:
    """What was measured."""
    width, height = args.size
    return {
        "picture": f"{args.image.name}, repeated to {width} x {height}",
        "model": "embedded" if args.model == EMBEDDED else str(args.model),
        "repetitions": str(args.repetitions),
        "batch": str(args.batch),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _prepare(args: argparse.Namespace) -> Bench:
    weights, manifest = load_model(args.model)
    fcn = Fcn(weights.fcn)
    picture = decode_image(read_image_file(args.image))
    width, height = args.size
    repeats = -(-height // picture.shape[0]), -(-width // picture.shape[1]), 1
    wall = np.tile(picture, repeats)[:height, :width]
    return Bench(fcn, DigitDetector(fcn, manifest), wall, args.repetitions, args.batch)


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _section(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SECTIONS)}")
    return name


def _summary(name: str) -> str:
    return (SECTIONS[name].__doc__ or "").partition("\n")[0].rstrip(".")


def _print_section(name: str, figures: Sequence[Figure]) -> None:
    print(f"\n{name}: {_summary(name)}")
    for figure in figures:
        print(f"  {figure.name:<30}{figure.value:>10.5g} {figure.unit:<4}{figure.target}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
