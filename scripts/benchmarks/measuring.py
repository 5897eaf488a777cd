"""The tools with which every section of the benchmark measures, and the forms of its results."""

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline.detector import DigitDetector
from detector.pipeline.pyramid import levels
from detector.pipeline.score_map import GRID
from detector.results.detections import FloatArray

SAMPLES = Path(str(files("detector") / "samples"))

Picture = NDArray[np.uint8]

_PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python-headless", "grpcio", "protobuf")


@dataclass(frozen=True)
class Figure:
    """One result; `target` is the least or greatest value that it should have, if any."""

    name: str
    value: float
    unit: str = ""
    target: str = ""


@dataclass(frozen=True)
class Table:
    """Results that belong side by side: each row has a cell for each column."""

    columns: tuple[str, ...]
    rows: list[tuple[str | float, ...]]


Result = Figure | Table


@dataclass(frozen=True)
class Bench:
    """All that a section needs.

    Attributes:
        fcn: the network that slides.
        refiner: the network that refines, if the model has one.
        detector: the detector around them, which reads every window.
        shipped: the detector as users run it: with the gate, in the runtime that is chosen by default.
        model: the model's folder.
        picture: (H, W, 3) uint8 RGB.
        repetitions: how often each call is timed.
        batch: windows in a batch where they are classified on their own.
        seconds: how long each number of callers keeps the server busy.
        photos: a folder of photographs; None for one that is at hand.
        plot: where to draw a plot; None for none.
    """

    fcn: Network
    refiner: Network | None
    detector: DigitDetector
    shipped: DigitDetector
    model: Path
    picture: Picture
    repetitions: int
    batch: int
    seconds: float
    photos: Path | None = None
    plot: Path | None = None

    def levels(self, picture: Picture) -> list[Picture]:
        """Return the levels of the pyramid with their continued edges, from the largest on."""
        low = self.detector.info().min_digit_height_px
        around = ((GRID.border, GRID.border), (GRID.border, GRID.border), (0, 0))
        return [np.pad(level.pixels, around, mode="edge") for level in levels(picture, low, float("inf"))]

    def tiles(self, picture: Picture) -> list[Picture]:
        """Return the batches of tiles that `detect` gives the network that slides."""
        shown: list[Picture] = []
        DigitDetector(_Recording(self.fcn, shown), self.detector.manifest).detect(picture)
        return shown

    def windows(self, picture: Picture) -> list[Picture]:
        """Return the batches of windows that `detect` gives the refiner; none if the model has none."""
        shown: list[Picture] = []
        if self.refiner is not None:
            refiner = _Recording(self.refiner, shown)
            manifest = self.detector.manifest
            DigitDetector(
                self.fcn, manifest, refiner=refiner, operating_point=manifest.operating_point
            ).detect(picture)
        return shown


class _Recording(Network):
    """A network that keeps what it is shown."""

    def __init__(self, network: Network, shown: list[Picture]) -> None:
        self.parameter_count = network.parameter_count
        self._network, self._shown = network, shown

    def __call__(self, images: Picture) -> FloatArray:
        self._shown.append(images)
        return self._network(images)


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


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of `values` that at least `share` of them do not exceed; not a number if there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def machine() -> dict[str, str]:
    """Return the machine and the time of the measurement."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
