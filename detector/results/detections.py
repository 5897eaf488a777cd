"""Results of a detector: digits as parallel arrays, and the numbers that they spell.

Boxes are `xyxy`: (x_min, y_min, x_max, y_max), float32, in absolute pixels of the image as it is displayed
(EXIF orientation applied), max exclusive.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.results.errors import needing

if TYPE_CHECKING:
    import pandas
    import supervision

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

SCORE_DECIMALS = 4

BOX_DECIMALS = 2


class Detection(NamedTuple):
    """One digit.

    Attributes:
        label: the digit, 0..9.
        score: confidence, 0..1.
        box: xyxy in pixels of the displayed image, max exclusive.
    """

    label: int
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Detections:
    """N digits as parallel arrays, validated once and read-only from then on.

    Attributes:
        boxes: (N, 4) float32, xyxy in pixels of the displayed image, max exclusive, x_min <= x_max, y_min <= y_max.
        labels: (N,) int32, the digits 0..9.
        scores: (N,) float32, 0..1.

    Raises:
        ValueError: if the shapes do not agree or a value is outside its range or not finite.
    """

    boxes: FloatArray
    labels: IntArray
    scores: FloatArray

    def __post_init__(self) -> None:
        boxes, labels, scores = (
            np.array(self.boxes, np.float32).reshape(-1, 4),
            np.array(self.labels, np.int32),
            np.array(self.scores, np.float32),
        )
        if not labels.shape == scores.shape == (len(boxes),):
            raise ValueError(
                f"{len(boxes)} boxes, labels {labels.shape} and scores {scores.shape} do not agree"
            )
        if not (np.isfinite(boxes).all() and (boxes[:, :2] <= boxes[:, 2:]).all()):
            raise ValueError("boxes must be finite with x_min <= x_max and y_min <= y_max")
        if not ((labels >= 0) & (labels <= 9)).all():
            raise ValueError("labels must be 0..9")
        if not ((scores >= 0) & (scores <= 1)).all():
            raise ValueError("scores must be 0..1")
        for name, array in (("boxes", boxes), ("labels", labels), ("scores", scores)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def empty(cls) -> Self:
        """No digits."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Detection]:
        for box, label, score in zip(
            self.boxes.tolist(), self.labels.tolist(), self.scores.tolist(), strict=True
        ):
            yield Detection(label, score, tuple(box))

    def select(self, index: ArrayLike) -> Self:
        """Return the digits at `index` ((M,) int indices or (N,) bool mask), in that order."""
        chosen = np.asarray(index)
        if chosen.size == 0:
            return type(self).empty()
        return type(self)(self.boxes[chosen], self.labels[chosen], self.scores[chosen])


@dataclass(frozen=True)
class HouseNumber:
    """Digits that stand in one line and are read together.

    Attributes:
        text: the digits from left to right, or from top to bottom, for example "75".
        score: confidence, 0..1.
        box: xyxy around all its digits, pixels of the displayed image, max exclusive.
        digits: indices into the image's `Detections`, in reading order.
    """

    text: str
    score: float
    box: tuple[float, float, float, float]
    digits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """All that is known of one image.

    Attributes:
        width_px: width of the displayed image (EXIF orientation applied).
        height_px: its height.
        digits: every digit, best score first.
        numbers: the numbers that the digits spell, in reading order (top to bottom, left to right).
        model_name: the model that found them.
        model_version: its version.
        stage_seconds: time spent per stage: "decode", "pyramid", "tiles" and "crops" (what is cut before a network
            begins), "gate", "network" (the FCN) and "refiner" (their calls, and what is cut meanwhile), "score_map",
            "merge" (fusion, and hysteresis at the end), "numbers".
    """

    width_px: int
    height_px: int
    digits: Detections
    numbers: tuple[HouseNumber, ...]
    model_name: str
    model_version: str
    stage_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The numbers in reading order with spaces between them, for example "156"; empty if there are none."""
        return " ".join(number.text for number in self.numbers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, as `digit-detector detect --json` prints them without the image's name.

        Scores have 4 decimals, boxes (xyxy, px) 2.
        """
        return {
            "width_px": self.width_px,
            "height_px": self.height_px,
            "model": f"{self.model_name} {self.model_version}",
            "digits": [
                {"label": digit.label, "score": _score(digit.score), "box": _box(digit.box)}
                for digit in self.digits
            ],
            "numbers": [
                {
                    "text": number.text,
                    "score": _score(number.score),
                    "box": _box(number.box),
                    "digits": list(number.digits),
                }
                for number in self.numbers
            ],
        }

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a table with a row for each digit, best score first.

        Its columns are `digit`, `score`, `x_min`, `y_min`, `x_max`, `y_max` (px), and `number`, the text of the number
        that the digit belongs to.

        Raises:
            MissingLibraryError: if pandas is not installed.
        """
        numbers = {index: number.text for number in self.numbers for index in number.digits}
        edges = dict(zip(("x_min", "y_min", "x_max", "y_max"), self.digits.boxes.T, strict=True))
        columns = {
            "digit": self.digits.labels,
            "score": self.digits.scores,
            **edges,
            "number": [numbers.get(index) for index in range(len(self.digits))],
        }
        frame: pandas.DataFrame = _library("pandas").DataFrame(columns)
        return frame

    def to_supervision(self) -> "supervision.Detections":
        """Return the digits as `supervision.Detections`: class ids 0..9, and `class_name` in its `data`.

        Raises:
            MissingLibraryError: if supervision is not installed.
        """
        found: supervision.Detections = _library("supervision").Detections(
            xyxy=self.digits.boxes.copy(),
            confidence=self.digits.scores.copy(),
            class_id=self.digits.labels.astype(int),
            data={"class_name": self.digits.labels.astype(str)},
        )
        return found


def _library(name: str) -> Any:
    with needing(f"to_{name}", name):
        return import_module(name)


def _score(value: float) -> float:
    return round(value, SCORE_DECIMALS)


def _box(box: tuple[float, float, float, float]) -> list[float]:
    return [round(edge, BOX_DECIMALS) for edge in box]
