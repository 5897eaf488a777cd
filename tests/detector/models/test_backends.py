"""Runtimes: the same digits, whatever computes the networks, in however many threads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import DigitDetector
from detector.cli.main import main
from detector.models.layers import FCN, GATE, REFINER, REFINER_WINDOW, Architecture
from detector.models.model_files import EMBEDDED, load_model, read_manifest
from detector.models.openvino_backend import OpenVinoNetwork, build_model, read_model
from detector.models.runtimes import (
    BFLOAT16,
    FLOAT32,
    INT8,
    OPENVINO,
    TENSORFLOW,
    chosen_runtime,
    load_networks,
    named_version,
)
from detector.models.tensorflow_backend import networks_of
from detector.pipeline.loading import load_checked
from detector.results.boxes import iou
from detector.results.errors import InvalidOptionError, ModelError
from detector.results.interface import DetectOptions
from tests.detector.conftest import COMMAND

FLOAT32_ERROR = 1e-4
PRECISIONS = (INT8, BFLOAT16, FLOAT32)


@pytest.fixture(scope="module")
def reference() -> DigitDetector:
    return DigitDetector.load(runtime=TENSORFLOW)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def fcn() -> OpenVinoNetwork:
    return OpenVinoNetwork(build_model(FCN, load_model(EMBEDDED)[0].fcn), "f32", 0)


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(32, 32, id="one window"),
        pytest.param(35, 36, id="three px are left"),
        pytest.param(96, 96, id="a tile"),
        pytest.param(65, 127, id="not square"),
    ],
)
@pytest.mark.parametrize("count", [1, 9])
def test_score_maps_are_those_of_the_reference(
    fcn: OpenVinoNetwork, height: int, width: int, count: int
) -> None:
    images = np.stack([noise(height, width, seed) for seed in range(count)])
    expected = networks_of(load_model(EMBEDDED)[0])[0](images)
    found = fcn(images)
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=FLOAT32_ERROR)


@pytest.mark.parametrize(
    ("architecture", "name", "side"),
    [(REFINER, "refiner", REFINER_WINDOW), (GATE, "gate", 64)],
    ids=["refiner", "gate"],
)
def test_the_other_networks_are_those_of_the_reference(
    architecture: Architecture, name: str, side: int
) -> None:
    weights, _ = load_model(EMBEDDED)
    images = np.stack([noise(side, side, seed) for seed in range(3)])
    _, refiner, gate = networks_of(weights)
    reference = {"refiner": refiner, "gate": gate}[name]
    assert reference is not None
    found = OpenVinoNetwork(build_model(architecture, getattr(weights, name)), "f32", 0)(images)
    np.testing.assert_allclose(found, reference(images), rtol=0, atol=FLOAT32_ERROR)


def test_weights_that_do_not_fit_are_refused() -> None:
    arrays = load_model(EMBEDDED)[0].fcn
    with pytest.raises(ValueError, match="none is left"):
        build_model(FCN, arrays[:-1])
    with pytest.raises(ValueError, match="more than svhn_fcn has"):
        build_model(FCN, [*arrays, arrays[0]])
    with pytest.raises(ValueError, match="shape"):
        build_model(FCN, [arrays[0][..., :-1], *arrays[1:]])


def test_a_file_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network"):
        read_model(b"<net/>", b"")


@pytest.mark.parametrize("runtime", PRECISIONS)
def test_eight_threads_get_the_serial_results(runtime: str) -> None:
    network = load_networks(EMBEDDED, runtime).fcn
    pictures = [np.stack([noise(64, 64, seed), noise(64, 64, seed + 1)]) for seed in range(16)]
    serial = [network(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(network, pictures * 3))
    for i, result in enumerate(threaded):
        np.testing.assert_array_equal(result, serial[i % len(pictures)])


BATCHES = (1, 3, 7, 8, 9, 16, 17, 40)
"""Images alone, several times eight of them together, and what is left of these, on one thread and on three."""


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("runtime", PRECISIONS)
def test_an_image_gets_the_same_in_any_batch(runtime: str, threads: int) -> None:
    network = load_networks(EMBEDDED, runtime, threads).fcn
    images = np.stack([noise(48, 48, seed) for seed in range(max(BATCHES))])
    alone = np.concatenate([network(image[None]) for image in images])
    for size, found in zip(BATCHES, network.map(images[:size] for size in BATCHES), strict=True):
        np.testing.assert_array_equal(found, alone[:size])


def test_a_batch_is_made_while_the_one_before_is_computed(fcn: OpenVinoNetwork) -> None:
    made: list[int] = []

    def batches() -> Iterator[NDArray[np.uint8]]:
        for number in range(4):
            made.append(number)
            yield noise(48, 48, number)[None]

    seen = [len(made) for _ in fcn.map(batches())]
    assert seen == [2, 3, 4, 4]


def test_batches_that_nobody_waits_for_spoil_no_others(fcn: OpenVinoNetwork) -> None:
    def failing() -> Iterator[NDArray[np.uint8]]:
        yield noise(48, 48, 1)[None]
        raise ValueError("no more")

    expected = fcn(noise(48, 48, 0)[None])
    list(fcn.map(noise(48, 48, seed)[None] for seed in range(3)))  # as many requests as are ever needed
    idle = {shape: len(requests) for shape, requests in fcn._idle.items()}
    for _ in range(3):
        left = fcn.map(noise(48, 48, seed)[None] for seed in range(1, 9))
        next(left)
        del left
        with pytest.raises(ValueError, match="no more"):
            list(fcn.map(failing()))
        np.testing.assert_array_equal(fcn(noise(48, 48, 0)[None]), expected)
        assert {shape: len(requests) for shape, requests in fcn._idle.items()} == idle


@pytest.mark.parametrize("runtime", PRECISIONS)
def test_the_same_digits_are_found(
    reference: DigitDetector, real_images: dict[str, Path], runtime: str
) -> None:
    """Checked, too: each finds in the built-in image what the manifest records."""
    detector = load_checked(None, runtime)
    for number, path in real_images.items():
        expected, found = (each.detect(path.read_bytes()) for each in (reference, detector))
        assert [n.text for n in found.numbers] == [n.text for n in expected.numbers] == [number]
        overlap = iou(found.digits.boxes, expected.digits.boxes)
        np.testing.assert_array_less(0.9, overlap.max(axis=1))
        best = overlap.argmax(axis=1)
        np.testing.assert_array_equal(found.digits.labels, expected.digits.labels[best])
        own = (
            reference.manifest.operating_point.calibration.inverse
        )  # as probabilities they differ several times more
        np.testing.assert_allclose(
            own(found.digits.scores), own(expected.digits.scores[best]), rtol=0, atol=0.05
        )


ROWS = """
import sys
from detector import DigitDetector
from detector.results.interface import DetectOptions
for runtime in sys.argv[1].split(","):
    detector = DigitDetector.load(runtime=runtime)
    for path in sys.argv[2:]:
        for options in (DetectOptions(), DetectOptions(score_threshold=0.05, exhaustive=True)):
            digits = detector.detect(open(path, "rb").read(), options).digits
            print(digits.boxes.tobytes().hex(), digits.scores.tobytes().hex())
