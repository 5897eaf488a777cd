"""Photographs of a hundred megapixels: memory stays within its bound, and nothing is lost where tiles meet."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import DetectOptions, DigitDetector
from detector.images.decode import decode_image
from detector.images.draw import encode_image
from detector.models.runtimes import FLOAT32
from detector.pipeline import cascade
from detector.pipeline.score_map import GRID
from detector.results.boxes import iou
from tests.memory import wait_for_peak_memory

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from detector.cli.main import main; sys.exit(main())",
    "detect-folder",
]


def wall(real_images: dict[str, Path], width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB: real house numbers beside and above each other, shifted from row to row."""
    pictures = [decode_image(path.read_bytes()) for path in real_images.values()]
    rows = []
    for number in range(-(-height // min(len(picture) for picture in pictures))):
        strip = min(len(picture) for picture in pictures)
        row = np.concatenate(
            [picture[:strip] for picture in pictures[number % 4 :] + pictures[: number % 4]], axis=1
        )
        rows.append(np.tile(np.roll(row, 7 * number, axis=1), (1, -(-width // row.shape[1]), 1))[:, :width])
    return np.concatenate(rows)[:height]


def at_a_seam(boxes: NDArray[np.float32], scale: float) -> NDArray[np.bool]:
    """Which of (N, 4) boxes in the image lie across the edge of a tile of the largest level."""
    step = GRID.sizes[-1] * GRID.stride
    edges = boxes * scale + GRID.border
    return np.asarray(((edges[:, :2] % step) > (edges[:, 2:] % step)).any(axis=1))


@pytest.mark.slow
def test_a_tiled_image_loses_no_digit_at_a_seam(
    real_images: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of their real size against the whole level at once, in float32: int8 rounds by the size of a call."""
    detector = DigitDetector.load(runtime=FLOAT32)
    picture = wall(real_images, 1100, 900)
    options = DetectOptions(max_detections=5000, exhaustive=True)
    tiled = detector.detect(picture, options).digits
    monkeypatch.setattr(cascade, "GRID", replace(GRID, sizes=(400,)))
    whole = detector.detect(picture, options).digits
    assert at_a_seam(whole.boxes, 4 / 3).sum() >= 3, "there are digits at the seams"
    assert len(tiled) == len(whole)
    overlap = iou(whole.boxes, tiled.boxes)
    assert (overlap.max(axis=1) > 0.99).all()
    np.testing.assert_array_equal(tiled.labels[overlap.argmax(axis=1)], whole.labels)
    np.testing.assert_allclose(tiled.scores[overlap.argmax(axis=1)], whole.scores, rtol=0, atol=1e-4)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("options", [(), ("--min-score", "0", "--annotated", "pictures")])
def test_a_hundred_megapixels_keep_the_process_below_a_gigabyte_and_a_half(
    tmp_path: Path, real_images: dict[str, Path], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """The job starts no other process, so its own peak is that of the tree."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    picture = encode_image(wall(real_images, 11_547, 8660), ".jpg")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(picture)
    process = subprocess.Popen([*COMMAND, "photos", "--out", "out.jsonl", *options])
    peak = wait_for_peak_memory(process)
    assert process.returncode == 0
    print(f"peak: {peak / 2**20:.0f} MiB")
    assert 2e8 < peak < 1.5e9
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 2
