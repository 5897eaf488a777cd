"""The refiner: each digit that the first network proposes is read once more, larger and with more around it.

The first network's window ends where the digit does, so it cannot tell a 1 from a post beside a number, or an 8
from an ornament. Here the digit fills less than half of the window, and what is beside, above and below it counts
(a cascade of two stages, as in Viola and Jones 2001 and Ren et al., Faster R-CNN, 2015).
"""

import numpy as np
from numpy.typing import NDArray

from detector.images.affine_crop import affine_crops
from detector.models.layers import REFINER_WINDOW
from detector.pipeline.score_map import Candidates, read_windows
from detector.results.boxes import clip
from detector.results.detections import FloatArray

DIGIT_HEIGHT = 24.0
"""Height in px at which a digit is shown, in the middle of the window."""

BOX_WEIGHT = 0.7
"""Of the refiner's boxes in the mean with the first's."""

CROP_WEIGHT = 0.4
"""Of the refiner's scores in crops: they show nothing around the digit, by which it tells more in images."""

LEAST_FIRST_SCORE = 0.2
"""Digits that the first network scores lower are refined only for callers who ask for digits of so low scores.

There are many of them on texture, and on no validation image does the refiner make a digit of one.
"""

LEAST_HEIGHT = 4.0
"""Boxes less high (px of the image) are shown as if they were as high: nothing could be read in them."""


def refiner_windows(image: NDArray[np.uint8], boxes: FloatArray) -> NDArray[np.uint8]:
    """Return the window of each box that the refiner is shown.

    Args:
        image: (H, W, 3) uint8 RGB; beyond its edge the edge's pixels go on.
        boxes: (N, 4) xyxy px, any; what is outside the image does not count.

    Returns:
        (N, 56, 56, 3) uint8 RGB.
    """
    goal = np.full(2, REFINER_WINDOW / 2)
    centres, scales = _places(boxes, image.shape[1], image.shape[0])
    return affine_crops(image, scales[:, None, None] * np.eye(2), centres, goal, REFINER_WINDOW)


def decode_refined(outputs: FloatArray, boxes: FloatArray, width: int, height: int) -> Candidates:
    """Decode the refiner's outputs for windows, in the image's frame.

    Args:
        outputs: (N, 15) float32, channels as described in `score_map`.
        boxes: (N, 4) the boxes that `refiner_windows` was given.
        width: of the image, px.
        height: of the image, px.
    """
    centres, scales = _places(boxes, width, height)
    return read_windows(outputs, centres, scales[:, None])


def first_score(score: float, score_weight: float) -> float:
    """Return the score that the first network must give a digit before the refiner is asked for one of `score`.

    Args:
        score: 0..1.
        score_weight: of the refiner's scores in the mean.
    """
    return float(max(score ** (1 / (1 - score_weight)), min(score, LEAST_FIRST_SCORE)))


def mean_candidates(first: Candidates, second: Candidates, score_weight: float) -> Candidates:
    """Return candidates of both networks together: weighted geometric mean of the scores, mean of the boxes."""
    boxes = (1 - BOX_WEIGHT) * first.boxes + BOX_WEIGHT * second.boxes
    class_scores = mean_scores(first.class_scores, second.class_scores, score_weight)
    return Candidates(boxes.astype(np.float32), class_scores)


def mean_scores(first: FloatArray, second: FloatArray, score_weight: float) -> FloatArray:
    """Return the weighted geometric mean of both networks' scores, elementwise."""
    return np.asarray(first ** (1 - score_weight) * second**score_weight, np.float32)


def _places(boxes: FloatArray, width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) centres within the image and (N,) scales of the windows."""
    inside = clip(boxes, width, height).astype(np.float64)
    heights = np.maximum(inside[:, 3] - inside[:, 1], LEAST_HEIGHT)
    return (inside[:, :2] + inside[:, 2:]) / 2, DIGIT_HEIGHT / heights
