"""pipeline.py, as an export writes it, where only ONNX Runtime, NumPy and OpenCV are installed: the same digits."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from detector import DigitDetector
from detector.export.export_model import PIPELINE, export_model
from detector.images.decode import decode_image
from detector.models.model_files import EMBEDDED, Weights, load_model, save_model
from detector.models.runtimes import FLOAT32
from detector.results.boxes import iou

pytestmark = pytest.mark.slow

LIBRARIES = ("numpy", "cv2", "onnxruntime")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of these libraries, and what their wheels put beside them."""
    folder = tmp_path_factory.mktemp("bare")
    for name in LIBRARIES:
        spec = find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None
        package = Path(spec.origin).parent
        (folder / name).symlink_to(package)
        for beside in package.parent.glob("*.libs"):
            if name.replace("cv2", "opencv") in beside.name:
                (folder / beside.name).symlink_to(beside)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    export_model(EMBEDDED, "onnx", folder)
    return folder


@pytest.fixture(scope="module")
def images(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, real_images: dict[str, Path]
) -> list[Path]:
    """Real images; one turned by its EXIF data, one of many tiles, one of a line of pixels, and one of nothing."""
    folder = tmp_path_factory.mktemp("images")
    picture = decode_image(real_images["68"].read_bytes())
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    Image.fromarray(np.rot90(picture)).save(folder / "turned.png", exif=exif)
    Image.fromarray(np.tile(picture, (7, 5, 1))).save(folder / "wall.png")
    Image.fromarray(picture[40:41]).save(folder / "line.png")
    Image.new("RGB", (300, 200), "grey").save(folder / "grey.png")
    return [
        *sorted((checkout / "tests" / "accuracy" / "images").glob("*.png"))[:20],
        *sorted(folder.iterdir()),
    ]


def run(bare: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs Python without the packages that are installed, but those in `bare`."""
    command = [sys.executable, "-S", *map(str, arguments)]
    return subprocess.run(
        command, env={"PYTHONPATH": str(bare)}, cwd=bare, capture_output=True, text=True, check=False
    )


def answers(bare: Path, script: Path, images: list[Path]) -> list[dict[str, Any]]:
    done = run(bare, script, *images)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same(found: list[dict[str, Any]], images: list[Path], detector: DigitDetector) -> None:
    """What was found in each image is what the detector finds there."""
    seen = 0
    for answer, path in zip(found, images, strict=True):
        expected = detector.detect(path.read_bytes())
        assert answer["image"] == str(path)
        boxes = np.array([digit["box"] for digit in answer["digits"]], np.float32).reshape(-1, 4)
        assert len(boxes) == len(expected.digits)
        # digits of one score may come in another order
        same = np.argmax(iou(expected.digits.boxes, boxes), axis=1) if len(boxes) else np.empty(0, np.intp)
        assert sorted(same) == list(range(len(boxes)))
        digits = [answer["digits"][index] for index in same]
        assert [digit["label"] for digit in digits] == expected.digits.labels.tolist(), path.name
        assert [number["text"] for number in answer["numbers"]] == [n.text for n in expected.numbers]
        assert [tuple(number["digits"]) for number in answer["numbers"]] == [
            tuple(same[list(n.digits)]) for n in expected.numbers
        ]
        np.testing.assert_allclose(boxes[same], expected.digits.boxes, rtol=0, atol=0.02)
        np.testing.assert_allclose([d["score"] for d in digits], expected.digits.scores, rtol=0, atol=1e-3)
        seen += len(digits)
    assert seen > len(images), "else equality says little"


def test_nothing_else_is_there(bare: Path) -> None:
    for name in ("detector", "tensorflow", "PIL"):
        assert "ModuleNotFoundError" in run(bare, "-c", f"import {name}").stderr


def test_it_finds_the_same_digits(bare: Path, exported: Path, images: list[Path]) -> None:
    found = answers(bare, exported / PIPELINE, images)
    assert_same(found, images, DigitDetector.load(runtime=FLOAT32))


def test_a_model_of_one_network_needs_no_other(bare: Path, tmp_path: Path, images: list[Path]) -> None:
    weights, manifest = load_model(EMBEDDED)
    save_model(tmp_path / "model", Weights(weights.fcn), manifest)
    export_model(tmp_path / "model", "onnx", tmp_path / "out")
    found = answers(bare, tmp_path / "out" / PIPELINE, images)
    assert_same(found, images, DigitDetector.load(tmp_path / "model", runtime=FLOAT32))


def test_a_score_can_be_asked_for(bare: Path, exported: Path, images: list[Path]) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import pipeline as p;"
        "print(len(p.Pipeline(Path(sys.argv[1]))(p.read_image(Path(sys.argv[2])), float(sys.argv[3]))[0]))"
    )
    (wall,) = (path for path in images if path.name == "wall.png")
    scores = np.sort(DigitDetector.load(runtime=FLOAT32).detect(wall.read_bytes()).digits.scores)
    widest = int(np.diff(scores).argmax())
    between = (scores[widest] + scores[widest + 1]) / 2
    done = run(bare, "-c", code, exported, wall, str(between))
    assert int(done.stdout) == len(scores) - 1 - widest


def test_its_licence_and_how_to_use_it_stand_at_its_top(exported: Path) -> None:
    text = (exported / PIPELINE).read_text("utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert "pip install onnxruntime numpy opencv-python-headless" in text[:2000]


def test_it_passes_the_linter(exported: Path) -> None:
    command = [Path(sys.executable).with_name("ruff"), "check", "--isolated", "--select", "E9,F", exported]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_no_image_is_said(bare: Path, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    done = run(bare, exported / PIPELINE, tmp_path / "a.png")
    assert done.returncode == 1
    assert "a.png is no image that OpenCV can decode" in done.stderr