"""


def test_one_thread_and_two_give_the_same_to_the_last_bit(real_images: dict[str, Path]) -> None:
    """Machines with other numbers of cores write the same rows."""
    said = [
        subprocess.run(
            [sys.executable, "-c", ROWS, ",".join(PRECISIONS), *map(str, real_images.values())],
            env={**os.environ, "TF_NUM_INTRAOP_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "5")
    ]
    assert len(said[0]) > 1000
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize(
    ("asked", "has_int8", "able", "chosen"),
    [
        pytest.param(OPENVINO, True, {"INT8", "BF16"}, INT8, id="int8 is fastest"),
        pytest.param(OPENVINO, False, {"INT8", "BF16"}, BFLOAT16, id="the model is not in int8"),
        pytest.param(OPENVINO, False, {"INT8"}, FLOAT32, id="nor has the processor bfloat16"),
        pytest.param(OPENVINO, True, {"FP32"}, FLOAT32, id="the processor has not even int8"),
        pytest.param(FLOAT32, True, {"INT8", "BF16"}, FLOAT32, id="what is asked for"),
        pytest.param(TENSORFLOW, True, {"INT8", "BF16"}, TENSORFLOW, id="the reference"),
    ],
)
def test_the_choice_of_a_runtime(
    monkeypatch: pytest.MonkeyPatch, asked: str, has_int8: bool, able: set[str], chosen: str
) -> None:
    monkeypatch.setattr("detector.models.openvino_backend.capabilities", lambda: frozenset(able))
    manifest = read_manifest(EMBEDDED)
    assert chosen_runtime(asked, manifest if has_int8 else replace(manifest, int8={})) == chosen


def test_int8_that_is_not_there_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidOptionError, match="digit-detector-train quantize"):
        chosen_runtime(INT8, replace(read_manifest(EMBEDDED), int8={}))


@pytest.mark.parametrize("runtime", [TENSORFLOW, *PRECISIONS])
def test_info_and_version_tell_the_runtime(runtime: str) -> None:
    """So rows of two are never mixed unnoticed: a folder job refuses to go on with another version."""
    info, manifest = DigitDetector.load(runtime=runtime).info(), read_manifest(EMBEDDED)
    assert info.runtime == runtime
    assert info.version == named_version(manifest, runtime)
    assert (info.version == manifest.version) == (runtime == TENSORFLOW)
    assert info.sha256 == manifest.sha256


def test_a_folder_job_is_not_continued_by_another_runtime(
    real_images: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(real_images["33"].read_bytes())
    command = ["detect-folder", str(tmp_path / "photos"), "--out", str(tmp_path / "out.jsonl")]
    assert main([*command, "--runtime", "openvino-f32"]) == 0
    assert "+openvino-f32" in (tmp_path / "out.jsonl.settings.json").read_text()
    assert main([*command, "--resume", "--runtime", "tensorflow"]) == 2
    assert "+openvino-f32" in capsys.readouterr().err
    assert main([*command, "--resume", "--runtime", "openvino-f32"]) == 0


def test_a_server_says_its_runtime(capsys: pytest.CaptureFixture[str]) -> None:
    command = [*COMMAND, "serve", "--port", "0", "--runtime", "openvino-f32"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[-1]
            assert main(["info", "--server", address]) == 0
        finally:
            process.terminate()
    assert "runtime: openvino-f32\n" in capsys.readouterr().out
    assert process.returncode == 0


def test_a_runtime_is_not_for_a_server_to_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--server", "127.0.0.1:1", "--runtime", "openvino"]) == 2
    assert "a server has its own" in capsys.readouterr().err


def test_options_hold_in_any_runtime(real_images: dict[str, Path]) -> None:
    detector = DigitDetector.load(runtime=FLOAT32)
    many = detector.detect(
        real_images["68"].read_bytes(), DetectOptions(score_threshold=1e-4, exhaustive=True)
    )
    assert len(many.digits) > len(detector.detect(real_images["68"].read_bytes()).digits)


def test_models_that_cannot_be_used_are_refused_alike(tmp_path: Path) -> None:
    for runtime in (TENSORFLOW, OPENVINO):
        with pytest.raises(ModelError, match=r"manifest\.json"):
            DigitDetector.load(tmp_path / "nowhere", runtime=runtime)
