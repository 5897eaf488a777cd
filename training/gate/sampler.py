"""Training samples of the gate: patches of pyramid levels, random or around digits that a model finds or misses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from detector.pipeline.detector import DigitDetector
from detector.pipeline.gate import GATE_GRID
from detector.pipeline.pyramid import HALF, Level, levels
from detector.results.boxes import iou
from detector.results.detections import FloatArray, IntArray
from detector.results.interface import DetectOptions
from training.data.detector_data import SceneImages
from training.data.scenes import Image, LabelledImage, Scene
from training.gate.recipe import GateRecipe, cell_targets
from training.samplers.augmentation import vary_light
from training.samplers.proposals import Proposals, propose

LEAST_HEIGHT = 12.0
"""The detector's default: the topmost level is enlarged by 16 / 12."""

_FOUND_IOU = 0.3
_ZOOM = (0.35, 2.0)
_MOST_PIXELS = 400_000

WINDOW_SCALE = 2
"""The level that the FCN reads is so many times as large as the one that the gate reads."""

MISSED, FOUND = 0, 1
"""Labels of digits: whether the model finds them."""


@dataclass(frozen=True, eq=False)
class GateSources:
    """The images that patches are cut from; the digits' labels are `MISSED` or `FOUND`.

    Attributes:
        scenes: labelled images, with what a detector found in them beside the truth.
        rendered: scenes with rendered numbers and words.
        photos: photographs without digits.
    """

    scenes: Sequence[LabelledImage]
    rendered: Sequence[LabelledImage]
    photos: Sequence[LabelledImage]


class Marker:
    """Labels digits as found or missed by a model.

    Args:
        detector: the model.
        kept_in: a folder for what it finds, for the next start.
        key: of the images, as `data_key` gives it.
    """

    def __init__(self, detector: DigitDetector, kept_in: Path, key: str) -> None:
        self._detector, self._kept_in, self._key = detector, kept_in, key

    def scenes(self, scenes: Sequence[Scene], name: str) -> SceneImages:
        """Return labelled photographs, with what is found beside the labelled digits, mostly digits too."""
        images = SceneImages(scenes)
        found = self._find(images, name)
        marked = []
        for index, scene in enumerate(scenes):
            here = found.select(found.images == index)
            more = here.boxes[~here.hits]
            labels = np.append(_labels(scene.boxes, here.boxes), np.full(len(more), FOUND))
            marked.append(
                replace(scene, boxes=np.concatenate([scene.boxes, more]), labels=np.asarray(labels, np.int32))
            )
        return SceneImages(marked)

    def rendered(self, images: Sequence[LabelledImage], name: str) -> list[LabelledImage]:
        """Return rendered scenes; what is found beside their digits is none."""
        found = self._find(images, name)
        return [
            replace(image, labels=_labels(image.boxes, found.boxes[found.images == index]))
            for index, image in enumerate(images)
        ]

    def _find(self, images: Sequence[LabelledImage], name: str) -> Proposals:
        everywhere = DetectOptions(exhaustive=True)
        kept_in = self._kept_in / f"{name}.safetensors"
        return propose(self._detector, images, kept_in, self._key, everywhere)


def _labels(boxes: FloatArray, found: FloatArray) -> IntArray:
    hit = (iou(boxes, found) >= _FOUND_IOU).any(axis=1)
    return np.where(hit, FOUND, MISSED).astype(np.int32)


