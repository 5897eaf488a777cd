"""The section on the folder job: what it adds to the detector's own time."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Bench, Figure, Result, medians
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.images.draw import encode_image

IMAGES = 8


def folder(bench: Bench) -> list[Result]:
    """Measure a folder job against `detect` of the same encoded pictures, held in memory, one by one.

    The job lists, reads and decodes them, and writes and flushes their rows; it decodes while the network works.
    """
    data = encode_image(bench.picture, ".jpg")
    with TemporaryDirectory() as place:
        photos = Path(place) / "photos"
        photos.mkdir()
        for number in range(IMAGES):
            (photos / f"{number}.jpg").write_bytes(data)
        job = FolderJob(photos, Path(place) / "digits.jsonl")
        job_seconds, own_seconds = medians(
            bench.repetitions,
            lambda: detect_folder(plan_folder(replace(job, overwrite=True)), bench.shipped),
            lambda: [bench.shipped.detect(data) for _ in range(IMAGES)],
        )
    return [
        Figure("folder job", IMAGES / job_seconds, "images/s"),
        Figure("detect in this process", IMAGES / own_seconds, "images/s"),
        Figure("folder job / detect", own_seconds / job_seconds, target=">= 0.9"),
    ]
