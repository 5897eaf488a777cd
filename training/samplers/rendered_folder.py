"""Rendered scenes as a COCO data set: to view, to train on, and to measure on in fonts that training never sees."""

import csv
import io
import json
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detector.system.files import whole_folder, write_whole
from detector.system.progress_bar import progress_bar
from training.data.photographs import read_picture
from training.data.scenes import NUMBERS_FILE, Image
from training.errors import DataError
from training.samplers.synthetic.fonts import find_fonts, split_fonts
from training.samplers.synthetic.layout import SyntheticConfig
from training.samplers.synthetic.rendering import RenderedScene, render_scene

_JPEG_QUALITY = 92
_CHUNK = 32
_CATEGORIES = [{"id": digit, "name": str(digit)} for digit in range(10)]
_COLUMNS = ("image", "number", "x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True, eq=False)
class RenderJob:
    """The sources of a folder of rendered scenes, each of which is a pure function of them.

    Attributes:
        seed: of everything random.
        fonts: a folder of font files; None for those of this machine.
        photos: photographs without digits to hang numbers on; may be empty.
        config: what the scenes are like.
    """

    seed: int
    fonts: Path | None
    photos: tuple[Path, ...] = ()
    config: SyntheticConfig = field(default_factory=SyntheticConfig)


def write_rendered(job: RenderJob, counts: dict[str, int], out: Path) -> None:
    """Render scenes on all processors and write a COCO data set.

    Args:
        job: what to render.
        counts: how many scenes of "train" and of "val"; those of "val" are in font families that "train" lacks.
        out: a new folder; gets images/SPLIT/*.jpg, annotations/instances_SPLIT.json and, with the text and the box of
            each number, numbers.csv, which `evaluate` and `calibrate` read.

    Raises:
        DataError: if there are no fonts, a photograph cannot be read, or the folder holds something.
        InvalidOptionError: if `out` is a file.
    """
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out} is not empty; choose a new folder")
    find_fonts(job.fonts)  # refused here rather than in a process of its own, as photographs are
    for path in job.photos:
        read_picture(path)
    with whole_folder(out.resolve(), "--out") as folder, _pool(job) as pool:
        rows = [row for split, count in counts.items() for row in _write_split(pool, folder, split, count)]
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([_COLUMNS, *rows])
        write_whole(folder / NUMBERS_FILE, table.getvalue().encode())


@contextmanager
def _pool(job: RenderJob) -> Iterator[ProcessPoolExecutor]:
    """Provide the processes; what is still to be rendered when the work is broken off is not begun."""
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _start, (job,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _write_split(pool: ProcessPoolExecutor, out: Path, split: str, count: int) -> list[tuple[str, ...]]:
    """Write a split's pictures and labels; return the rows of its numbers."""
    (out / "images" / split).mkdir(parents=True)
    paths = [out / "images" / split / f"{split}_{number:06d}.jpg" for number in range(count)]
    rendered = pool.map(_render, [split] * count, range(count), map(str, paths), chunksize=_CHUNK)
    shown = progress_bar(zip(paths, rendered, strict=True), split, count, unit="scene")
    return _write_labels(out, split, shown)


_worker: "_Renderer | None" = None


class _Renderer:
    """One process's fonts and photographs."""

    def __init__(self, job: RenderJob) -> None:
        training, measuring = split_fonts(find_fonts(job.fonts))
        self._job = job
        self._fonts: dict[str, Sequence[Path]] = {"train": training, "val": measuring}
        self._photos: list[Image] = list(map(read_picture, job.photos))

    def scene(self, split: str, number: int) -> RenderedScene:
        """Return a scene; the splits' generators never meet."""
        rng = np.random.default_rng([self._job.seed, int(split == "val"), number])
        return render_scene(rng, self._photos, self._fonts[split], self._job.config)


def _start(job: RenderJob) -> None:
    global _worker  # noqa: PLW0603 - what a process of the pool knows
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the process that waits ends the others
    cv2.setNumThreads(1)
    _worker = _Renderer(job)


def _render(split: str, number: int, path: str) -> dict[str, Any]:
    """Write the picture and return what its labels need."""
    assert _worker is not None
    scene = _worker.scene(split, number)
    bgr = cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2BGR)
    write_whole(Path(path), cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())
    height, width = scene.pixels.shape[:2]
    return {
        "width": width,
        "height": height,
        "boxes": scene.boxes,
        "labels": scene.labels,
        "numbers": scene.numbers,
    }


def _write_labels(
    out: Path, split: str, rendered: Iterable[tuple[Path, dict[str, Any]]]
) -> list[tuple[str, ...]]:
    """Write a split's COCO file; return the rows of its numbers."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    rows: list[tuple[str, ...]] = []
    for number, (path, scene) in enumerate(rendered):
        image = {"id": number, "file_name": path.name, "width": scene["width"], "height": scene["height"]}
        images.append(image)
        for box, label in zip(scene["boxes"].tolist(), scene["labels"].tolist(), strict=True):
            bbox = [round(edge, 2) for edge in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": label, "bbox": bbox}
            annotations.append(entry | {"area": round(bbox[2] * bbox[3], 2), "iscrowd": 0})
        rows += _number_rows(path.name, scene)
    dataset = {"images": images, "annotations": annotations, "categories": _CATEGORIES}
    (out / "annotations").mkdir(exist_ok=True)
    write_whole(out / "annotations" / f"instances_{split}.json", json.dumps(dataset).encode())
    return rows


def _number_rows(name: str, scene: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Return a row for each number: the picture, what it spells, and the box around it."""
    for number in np.unique(scene["numbers"]):
        members = scene["numbers"] == number
        boxes = scene["boxes"][members]
        text = "".join(map(str, scene["labels"][members]))
        edges = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
        yield (name, text, *(f"{edge:.1f}" for edge in edges))