class GateSampler:
    """Makes batches of patches; a pure function of the random generator that it is given.

    Args:
        sources: what patches are cut from.
        recipe: how.
    """

    def __init__(self, sources: GateSources, recipe: GateRecipe) -> None:
        self._sources, self._recipe = sources, recipe

    def batch(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Patches (N, side, side, 3) float32 RGB 0..255, and for each cell the target and its weight.

        The targets are (N, rows, columns, 2): 1 where a digit should be let through, and the weight in the loss.
        """
        pairs = [pair for _ in range(self._recipe.batch) for pair in self._patches(self._image(rng), rng)]
        images = np.stack([vary_light(patch, rng) for patch, _ in pairs]).astype(np.float32)
        return images, np.stack([target for _, target in pairs])

    def _image(self, rng: np.random.Generator) -> LabelledImage:
        recipe, sources = self._recipe, self._sources
        kind = rng.random()
        if kind < recipe.scene_fraction:
            images = sources.scenes
        elif kind < recipe.scene_fraction + recipe.rendered_fraction and sources.rendered:
            images = sources.rendered
        else:
            images = sources.photos or sources.scenes
        return images[int(rng.integers(len(images)))]

    def _patches(self, image: LabelledImage, rng: np.random.Generator) -> list[tuple[Image, FloatArray]]:
        """Return patches around digits, and random ones, of one image as another camera would have taken it."""
        pixels, boxes = self._zoomed(image, rng)
        halves = list(levels(pixels, LEAST_HEIGHT, np.inf, beyond=HALF))[HALF:]
        seen = [(half, number) for half in halves for number in self._of_this_level(half, boxes)]
        patches = []
        for index in range(self._recipe.patches):
            if seen and index % 2 == 0:
                half, number = seen[int(rng.integers(len(seen)))]
                origin = self._origin_around(half, boxes[number], rng)
            else:
                half = halves[_by_size(halves, rng)]
                origin = self._random_origin(half, rng)
            patches.append((self._cut(half, origin), self._target(half, origin, boxes, image.labels)))
        return patches

    def _zoomed(self, image: LabelledImage, rng: np.random.Generator) -> tuple[Image, FloatArray]:
        """Enlarge or shrink the image, and stretch it, so that one of its digits has any length in some level."""
        height, width = image.pixels.shape[:2]
        zoom = np.exp(rng.uniform(*np.log((0.5, 1.25))))
        if len(image.boxes):
            box = image.boxes[int(rng.integers(len(image.boxes)))]
            length = float((box[2:] - box[:2]).max())
            wanted = np.exp(rng.uniform(*np.log(self._recipe.target.heights))) * LEAST_HEIGHT / 16
            octaves = max(0, round(2 * np.log2(length / wanted)))
            zoom = wanted * 2 ** (octaves / 2) / length
        stretch = np.exp(rng.normal(0, self._recipe.stretch) / 2)
        zoom = min(float(np.clip(zoom, *_ZOOM)), (_MOST_PIXELS / (height * width)) ** 0.5)
        size = max(8, round(width * zoom * stretch)), max(8, round(height * zoom / stretch))
        interpolation = cv2.INTER_AREA if size[1] < height else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(image.pixels, size, interpolation=interpolation), np.uint8)
        if rng.random() < 0.2:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
        factors = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        return pixels, image.boxes * factors

    def _of_this_level(self, half: Level, boxes: FloatArray) -> list[int]:
        """Return the digits that should be let through on this level."""
        sides = WINDOW_SCALE * (boxes[:, 2:] - boxes[:, :2]) * np.array(half.scale)
        low, high = self._recipe.target.heights
        longer = sides.max(axis=1, initial=0)
        return np.flatnonzero((longer >= low) & (longer <= high)).tolist()

    def _origin_around(self, half: Level, box: FloatArray, rng: np.random.Generator) -> tuple[int, int]:
        side, margin = self._recipe.patch, GATE_GRID.field / 2 - 2
        centre = (box[:2] + box[2:]) / 2 * np.array(half.scale)
        x, y = np.floor(centre - rng.uniform(margin, side - margin, 2))
        return int(x), int(y)

    def _random_origin(self, half: Level, rng: np.random.Generator) -> tuple[int, int]:
        side, border = self._recipe.patch, GATE_GRID.border
        height, width = half.pixels.shape[:2]
        x, y = (
            int(rng.integers(-border, max(length + border - side, -border) + 1)) for length in (width, height)
        )
        return x, y

    def _cut(self, half: Level, origin: tuple[int, int]) -> Image:
        height, width = half.pixels.shape[:2]
        columns, rows = (
            np.arange(start, start + self._recipe.patch).clip(0, length - 1)
            for start, length in zip(origin, (width, height), strict=True)
        )
        return np.asarray(half.pixels[rows[:, None], columns])

    def _target(
        self, half: Level, origin: tuple[int, int], boxes: FloatArray, labels: IntArray
    ) -> FloatArray:
        recipe = self._recipe
        height, width = half.pixels.shape[:2]
        cells = (recipe.patch - GATE_GRID.field) // GATE_GRID.stride + 1
        x, y = (GATE_GRID.field / 2 + GATE_GRID.stride * np.arange(cells) + start for start in origin)
        scaled = (WINDOW_SCALE * boxes * np.array(half.scale * 2)).astype(np.float32)
        positive, ignored = cell_targets(WINDOW_SCALE * x, WINDOW_SCALE * y, scaled, recipe.target)
        through, found = positive.any(axis=0), positive[labels == FOUND].any(axis=0)
        outside = ((y < -2) | (y > height + 2))[:, None] | ((x < -2) | (x > width + 2))
        weighted = np.where(found, recipe.positive_weight, recipe.missed_weight)
        weight = np.where(through, weighted, 1.0) * ~(ignored | outside)
        return np.stack([through, weight], axis=-1).astype(np.float32)


def _by_size(halves: Sequence[Level], rng: np.random.Generator) -> int:
    """Draw the index of a level by the square root of its pixels: large ones more often, but not nearly always."""
    weights = np.sqrt([half.pixels.size for half in halves])
    return int(rng.choice(len(halves), p=weights / weights.sum()))
