"""Labels for pictures whose numbers are known and whose boxes are not: `digit-detector-train align-labels`."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.pipeline.detector import DigitDetector
from detector.pipeline.neighbours import LineRule, fitting_pairs
from detector.pipeline.score_map import Candidates
from detector.results import boxes as box_arithmetic
from detector.results.boxes import clip
from detector.results.detections import FloatArray
from detector.results.errors import DetectorError
from detector.results.interface import DetectOptions
from detector.system.files import whole_folder
from detector.system.progress_bar import progress_bar
from training.data.svhn import DIGIT_STRUCT, read_digit_struct
from training.errors import DataError

_RULE = LineRule(pitch=2.0, gap=1.4)
"""Since the number says which digits belong together they may be further apart than in one that is read."""

_SAME_DIGIT_IOU = 0.5
_INSIDE = 0.7
"""Two readings of one digit overlap by so much, or one lies in the other by so much."""

_LEAST_SCORE = 1e-6


@dataclass(frozen=True)
class Credible:
    """The scores, 0..1, that a chain must reach.

    Attributes:
        weakest: each of its digits.
        mean: the geometric mean of them.
    """

    weakest: float = 0.08
    mean: float = 0.25


def viterbi_alignment(
    candidates: Candidates, number: str, credible: Credible | None = None
) -> FloatArray | None:
    """Return the boxes of a number's digits.

    Args:
        candidates: what may be a digit in the image, at scores far below those of digits that are returned.
        number: one digit or more, from left to right.
        credible: the least scores of the chain.

    Returns:
        (N, 4) float32 xyxy in the frame of the candidates, a box for each digit of the number; None if no chain is
        credible.
    """
    credible = credible or Credible()
    seen = candidates.class_scores.sum(axis=1)
    distinct = box_arithmetic.non_max_suppression(candidates.boxes, seen, _SAME_DIGIT_IOU, _INSIDE)
    from_left = distinct[np.argsort(candidates.boxes[distinct, 0], kind="stable")]
    boxes, scores = candidates.boxes[from_left], candidates.class_scores[from_left]
    if not len(boxes):
        return None
    likely = np.log(np.maximum(scores[:, [int(digit) for digit in number]].astype(np.float64), _LEAST_SCORE))
    chain = _likeliest_chain(likely, np.triu(fitting_pairs(boxes, boxes, _RULE), 1))
    if chain is None:
        return None
    found = np.exp(likely[chain, np.arange(len(number))])
    if found.min() < credible.weakest or np.exp(np.log(found).mean()) < credible.mean:
        return None
    return boxes[chain]


def _likeliest_chain(likely: NDArray[np.float64], follows: NDArray[np.bool]) -> NDArray[np.intp] | None:
    """Return the candidate of each digit.

    Args:
        likely: (C, N) log probability that each candidate is each digit of the number.
        follows: (C, C) whether the second may be the next digit after the first.

    Returns:
        (N,) indices; None if there is no chain so long.
    """
    best = likely[:, 0]
    before: list[NDArray[np.intp]] = []
    for digit in range(1, likely.shape[1]):
        ways = np.where(follows, best[:, None], -np.inf)
        before.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + likely[:, digit]
    if not np.isfinite(best.max()):
        return None
    chain = [best.argmax()]
    for links in reversed(before):
        chain.append(links[chain[-1]])
    return np.array(chain[::-1], np.intp)


LABELS = "labels.csv"
_COLUMNS = ("image", "digit", "x_min", "y_min", "x_max", "y_max")
_IMAGE_COLUMNS = ("image", "file", "filename")
_LONGEST = 20
"""Digits of a number at most: what is longer is no house number but a fault in the list."""

_FAINT = DetectOptions(score_threshold=0.01)


@dataclass(frozen=True)
class Known:
    """A picture whose number is known."""

    path: Path
    number: str


@dataclass(frozen=True)
class Alignment:
    """The outcome for all pictures.

    Attributes:
        labelled: pictures whose digits were all found.
        unsure: pictures in which the number was not found.
        unreadable: what is wrong with pictures that cannot be read.
    """

    labelled: int
    unsure: list[Path]
    unreadable: list[str]


def read_numbers(table: Path, images: Path) -> list[Known]:
    """Return the pictures of a table, without those that `digitStruct.mat` beside them has boxes for.

    Args:
        table: CSV with a header; the columns `number` and `image` (or `file`, `filename`) are read.
        images: the folder that the pictures' names are in.

    Raises:
        DataError: if the table, or a line of it, is not what it has to be.
    """
    has_boxes = (images / DIGIT_STRUCT).is_file()
    boxed = {entry.name for entry in read_digit_struct(images)} if has_boxes else set()
    pictures = [known for known in _rows(table, images) if known.path.name not in boxed]
    listed = Counter(known.path.name for known in pictures)
    if twice := next((name for name, count in listed.items() if count > 1), None):
        raise DataError(f"{table}: {twice} is listed more than once")
    return pictures


def _rows(table: Path, images: Path) -> Iterator[Known]:
    try:
        rows = csv.DictReader(io.StringIO(table.read_text("utf-8-sig"), newline=""), strict=True)
        names = rows.fieldnames or ()
        column = next((name for name in _IMAGE_COLUMNS if name in names), None)
        if column is None or "number" not in names:
            raise DataError(f"{table}: the header needs the columns 'image' (or 'file') and 'number'")
        for row in rows:
            name, number = (row[column] or "").strip(), (row["number"] or "").strip()
            where = f"{table}:{rows.line_num}"
            if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST):
                raise DataError(f"{where}: {number[:50]!r} is no number of 1 to {_LONGEST} digits")
            if name in {"", ".", ".."} or Path(name).name != name:
                raise DataError(f"{where}: {name[:200]!r} is no name of a picture in {images}")
            yield Known(images / name, number)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: not a CSV table that can be read: {error}") from error


def align_labels(detector: DigitDetector, pictures: Sequence[Known], out_dir: Path) -> Alignment:
    """Write a folder of labelled pictures, `labels.csv` beside them: those in which the whole number is found.

    Args:
        detector: finds the candidates.
        pictures: whose numbers are known.
        out_dir: a new folder, or an empty one; it appears when all pictures are done, or not at all.

    Raises:
        InvalidOptionError: if something is there already.
    """
    unsure: list[Path] = []
    unreadable: list[str] = []
    labelled = 0
    with whole_folder(out_dir, "--out") as folder, (folder / LABELS).open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(_COLUMNS)
        for known in progress_bar(pictures, "aligning numbers", unit="image"):
            try:
                boxes = _boxes(detector, known)
            except DetectorError as error:
                unreadable.append(f"{known.path}: {error}")
                continue
            if boxes is None:
                unsure.append(known.path)
                continue
            for digit, box in zip(known.number, boxes.tolist(), strict=True):
                lines.writerow([known.path.name, digit, *(f"{edge:.2f}" for edge in box)])
            shutil.copyfile(known.path, folder / known.path.name)
            labelled += 1
    return Alignment(labelled, unsure, unreadable)


def _boxes(detector: DigitDetector, known: Known) -> FloatArray | None:
    pixels = decode_image(read_image_file(known.path))
    boxes = viterbi_alignment(detector.candidates(pixels, _FAINT), known.number)
    return None if boxes is None else clip(boxes, pixels.shape[1], pixels.shape[0])
