"""The shipped weights, as they are installed, on a few images that no training reads: figures stay as recorded.

`recorded.json` has the figures of the version that it names. They are renewed with the weights:
`python -m tests.accuracy.test_accuracy` measures and writes them.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from detector import DigitDetector
from detector.models.model_files import EMBEDDED, read_manifest
from training.data.scenes import Scene
from training.evaluation.metrics import judge, precision_recall, sequence_accuracy

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"

TOLERANCE = 0.02
"""One or two of the 76 digits: what another processor's arithmetic may change. One number of the 36 is too many."""


@cache
def measured() -> dict[str, float]:
    """The figures of the embedded model at its default settings."""
    labels = json.loads((HERE / "labels.json").read_text("utf-8"))
    scenes = [
        Scene(
            HERE / "images" / name,
            np.array(known["boxes"], np.float32),
            np.array(known["labels"], np.int32),
        )
        for name, known in labels.items()
    ]
    detector = DigitDetector.load()
    results = [detector.detect(scene.path.read_bytes()) for scene in scenes]
    digits = [result.digits for result in results]
    at_50, at_30 = precision_recall(judge(scenes, digits, (0.5, 0.3)))
    numbers = sequence_accuracy(scenes, digits)
    return {"f1_50": at_50.f1, "f1_30": at_30.f1, "numbers": numbers}


@pytest.mark.parametrize("figure", ["f1_50", "f1_30", "numbers"])
def test_the_shipped_weights_are_as_good_as_recorded(figure: str) -> None:
    recorded = json.loads(RECORDED.read_text("utf-8"))
    assert measured()[figure] == pytest.approx(recorded[figure], abs=TOLERANCE)


def test_the_record_is_of_the_shipped_weights() -> None:
    recorded = json.loads(RECORDED.read_text("utf-8"))
    assert recorded["version"] == read_manifest(EMBEDDED).version


def main() -> None:
    """Measures and writes the record."""
    version = read_manifest(EMBEDDED).version
    figures = {name: round(value, 4) for name, value in measured().items()}
    RECORDED.write_text(json.dumps({"version": version, **figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
