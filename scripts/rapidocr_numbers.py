"""Reads house numbers with RapidOCR, by whose figures those of this package can be judged.

A text that RapidOCR reads counts as its runs of digits, each in the text's box; what is right is decided as
`digit-detector-train evaluate` decides it. RapidOCR runs as it comes, with the models that it ships. It needs the
extras `bench` and `train`.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.results.detections import HouseNumber
from detector.system.progress_bar import progress_bar
from training.data.labels.folder import LabelOptions, holds_own_labels
from training.data.labels.tree import OFFICIAL
from training.data.scenes import Scene
from training.data.svhn import read_scenes
from training.errors import DataError
from training.evaluation.evaluate import measured_scenes
from training.evaluation.sequences import TrueNumber, sequence_figures, true_numbers, whole_numbers

Read = Callable[[NDArray[np.uint8]], list[HouseNumber]]


def rapidocr() -> Read:
    """Return what reads the numbers of an image, (H, W, 3) uint8 RGB."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - it is no dependency of this package

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(pixels: NDArray[np.uint8]) -> list[HouseNumber]:
        found = engine(np.ascontiguousarray(pixels[..., ::-1]))
        if found.boxes is None:
            return []
        texts = zip(found.boxes, found.txts, found.scores, strict=True)
        return [number for corners, text, score in texts for number in numbers_in(text, score, corners)]

    return read


def numbers_in(text: str, score: float, corners: NDArray[np.floating]) -> list[HouseNumber]:
    """Return the runs of digits in a text, whose box is around its (4, 2) corners."""
    x_min, y_min = corners.min(axis=0).tolist()
    x_max, y_max = corners.max(axis=0).tolist()
    return [
        HouseNumber(digits, float(score), (x_min, y_min, x_max, y_max), ())
        for digits in re.findall(r"[0-9]+", text)
    ]


def labelled_scenes(data: Path, split: str | None) -> tuple[Sequence[Scene], Sequence[Sequence[TrueNumber]]]:
    """Return the images of a split with their true numbers.

    Raises:
        DataError: if labels are missing or have problems.
    """
    if holds_own_labels(data):
        scenes = measured_scenes(data, split, LabelOptions())
        return scenes, true_numbers(scenes, data)
    scenes = read_scenes(data / OFFICIAL / (split or "test"))
    return scenes, whole_numbers(scenes)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="as for `digit-detector-train evaluate`")
    parser.add_argument("--split", help="as for the same")
    args = parser.parse_args()
    try:
        scenes, truths = labelled_scenes(args.data, args.split)
        read = rapidocr()
    except DataError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except ModuleNotFoundError as error:
        parser.exit(2, f"{parser.prog}: {error}: pip install -c constraints.txt '.[bench,train]'\n")
    numbers = [
        read(decode_image(read_image_file(scene.path)))
        for scene in progress_bar(scenes, "RapidOCR", unit="image")
    ]
    figures = sequence_figures(truths, numbers)
    blank = sum(len(found) for scene, found in zip(scenes, numbers, strict=True) if not len(scene.labels))
    print(f"sequence recall     {figures.recall:.3f}  {figures.found} of {figures.truths} true numbers")
    print(f"sequence precision  {figures.precision:.3f}  {figures.right} of {figures.reported} numbers read")
    print(f"false numbers       {blank}  in images without a digit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
