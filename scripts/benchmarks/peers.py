"""The section that compares this detector with others that people would use instead, on the same images."""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.contestant import CONTESTANTS
from benchmarks.measuring import Bench, Figure, Result, Table
from benchmarks.scenes import encoded, mean_svhn_images, photographs, scene

_PROGRAM = Path(__file__).with_name("contestant.py")
_PACKAGES = ("rapidocr", "onnxruntime", "ultralytics", "torch")
_CALLS = ("network", "gate", "refiner")
"""Stages that are calls of networks."""

NUMBERS = 2
"""In each scene."""

SIZES = {"640x480": (640, 480), "1 MP": (1152, 864), "12 MP": (4000, 3000)}

OURS, EXHAUSTIVE, RAPIDOCR, YOLO, SMALL_YOLO = CONTESTANTS
MEAN_SVHN = "mean SVHN image"


class Turn(NamedTuple):
    """What one contestant needed for one image."""

    seconds: float
    stages: dict[str, float]


Rounds = dict[str, list[Turn]]
"""The turns of each contestant, one a round."""


def peers(bench: Bench) -> list[Result]:
    """Compare with RapidOCR and an untrained YOLO11n, two threads each, from JPEG to result.

    In each round every contestant gets the same image; the next round has the next one.

    Raises:
        SystemExit: if they are not installed.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"benchmark: peers needs {', '.join(missing)}: pip install '.[bench,train]', in an environment of its own"
        )
    photos = photographs(bench.photos)
    images = {MEAN_SVHN: list(encoded(mean_svhn_images()))}
    for name, size in SIZES.items():
        chosen = photos[: bench.repetitions + 1]
        images[name] = list(encoded([scene(photo, *size, NUMBERS) for photo in chosen]))
    with ExitStack() as stack:
        running = {name: stack.enter_context(started_contestant(name, bench.model)) for name in CONTESTANTS}
        measured = {name: measure_rounds(running, each, bench.repetitions) for name, each in images.items()}
    return [*_figures(measured), _table(measured)]


class _Contestant:
    """A contestant that runs; it is asked over its standard streams."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._name, self._process, self._log = name, process, log

    def line(self) -> str:
        """Its next line.

        Raises:
            SystemExit: if it has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            raise SystemExit(f"benchmark: {self._name} ended: {self._log.read()[-2000:].strip()}")
        return line

    def detect(self, image: Path) -> Turn:
        """Has it detect in an image."""
        assert self._process.stdin is not None
        print(image, file=self._process.stdin, flush=True)
        return Turn(**json.loads(self.line()))


@contextmanager
def started_contestant(name: str, model: Path) -> Iterator[_Contestant]:
    """Return a contestant that is ready, until the block ends."""
    command = [sys.executable, str(_PROGRAM), name, str(model)]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True) as process,
    ):
        contestant = _Contestant(name, process, log)
        contestant.line()  # it is ready
        yield contestant
        assert process.stdin is not None
        process.stdin.close()  # which ends it


def measure_rounds(running: dict[str, _Contestant], images: Sequence[bytes], repetitions: int) -> Rounds:
    """Each contestant's turns, in rounds, after one that is not counted."""
    turns: Rounds = {name: [] for name in running}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.jpg"
        for number in range(repetitions + 1):
            image.write_bytes(images[number % len(images)])
            for name, contestant in running.items():
                turn = contestant.detect(image)
                if number:
                    turns[name].append(turn)
    return turns


def ratio(rounds: Rounds, one: str, other: str) -> float:
    """Return the median of one contestant's time over another's, round by round."""
    pairs = zip(rounds[one], rounds[other], strict=True)
    return statistics.median(mine.seconds / theirs.seconds for mine, theirs in pairs)


def outside_networks(turns: Sequence[Turn]) -> float:
    """Return the median part of the time in which no network computes."""
    return statistics.median(
        1 - sum(turn.stages.get(stage, 0.0) for stage in _CALLS) / turn.seconds for turn in turns
    )


def _figures(measured: dict[str, Rounds]) -> list[Result]:
    vga = measured["640x480"]
    return [
        Figure("640x480, ours / YOLO11n 640", ratio(vga, OURS, YOLO), target="<= 1.0, aim 0.33"),
        Figure("640x480, ours / RapidOCR", ratio(vga, OURS, RAPIDOCR), target="<= 0.25, aim 0.1"),
        Figure("12 MP, ours / RapidOCR", ratio(measured["12 MP"], OURS, RAPIDOCR), target="<= 0.7, aim 0.25"),
        Figure(
            "SVHN, ours / YOLO11n 384",
            ratio(measured[MEAN_SVHN], OURS, SMALL_YOLO),
            target="<= 1.0, aim 0.33",
        ),
        Figure("640x480, default / exhaustive", ratio(vga, OURS, EXHAUSTIVE), target="<= 0.1, aim 0.05"),
        Figure("640x480, outside networks' calls", outside_networks(vga[OURS]), target="<= 0.35, aim 0.15"),
    ]


def _table(measured: dict[str, Rounds]) -> Table:
    """Median milliseconds, and what this detector needs of each other's time."""
    rows: list[tuple[str | float, ...]] = []
    for image, rounds in measured.items():
        for name, turns in rounds.items():
            label = f"{name}, untrained, time only" if name in (YOLO, SMALL_YOLO) else name
            milliseconds = 1e3 * statistics.median(turn.seconds for turn in turns)
            rows.append((image, label, milliseconds, ratio(rounds, OURS, name)))
    return Table(("image", "detector", "median ms", "ours / its"), rows)
