"""Patches of full images with a target for every 32x32 window in them: digits, near misses, background.

A patch is 72x72 px, so it holds 11 x 11 windows; training on patches shows the network some thirty times more
windows a second than training on single ones, and the ones between, beside and half over digits come along.

The sampler is a pure function of the random generator it is given: batch number `step` of a run is always the same,
which is what lets a killed run continue as if nothing had happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.images.affine_crop import affine_crop
from detector.models.layers import RECEPTIVE_FIELD, STRIDE
from detector.results.detections import FloatArray, IntArray
from training.data.detector_data import PatchSources
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
from training.samplers.synthetic.rendering import render_scenes
from training.samplers.targets import TARGET_CHANNELS, TargetConfig, digit_alone, window_targets

_LARGEST_SCALE = 4 / 3
"""About what the detector's pyramid starts from."""


IndexSampler = Callable[[np.random.Generator], tuple[int, int]]
"""Draws a scene, and a digit in it, as indices."""


@dataclass(frozen=True)
class PatchConfig:
    """The settings of patches; lengths in px of the patch.

    Attributes:
        size: side of a patch.
        heights: a chosen digit's longer side is scaled to a length between these, log-uniform.
        distortion: how much digits are turned, sheared and stretched.
        photo_background: fraction of the scenes that are pasted into a photograph; the others' edges are continued.
        crop_fraction: fraction of a batch that shows official crops, four to a patch.
        photo_fraction: fraction of a batch that shows photographs without digits.
        letter_fraction: fraction of a batch that shows words.
        rendered_fraction: fraction of a batch that shows rendered scenes, around digits or, without any, words.
        random_fraction: fraction of a batch that shows random places of the scenes, with digits or without.
        letter_weight: weight of a word's windows; below 1, since O, I, B, S and Z look like digits.
        mixup_erasing: what else is done to patches.
        target: when a window counts as centred on a digit.
    """

    size: int = 72
    heights: tuple[float, float] = (15.0, 36.0)
    distortion: Distortion = field(default_factory=Distortion)
    photo_background: float = 0.35
    crop_fraction: float = 0.125
    photo_fraction: float = 0.11
    letter_fraction: float = 0.06
    rendered_fraction: float = 0.0
    random_fraction: float = 0.0
    letter_weight: float = 0.4
    mixup_erasing: MixupErasing = field(default_factory=MixupErasing)
    target: TargetConfig = field(default_factory=TargetConfig)


STRONG_PATCHES = PatchConfig(
    photo_background=0.45,
    crop_fraction=0.19,
    rendered_fraction=0.06,
    random_fraction=0.1,
    distortion=STRONG_DISTORTION,
    mixup_erasing=STRONG_MIXUP_ERASING,
)
"""Strong augmentation, and patches from all sources."""


