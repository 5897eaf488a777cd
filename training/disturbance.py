"""What keeps a network from learning pictures by heart: another picture shining through, a part that is covered.

The first is mixup (Zhang et al., 2018) in the form in which the stronger picture alone is asked for, the second is
random erasing (Zhong et al., 2020).
"""

from dataclasses import dataclass

import numpy as np

from detector.detections import FloatArray

_PIXELS_OF_A_PLACE = 1800


@dataclass(frozen=True)
class Disturbance:
    """How much of a batch is disturbed.

    Attributes:
        mixed: part of the pictures through which another of the batch shines.
        most: its weight at most, 0..1.
        covered: part of the pictures that are covered in places, about one for each 42 px square of a picture.
        sides: the least and the greatest side of such a place, px.
    """

    mixed: float = 0.0
    most: float = 0.3
    covered: float = 0.0
    sides: tuple[int, int] = (3, 11)

    def apply(self, images: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The disturbed (B, H, W, 3) pictures; the same shape, a new array."""
        if not (self.mixed or self.covered):
            return images
        mixed = rng.random(len(images)) < self.mixed
        weights = (rng.uniform(0, self.most, len(images)) * mixed).astype(np.float32)[:, None, None, None]
        others = images[rng.permutation(len(images))]
        disturbed = np.asarray(images * (1 - weights) + others * weights, np.float32)
        for index in np.flatnonzero(rng.random(len(images)) < self.covered):
            self._cover(disturbed[index], rng)
        return disturbed

    def _cover(self, image: FloatArray, rng: np.random.Generator) -> None:
        """Paints rectangles of any one colour."""
        least, greatest = self.sides
        for _ in range(max(1, image.shape[0] * image.shape[1] // _PIXELS_OF_A_PLACE)):
            sides = rng.integers(least, greatest + 1, 2)
            top, left = rng.integers(0, np.array(image.shape[:2]) - sides + 1)
            image[top : top + sides[0], left : left + sides[1]] = rng.uniform(0, 255, 3)
