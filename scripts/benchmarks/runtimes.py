"""The section about runtimes: the networks exported, and run by other programs than TensorFlow."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Bench, Figure, Picture, Result, Table, medians
from detector.export.export_model import export_model
from detector.images.draw import encode_image
from detector.models.layers import REFINER_WINDOW

REFINED_WINDOWS = 26
"""Windows that the refiner is given at once: those of an image with ten digits."""

Network = Callable[[Picture], NDArray[np.float32]]


def runtimes(bench: Bench) -> list[Result]:
    """Both networks in TensorFlow, ONNX Runtime, OpenVINO and LiteRT, on what detect gives them."""
    work = [("fcn", bench.fcn, [level[None] for level in bench.levels(bench.picture)])]
    if bench.refiner is not None:
        work.append(("refiner", bench.refiner, [_noise()]))
    rows: list[tuple[str | float, ...]] = []
    with TemporaryDirectory() as folder:
        for export_format in ("onnx", "openvino", "tflite"):
            export_model(bench.model, export_format, Path(folder) / export_format)
        for name, network, inputs in work:
            ways: dict[str, Network] = {
                "TensorFlow": network,
                "ONNX Runtime": _onnx_runtime(Path(folder) / "onnx" / f"{name}.onnx"),
                "OpenVINO, float32": _openvino(Path(folder) / "openvino" / f"{name}.xml", "f32"),
                "OpenVINO, bfloat16": _openvino(Path(folder) / "openvino" / f"{name}.xml", "bf16"),
                "LiteRT": _litert(Path(folder) / "tflite" / f"{name}.tflite"),
            }
            rows += _rows(name, ways, inputs, bench.repetitions)
    columns = (
        "network",
        "runtime",
        "ms",
        "TensorFlow's / its",
        "CPU ms",
        "largest difference of a score map",
    )
    return [*_whole(bench), Table(columns, rows)]


def _whole(bench: Bench) -> list[Result]:
    """`detect` of the picture, as `--runtime` has it."""
    data = encode_image(bench.picture, ".jpg")
    slow_seconds, fast_seconds = medians(
        bench.repetitions, lambda: bench.detector.detect(data), lambda: bench.shipped.detect(data)
    )
    return [
        Figure("detect, TensorFlow", 1e3 * slow_seconds, "ms"),
        Figure("detect, OpenVINO", 1e3 * fast_seconds, "ms"),
        Figure("TensorFlow / OpenVINO", slow_seconds / fast_seconds),
    ]


def _rows(
    name: str, ways: dict[str, Network], inputs: list[Picture], repetitions: int
) -> list[tuple[str | float, ...]]:
    expected = [ways["TensorFlow"](images) for images in inputs]
    differences = {
        runtime: max(
            float(np.abs(run(images) - whole).max()) for images, whole in zip(inputs, expected, strict=True)
        )
        for runtime, run in ways.items()
    }
    seconds: dict[str, list[float]] = {runtime: [] for runtime in ways}
    processor: dict[str, list[float]] = {runtime: [] for runtime in ways}
    for _ in range(repetitions):  # in turns; the first call of each was above
        for runtime, run in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for images in inputs:
                run(images)
            seconds[runtime].append(time.perf_counter() - wall)
            processor[runtime].append(time.process_time() - cpu)
    tensorflow = median(seconds["TensorFlow"])
    return [
        (
            name,
            runtime,
            1e3 * median(seconds[runtime]),
            tensorflow / median(seconds[runtime]),
            1e3 * median(processor[runtime]),
            differences[runtime],
        )
        for runtime in ways
    ]


def _noise() -> Picture:
    return np.random.default_rng(0).integers(
        0, 256, (REFINED_WINDOWS, REFINER_WINDOW, REFINER_WINDOW, 3), np.uint8
    )


def _onnx_runtime(path: Path) -> Network:
    import onnxruntime  # noqa: PLC0415 - an extra

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(["score_map"], {"images": images})[0])


def _openvino(path: Path, precision: str) -> Network:
    import openvino  # noqa: PLC0415 - for this section alone

    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return lambda images: np.asarray(model(images)["score_map"])


def _litert(path: Path) -> Network:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - an extra

    threads = os.cpu_count()  # as many as the others take of themselves
    run = Interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
    return lambda images: np.asarray(run(images=images)["score_map"])
