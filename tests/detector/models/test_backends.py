"""Runtimes: the same digits, whatever computes the networks."""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from detector import DigitDetector
from detector.cli.main import main
from detector.models.geometry import RECEPTIVE_FIELD, REFINER_WINDOW
from detector.models.model_files import EMBEDDED, load_model
from detector.models.openvino_backend import OpenVinoNetwork
from detector.models.tensorflow_backend import networks_of
from detector.pipeline.loading import OPENVINO, load_checked, load_detector
from detector.results.boxes import iou
from detector.results.errors import ModelError
from detector.results.interface import DetectOptions
from tests.detector.conftest import COMMAND

BFLOAT16 = 0.5
"""What logits may differ by where the processor computes in bfloat16: they were seen to differ by 0.2."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None and os.environ.get("CI") != "true",
    reason="openvino is not installed",
)


@pytest.fixture(scope="module")
def detector() -> DigitDetector:
    """Checked: it finds in the built-in image what the manifest records."""
    return load_checked(None, OPENVINO)


@pytest.fixture(scope="module")
def fcn() -> OpenVinoNetwork:
    return OpenVinoNetwork(networks_of(load_model(EMBEDDED)[0])[0], RECEPTIVE_FIELD, None)


def noise(height: int, width: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(32, 32, id="one window"),
        pytest.param(35, 36, id="padded"),
        pytest.param(64, 128, id="not padded"),
        pytest.param(65, 127, id="one more and one less"),
    ],
)
def test_score_maps_of_any_size(fcn: OpenVinoNetwork, height: int, width: int) -> None:
    expected = networks_of(load_model(EMBEDDED)[0])[0](noise(height, width)[None])
    found = fcn(noise(height, width)[None])
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=BFLOAT16)


@pytest.mark.parametrize("count", [1, 8, 9])
def test_batches_of_the_refiner(count: int) -> None:
    _, again = networks_of(load_model(EMBEDDED)[0])
    assert again
    images = np.stack(
        [noise(REFINER_WINDOW + 20, REFINER_WINDOW)[i : i + REFINER_WINDOW] for i in range(count)]
    )
    found = OpenVinoNetwork(again, REFINER_WINDOW, REFINER_WINDOW)(images)
    np.testing.assert_allclose(found, again(images), rtol=0, atol=BFLOAT16)


def test_eight_threads_get_the_serial_results(fcn: OpenVinoNetwork) -> None:
    pictures = [noise(40 + 7 * i, 120 - 5 * i)[None] for i in range(16)]
    serial = [fcn(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(fcn, pictures * 3))
    for i, result in enumerate(threaded):
        np.testing.assert_array_equal(result, serial[i % len(pictures)])


def test_the_same_digits_are_found(
    detector: DigitDetector, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    """Boxes and scores within what the self check allows."""
    for number, path in real_images.items():
        expected, found = (each.detect(path.read_bytes()) for each in (embedded, detector))
        assert [n.text for n in found.numbers] == [n.text for n in expected.numbers] == [number]
        overlap = iou(found.digits.boxes, expected.digits.boxes)
        np.testing.assert_array_less(0.9, overlap.max(axis=1))
        best = overlap.argmax(axis=1)
        np.testing.assert_array_equal(found.digits.labels, expected.digits.labels[best])
        np.testing.assert_allclose(found.digits.scores, expected.digits.scores[best], rtol=0, atol=0.05)


def test_the_version_tells_the_runtime(detector: DigitDetector, embedded: DigitDetector) -> None:
    """So rows of both are never mixed unnoticed: a folder job refuses to go on with another version."""
    assert detector.info().version == f"{embedded.info().version}+openvino"
    assert detector.info().parameter_count == embedded.info().parameter_count
    assert detector.info().sha256 == embedded.info().sha256


def test_a_folder_job_is_not_continued_by_another_runtime(
    real_images: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(real_images["33"].read_bytes())
    command = ["detect-folder", str(tmp_path / "photos"), "--out", str(tmp_path / "out.jsonl")]
    assert main([*command, "--runtime", "openvino"]) == 0
    assert "svhn-fcn 1+openvino" in (tmp_path / "out.jsonl.settings.json").read_text()
    assert main([*command, "--resume"]) == 2
    assert "1+openvino" in capsys.readouterr().err
    assert main([*command, "--resume", "--runtime", "openvino"]) == 0


def test_a_server_says_its_runtime(capsys: pytest.CaptureFixture[str]) -> None:
    command = [*COMMAND, "serve", "--port", "0", "--runtime", "openvino"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[-1]
            assert main(["info", "--server", address]) == 0
        finally:
            process.terminate()
    assert "version: 1+openvino\n" in capsys.readouterr().out
    assert process.returncode == 0


def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, real_images: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert main(["detect", str(real_images["33"]), "--runtime", "openvino"]) == 2
    assert "pip install 'digit-detector[openvino]'" in capsys.readouterr().err


def test_a_runtime_is_not_for_a_server_to_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--server", "127.0.0.1:1", "--runtime", "openvino"]) == 2
    assert "a server has its own" in capsys.readouterr().err


def test_options_hold_in_any_runtime(detector: DigitDetector, real_images: dict[str, Path]) -> None:
    many = detector.detect(real_images["68"].read_bytes(), DetectOptions(score_threshold=0.05))
    assert len(many.digits) > len(detector.detect(real_images["68"].read_bytes()).digits)


def test_models_that_cannot_be_used_are_refused_alike(tmp_path: Path) -> None:
    for runtime in ("tensorflow", OPENVINO):
        with pytest.raises(ModelError, match=r"manifest\.json"):
            load_detector(tmp_path / "nowhere", runtime)
