"""What a gate lets through: of the digits in labelled images, and of all that is no digit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline.gate import GATE_GRID, WINDOWS
from detector.pipeline.pyramid import HALF, Level, levels, with_halves
from detector.pipeline.score_map import GRID
from detector.pipeline.tiles import Plane, slide
from detector.results.detections import FloatArray
from training.data.scenes import LabelledImage
from training.gate.recipe import GateTargetConfig
from training.gate.sampler import FOUND
from training.gate.targets import cell_targets

_LEAST_HEIGHT = 12.0


@dataclass(frozen=True, eq=False)
class GateOutputs:
    """What a gate says in images.

    Attributes:
        digits: (N,) its highest output at each digit that the model finds, over all cells and levels that should let
            it through.
        sides: (N,) each digit's longer side, px of its image.
        background: (M,) its outputs of all cells that are not near a digit.
    """

    digits: FloatArray
    sides: FloatArray
    background: FloatArray

    def threshold(self, kept: float) -> float:
        """Return the output that this part of the digits reaches."""
        return float(np.quantile(self.digits, 1 - kept, method="lower"))

    def passing(self, threshold: float) -> float:
        """Return the part of the cells away from digits that reach an output."""
        return float(np.mean(self.background >= threshold))


def measure(gate: Network, images: Sequence[LabelledImage], config: GateTargetConfig) -> GateOutputs:
    """Run the gate over every level of images, those with digits and those without."""
    digits, sides, background = [], [], []
    for image in images:
        best = np.full(len(image.boxes), -np.inf, np.float32)
        for level, half in with_halves(levels(image.pixels, _LEAST_HEIGHT, np.inf, beyond=HALF)):
            outputs = cell_outputs(gate, level, half)
            pitch = WINDOWS * GRID.stride
            y, x = (pitch * np.arange(length) + pitch / 4 for length in outputs.shape)
            scaled = (image.boxes * np.array(level.scale * 2)).astype(np.float32)
            asked, ignored = cell_targets(x, y, scaled, config)
            best = np.maximum(best, np.where(asked, outputs, -np.inf).max(axis=(1, 2)))
            background.append(outputs[~(ignored | asked.any(axis=0))])
        found = (image.labels == FOUND) & np.isfinite(best)  # some are larger than any level shows whole
        digits.append(best[found])
        sides.append((image.boxes[:, 2:] - image.boxes[:, :2]).max(axis=1, initial=0)[found])
    return GateOutputs(np.concatenate(digits), np.concatenate(sides), np.concatenate(background))


def cell_outputs(gate: Network, level: Level, half: Level) -> NDArray[np.float32]:
    """(rows, columns) float32: what the gate says of each cell of a level, from that of half its scale."""
    rows, columns = GRID.shape(*level.shape)
    outputs = np.full((-(-rows // WINDOWS), -(-columns // WINDOWS)), -np.inf, np.float32)
    for hits in slide(gate, [Plane(half, np.ones(outputs.shape, bool))], GATE_GRID, -np.inf):
        outputs[hits.rows, hits.columns] = hits.outputs[:, 0]
    return outputs