class PatchSampler:
    """Makes batches of patches from sources.

    Args:
        sources: what patches are cut from.
        config: how.
        draw: draws the scene and the digit that is shown; uniformly by default.
    """

    def __init__(self, sources: PatchSources, config: PatchConfig, draw: IndexSampler | None = None) -> None:
        self._sources = sources
        self._config = config
        self._draw = draw

    def batch(self, size: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Patches (size, 72, 72, 3) float32 RGB 0..255 and their targets (size, 11, 11, 9)."""
        config, sources = self._config, self._sources
        kinds = [
            (self._crop_patch, round(size * config.crop_fraction) if len(sources.crops) else 0),
            (self._photo_patch, round(size * config.photo_fraction) if sources.photos else 0),
            (self._letter_patch, round(size * config.letter_fraction) if sources.letters else 0),
            (self._rendered_patch, round(size * config.rendered_fraction) if sources.rendered else 0),
            (self._random_patch, round(size * config.random_fraction)),
        ]
        makers = [make for make, count in kinds for _ in range(count)]
        makers += [self._scene_patch] * (size - len(makers))
        pairs = [make(rng) for make in makers]
        images = np.stack([vary_appearance(image, rng) for image, _ in pairs]).astype(np.float32)
        return config.mixup_erasing.apply(images, rng), np.stack([target for _, target in pairs])

    def _scene_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        scenes = self._sources.scenes
        scene, digit = self._draw(rng) if self._draw else any_digit(scenes, rng)
        return self._digit_patch(scenes[scene], digit, self._config.photo_background, rng)

    def _rendered_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        scene = self._sources.rendered[int(rng.integers(len(self._sources.rendered)))]
        if len(scene.labels):
            return self._digit_patch(scene, int(rng.integers(len(scene.labels))), 0.0, rng)
        return self._random_patch_of(scene, rng)

    def _digit_patch(
        self, scene: LabelledImage, chosen: int, photo_background: float, rng: np.random.Generator
    ) -> tuple[Image, FloatArray]:
        """Return a digit of a scene, somewhere in the patch, with what is around it."""
        config = self._config
        digit = scene.boxes[chosen]
        scale = np.exp(rng.uniform(*np.log(config.heights))) / (digit[2:] - digit[:2]).max()
        matrix = scale * distortion(config.distortion, rng)
        centre = (digit[:2] + digit[2:]) / 2
        goal = rng.uniform(RECEPTIVE_FIELD / 2 - 3, config.size - RECEPTIVE_FIELD / 2 + 3, 2)
        background = None
        if self._sources.photos and rng.random() < photo_background:
            background = self._photo(rng)
        patch = affine_crop(scene.pixels, matrix, centre, goal, config.size, background)
        boxes = warp_boxes(scene.boxes, matrix, centre, goal)
        return patch, window_targets(config.size, boxes, scene.labels, config.target)

    def _random_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        return self._random_patch_of(self._sources.scenes[int(rng.integers(len(self._sources.scenes)))], rng)

    def _random_patch_of(self, scene: LabelledImage, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        """Cut a random patch of a scene, at any scale from that at which it shows all of the scene."""
        config = self._config
        height, width = scene.pixels.shape[:2]
        scales = min(config.size / max(height, width), _LARGEST_SCALE), _LARGEST_SCALE
        matrix = np.exp(rng.uniform(*np.log(scales))) * distortion(config.distortion, rng)
        centre = rng.uniform((0, 0), (width, height))
        goal = np.full(2, config.size / 2)
        patch = affine_crop(scene.pixels, matrix, centre, goal, config.size, None)
        boxes = warp_boxes(scene.boxes, matrix, centre, goal)
        return patch, window_targets(config.size, boxes, scene.labels, config.target)

    def _crop_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        """Four official crops, each exactly under one window; the windows between are ignored."""
        size, away = self._config.size, self._config.size - RECEPTIVE_FIELD
        patch = np.full((size, size, 3), rng.integers(256, size=3), np.uint8)
        target = np.zeros(((away // STRIDE) + 1, (away // STRIDE) + 1, TARGET_CHANNELS), np.float32)
        for top in (0, away):
            for left in (0, away):
                chosen = rng.integers(len(self._sources.crops))
                matrix = np.exp(rng.normal(0, 0.06)) * distortion(self._config.distortion, rng)
                middle = np.full(2, RECEPTIVE_FIELD / 2)
                goal = middle + rng.uniform(-2, 2, 2)
                crop = affine_crop(self._sources.crops[chosen], matrix, middle, goal, RECEPTIVE_FIELD, None)
                patch[top : top + RECEPTIVE_FIELD, left : left + RECEPTIVE_FIELD] = crop
                target[top // STRIDE, left // STRIDE] = digit_alone(self._sources.crop_labels[chosen])
        return patch, target

    def _photo_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        return self._photo(rng), self._background(1.0)

    def _letter_patch(self, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        """Return a word: letters of one height side by side on a photograph."""
        height = int(rng.integers(14, 36))
        letters = [self._pick(self._sources.letters, rng) for _ in range(rng.integers(1, 7))]
        strip = np.concatenate([_of_height(letter, height) for letter in letters], axis=1)
        size = self._config.size
        background = self._photo(rng) if self._sources.photos else np.zeros((size, size, 3), np.uint8)
        centre = np.array([rng.uniform(0, strip.shape[1]), height / 2])
        goal = rng.uniform(16, size - 16, 2)
        patch = affine_crop(strip, distortion(self._config.distortion, rng), centre, goal, size, background)
        return patch, self._background(self._config.letter_weight)

    def _photo(self, rng: np.random.Generator) -> Image:
        """Return a square piece of a photograph, at any of several scales."""
        photo = self._pick(self._sources.photos, rng)
        size = self._config.size
        side = min(int(size * np.exp(rng.uniform(np.log(0.7), np.log(4)))), *photo.shape[:2])
        top = rng.integers(photo.shape[0] - side + 1)
        left = rng.integers(photo.shape[1] - side + 1)
        piece = photo[top : top + side, left : left + side]
        interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(piece, (size, size), interpolation=interpolation), np.uint8)

    def _background(self, weight: float) -> FloatArray:
        target = window_targets(
            self._config.size, np.empty((0, 4), np.float32), np.empty(0, np.int32), self._config.target
        )
        target[..., 1] *= weight
        return target

    @staticmethod
    def _pick(images: Sequence[Image], rng: np.random.Generator) -> Image:
        return images[int(rng.integers(len(images)))]


_CLASSES = 10


class ClassBalancedSampler:
    """Draws digits of scenes, each with a weight of one over the square root of its class's count.

    So a class a hundred times as frequent as another is shown ten times as often (the square-root sampling of
    Mahajan et al., Exploring the Limits of Weakly Supervised Pretraining, 2018): neither are the few digits of a rare
    class shown over and over, nor is it forgotten.

    Args:
        labels: the digits 0..9 of each scene, (N,) int32 each; at least one in all.

    Attributes:
        counts: (10,) how many digits of each class there are.
        shares: (10,) how often each class is drawn; they sum up to 1.
    """

    def __init__(self, labels: Sequence[IntArray]) -> None:
        every = np.concatenate(labels)
        self.counts: NDArray[np.int64] = np.bincount(every, minlength=_CLASSES)
        roots = np.sqrt(self.counts)
        self.shares: NDArray[np.float64] = roots / roots.sum()
        self._ends = np.cumsum(1 / roots[every])
        self._scenes = np.repeat(np.arange(len(labels)), [len(digits) for digits in labels])
        self._digits = np.concatenate([np.arange(len(digits)) for digits in labels])

    def __call__(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return a scene, and a digit in it, as indices."""
        drawn = int(np.searchsorted(self._ends[:-1], rng.uniform(0, self._ends[-1]), side="right"))
        return int(self._scenes[drawn]), int(self._digits[drawn])


def any_digit(scenes: Sequence[LabelledImage], rng: np.random.Generator) -> tuple[int, int]:
    """Return a scene and a digit in it, as indices: scenes are as likely as each other, and digits within a scene."""
    scene = int(rng.integers(len(scenes)))
    return scene, int(rng.integers(len(scenes[scene].boxes)))


def _of_height(image: Image, height: int) -> Image:
    width = max(3, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height)), np.uint8)


def with_rendered(sources: PatchSources, count: int, seed: int) -> PatchSources:
    """Return the sources with `count` rendered scenes, of which half show words alone; as they are if it is 0."""
    return replace(sources, rendered=render_scenes(count, sources.photos, seed)) if count else sources
