"""Windows for the refiner, each with its target: digits, false proposals of the FCN, and what is near digits.

The sampler is a pure function of the random generator that it is given, as that of the patches is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detector.images.affine_crop import affine_crop
from detector.models.layers import REFINER_WINDOW
from detector.pipeline.refiner import DIGIT_HEIGHT, LEAST_HEIGHT
from detector.results.detections import FloatArray, IntArray
from training.data.scenes import Image, LabelledImage
from training.samplers.augmentation import (
    STRONG_DISTORTION,
    STRONG_MIXUP_ERASING,
    Distortion,
    MixupErasing,
    distortion,
    vary_appearance,
    warp_boxes,
)
from training.samplers.patches import IndexSampler, any_digit
from training.samplers.proposals import Proposals
from training.samplers.targets import TargetConfig, digit_alone, window_targets

_MIDDLE = np.full(2, REFINER_WINDOW / 2)


@dataclass(frozen=True, eq=False)
class WindowSources:
    """The images that windows are cut from; all but the scenes may be empty.

    Attributes:
        scenes: labelled full images, the photographs of real numbers.
        scene_proposals: what the FCN proposes in them.
        rendered: scenes with rendered numbers and words.
        rendered_proposals: what the FCN proposes in those.
        photos: photographs without digits.
        photo_proposals: what the FCN proposes in those.
        crops: (N, 32, 32, 3) uint8 official crops.
        crop_labels: (N,) their digits.
    """

    scenes: Sequence[LabelledImage]
    scene_proposals: Proposals
    rendered: Sequence[LabelledImage]
    rendered_proposals: Proposals
    photos: Sequence[LabelledImage]
    photo_proposals: Proposals
    crops: Image
    crop_labels: IntArray


@dataclass(frozen=True)
class WindowConfig:
    """The windows of a batch, as fractions of it (the rest are true digits), and how they vary.

    Attributes:
        hit_fraction: proposals of the FCN that are digits.
        miss_fraction: proposals in scenes that are not.
        near_fraction: positions and heights near those of a digit.
        photo_fraction: proposals in photographs without digits.
        nowhere_fraction: random positions in those.
        rendered_fraction: proposals in rendered scenes, digits and others alike.
        crop_fraction: official crops, continued at their edges.
        offset: standard deviation of how far a true digit is off the middle, as a fraction of its height.
        height: standard deviation of the log of its height against the window's.
        distortion: how much windows are rotated, sheared and stretched.
        photo_background: fraction of the windows that show a photograph where they leave their image, as if it were
            pasted into that; in the others the image's edges go on.
        mixup_erasing: what else is done to windows.
        target: when a window counts as showing a digit.
    """

    hit_fraction: float = 0.14
    miss_fraction: float = 0.14
    near_fraction: float = 0.08
    photo_fraction: float = 0.09
    nowhere_fraction: float = 0.03
    rendered_fraction: float = 0.12
    crop_fraction: float = 0.08
    offset: float = 0.05
    height: float = 0.1
    distortion: Distortion = field(default_factory=Distortion)
    photo_background: float = 0.0
    mixup_erasing: MixupErasing = field(default_factory=MixupErasing)
    target: TargetConfig = field(
        default_factory=lambda: TargetConfig(
            longer_side=False,
            positive_heights=(17.0, 34.0),
            ignored_heights=(14.0, 41.0),
            reach_x=0.38,
            reach_y=0.22,
            least_reach=3.0,
            ignored_reach=1.25,
        )
    )


STRONG_WINDOWS = WindowConfig(
    crop_fraction=0.16,
    rendered_fraction=0.14,
    miss_fraction=0.12,
    photo_background=0.45,
    distortion=STRONG_DISTORTION,
    mixup_erasing=STRONG_MIXUP_ERASING,
)
"""Strong augmentation, and windows from all sources."""

_Make = Callable[[np.random.Generator], tuple[Image, FloatArray]]
"""Makes a window and its target."""


class WindowSampler:
    """Makes batches of windows from sources.

    Args:
        sources: what windows are cut from.
        config: how.
        draw: draws the scene and the true digit that is shown; uniformly by default.
    """

    def __init__(
        self, sources: WindowSources, config: WindowConfig, draw: IndexSampler | None = None
    ) -> None:
        self._sources = sources
        self._config = config
        self._draw = draw
        proposals = sources.scene_proposals
        self._hits = proposals.select(proposals.hits)
        self._misses = proposals.select(~proposals.hits)
        rendered = sources.rendered_proposals
        self._rendered = (rendered.select(rendered.hits), rendered.select(~rendered.hits))

    def batch(self, size: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Windows (size, 56, 56, 3) float32 RGB 0..255 and their targets (size, 1, 1, 9)."""
        makers = [make for make, part in self._kinds() for _ in range(round(size * part))]
        makers += [self._digit] * (size - len(makers))
        pairs = [make(rng) for make in makers]
        images = np.stack([vary_appearance(image, rng) for image, _ in pairs]).astype(np.float32)
        return self._config.mixup_erasing.apply(images, rng), np.stack([target for _, target in pairs])

    def _kinds(self) -> list[tuple[_Make, float]]:
        """Return the kinds of windows beside true digits and their fractions; a kind without a source has none."""
        config, sources = self._config, self._sources
        photo_proposals = sources.photo_proposals
        kinds: list[tuple[_Make, float, int]] = [
            (partial(self._proposed, sources.scenes, self._hits), config.hit_fraction, len(self._hits)),
            (partial(self._proposed, sources.scenes, self._misses), config.miss_fraction, len(self._misses)),
            (self._near, config.near_fraction, len(sources.scenes)),
            (
                partial(self._proposed, sources.photos, photo_proposals),
                config.photo_fraction,
                len(photo_proposals),
            ),
            (self._nowhere, config.nowhere_fraction, len(sources.photos)),
            (self._in_rendered, config.rendered_fraction, min(map(len, self._rendered))),
            (self._crop, config.crop_fraction, len(sources.crops)),
        ]
        return [(make, part) for make, part, there in kinds if there]

    def _digit(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        scenes = self._sources.scenes
        chosen, digit = self._draw(rng) if self._draw else any_digit(scenes, rng)
        scene = scenes[chosen]
        centre, height = _measures(scene.boxes[digit])
        offset = rng.normal(0, self._config.offset, 2) * height
        height *= float(np.exp(rng.normal(0, self._config.height)))
        return self._shown(scene, centre + offset, height, rng)

    def _near(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        scene = _pick(self._sources.scenes, rng)
        centre, height = _measures(scene.boxes[rng.integers(len(scene.boxes))])
        offset = rng.uniform(-1.2, 1.2, 2) * height
        return self._shown(scene, centre + offset, height * float(np.exp(rng.uniform(-1, 1))), rng)

    def _proposed(
        self, images: Sequence[LabelledImage], proposals: Proposals, rng: np.random.Generator
    ) -> tuple[Image, FloatArray]:
        chosen = rng.integers(len(proposals))
        centre, height = _measures(proposals.boxes[chosen])
        offset = rng.normal(0, 0.02, 2) * height
        image = images[int(proposals.images[chosen])]
        return self._shown(image, centre + offset, height * float(np.exp(rng.normal(0, 0.04))), rng)

    def _in_rendered(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        hits, misses = self._rendered
        proposals = misses if rng.random() < 0.6 else hits
        return self._proposed(self._sources.rendered, proposals, rng)

    def _nowhere(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        photo = _pick(self._sources.photos, rng)
        return self._shown(photo, *_random_position(photo, rng), rng)

    def _shown(
        self, image: LabelledImage, centre: NDArray[np.floating], height: float, rng: np.random.Generator
    ) -> tuple[Image, FloatArray]:
        """Return the window around a point, in which `height` px of the image are as high as a digit."""
        matrix = DIGIT_HEIGHT / max(height, LEAST_HEIGHT) * distortion(self._config.distortion, rng)
        centre = np.clip(centre, 0, (image.pixels.shape[1], image.pixels.shape[0]))
        background = None
        if self._sources.photos and rng.random() < self._config.photo_background:
            background = self._piece_of_photo(rng)
        shown = affine_crop(image.pixels, matrix, centre, _MIDDLE, REFINER_WINDOW, background)
        return shown, self._target(warp_boxes(image.boxes, matrix, centre, _MIDDLE), image.labels)

    def _piece_of_photo(self, rng: np.random.Generator) -> Image:
        photo = _pick(self._sources.photos, rng)
        centre, height = _random_position(photo, rng)
        return affine_crop(photo.pixels, DIGIT_HEIGHT / height * np.eye(2), centre, _MIDDLE, REFINER_WINDOW)

    def _crop(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        """Return an official crop, whose digit is about as high as the crop; its box is not known."""
        chosen = rng.integers(len(self._sources.crops))
        crop = self._sources.crops[chosen]
        side = crop.shape[0]
        scale = DIGIT_HEIGHT / side * np.exp(rng.normal(0, 0.06))
        goal = _MIDDLE + rng.uniform(-1.5, 1.5, 2)
        matrix = scale * distortion(self._config.distortion, rng)
        shown = affine_crop(crop, matrix, np.full(2, side / 2), goal, REFINER_WINDOW)
        return shown, digit_alone(self._sources.crop_labels[chosen])[None, None]

    def _target(self, boxes: FloatArray, labels: IntArray) -> FloatArray:
        return window_targets(REFINER_WINDOW, boxes, labels, self._config.target, REFINER_WINDOW)


def _measures(box: FloatArray) -> tuple[NDArray[np.floating], float]:
    """Centre and height of a box."""
    return (box[:2] + box[2:]) / 2, max(float(box[3] - box[1]), 1.0)


def _random_position(image: LabelledImage, rng: np.random.Generator) -> tuple[NDArray[np.floating], float]:
    """Return a point of an image, and the height of a digit that could stand there."""
    height, width = image.pixels.shape[:2]
    return rng.uniform((0, 0), (width, height)), float(np.exp(rng.uniform(np.log(8), np.log(80))))


def _pick(images: Sequence[LabelledImage], rng: np.random.Generator) -> LabelledImage:
    return images[int(rng.integers(len(images)))]
