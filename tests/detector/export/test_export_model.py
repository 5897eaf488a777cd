"""Exports: each is run by its own runtime, and says what the detector's own networks say."""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from detector.cli.main import main
from detector.export.export_model import DESCRIPTION, PIPELINE, export_model
from detector.images.decode import decode_image
from detector.models.export_formats import FORMATS
from detector.models.layers import CHANNELS, RECEPTIVE_FIELD, REFINER_WINDOW, STRIDE
from detector.models.model_files import EMBEDDED, MANIFEST, WEIGHTS, Weights, load_model, save_model
from detector.models.tensorflow_backend import Fcn, Gate, Refiner, networks_of
from detector.pipeline import pyramid
from detector.pipeline.refiner import refiner_windows
from detector.pipeline.score_map import read_windows

pytestmark = pytest.mark.slow

Pictures = NDArray[np.uint8]
Outputs = dict[str, NDArray[np.float32]]
Runtime = Callable[[Pictures], Outputs]

LOGITS = {"rtol": 0, "atol": 1e-4}
"""What runtimes may differ by, in logits: those of this model are some 10 in size, and all compute in float32."""
PIXELS = {"rtol": 0, "atol": 1e-2}
SCORES = {"rtol": 0, "atol": 1e-4}

DEFAULTS = {
    "thresholds", "nms_iou_threshold", "max_detections", "min_digit_height_px",
    "pyramid", "box_height_factor", "refiner", "calibration",
}  # fmt: skip
"""What a program decides with that does what the detector does."""


def tensorflow_runtime(path: Path) -> Runtime:
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda images: {name: np.asarray(o) for name, o in signature(images=tf.constant(images)).items()}


def onnx_runtime(path: Path) -> Runtime:
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {"images": images}), strict=True))


def openvino_runtime(path: Path) -> Runtime:
    import openvino  # noqa: PLC0415

    options = {"INFERENCE_PRECISION_HINT": "f32"}  # its default where the processor can is bfloat16
    model = openvino.Core().compile_model(path, "CPU", options)
    return lambda images: {output.any_name: result for output, result in model(images).items()}


def tflite_runtime(path: Path) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    run = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    return lambda images: run(images=images)  # it resizes the input tensor


RUNTIMES: dict[str, tuple[str, Callable[[Path], Runtime]]] = {
    "savedmodel": ("tensorflow", tensorflow_runtime),
    "onnx": ("onnxruntime", onnx_runtime),
    "openvino": ("openvino", openvino_runtime),
    "tflite": ("ai_edge_litert", tflite_runtime),
}


class Export:
    """The embedded model in one format."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.written = export_model(EMBEDDED, name, folder)
        self.description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))

    def network(self, name: str) -> Runtime:
        return RUNTIMES[self.name][1](self.folder / self.description["networks"][name]["path"])


@pytest.fixture(scope="module", params=FORMATS)
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Export:
    library = RUNTIMES[request.param][0]
    if importlib.util.find_spec(library) is None and os.environ.get("CI") != "true":
        pytest.skip(f"{library} is not installed")
    return Export(request.param, tmp_path_factory.mktemp("exports") / request.param)


@pytest.fixture(scope="module")
def networks() -> tuple[Fcn, Refiner, Gate]:
    fcn, again, gate = networks_of(load_model(EMBEDDED)[0])
    assert again
    assert gate
    return fcn, again, gate


@pytest.fixture(scope="module")
def picture(real_images: dict[str, Path]) -> Pictures:
    return decode_image(real_images["68"].read_bytes())


def test_every_format_has_its_runtime() -> None:
    assert FORMATS.keys() == RUNTIMES.keys()


def test_images_of_several_sizes_get_the_detectors_score_map_and_boxes(
    export: Export, networks: tuple[Fcn, Refiner, Gate], picture: Pictures
) -> None:
    run = export.network("fcn")
    enlarged = next(pyramid.levels(picture, 8, 8)).pixels
    for image in (picture, enlarged, picture[:32, 3:35], picture[:71, :33], picture):
        expected = networks[0](image[None])
        found = run(image[None])
        np.testing.assert_allclose(found["score_map"], expected, **LOGITS)
        rows, columns = np.indices(expected.shape[1:3]).reshape(2, -1)
        centres = np.stack([columns, rows], axis=1) * STRIDE + RECEPTIVE_FIELD / 2
        decoded = read_windows(expected[0].reshape(len(rows), -1), centres, np.ones((1, 2)))
        np.testing.assert_allclose(found["boxes"].reshape(-1, 4), decoded.boxes, **PIXELS)
        np.testing.assert_allclose(found["class_scores"].reshape(-1, 10), decoded.class_scores, **SCORES)
    assert np.ptp(expected) > 5, "the windows differ, so that equality says something"


def test_images_of_a_batch_get_what_each_gets_alone(export: Export, picture: Pictures) -> None:
    run = export.network("fcn")
    batch = np.stack([picture[:64, :64], picture[1:65, 5:69], picture[:64, 10:74]])
    together = run(batch)
    alone = [run(image[None]) for image in batch]
    for name, result in together.items():
        np.testing.assert_allclose(result, np.concatenate([one[name] for one in alone]), **PIXELS)


def test_the_refiner_says_the_same(
    export: Export, networks: tuple[Fcn, Refiner, Gate], picture: Pictures
) -> None:
    boxes = np.array([[10, 8, 22, 34], [25, 8, 40, 34], [0, 0, 20, 12]], np.float32)
    shown = refiner_windows(picture, boxes)
    expected = networks[1](shown)
    found = export.network("refiner")(shown)
    assert found["score_map"].shape == (3, 1, 1, CHANNELS)
    np.testing.assert_allclose(found["score_map"], expected, **LOGITS)
    middle = np.full((3, 2), REFINER_WINDOW / 2)
    decoded = read_windows(expected[:, 0, 0], middle, np.ones((1, 2)))
    np.testing.assert_allclose(found["boxes"][:, 0, 0], decoded.boxes, **PIXELS)
    np.testing.assert_allclose(found["class_scores"][:, 0, 0], decoded.class_scores, **SCORES)


def test_the_gate_says_the_same(
    export: Export, networks: tuple[Fcn, Refiner, Gate], picture: Pictures
) -> None:
    run = export.network("gate")
    for image in (picture, picture[:24, 3:27], picture[:71, :33]):
        expected = networks[2](image[None])
        np.testing.assert_allclose(run(image[None])["score_map"], expected, **LOGITS)
    told = export.description["networks"]["gate"]
    assert expected.shape[1] == (71 - told["window_px"]) // told["stride_px"] + 1
    assert np.ptp(networks[2](picture[None])) > 5, "the cells differ, so that equality says something"


def test_the_description_is_what_is_there(export: Export, picture: Pictures) -> None:
    told = export.description
    assert told["model"]["sha256"] == load_model(EMBEDDED)[1].sha256
    assert told["format"] == export.name
    beside = [DESCRIPTION, PIPELINE] if export.name == "onnx" else [DESCRIPTION]
    assert export.written == [*(network["path"] for network in told["networks"].values()), *beside]
    assert all((export.folder / name).exists() for name in export.written)
    assert len(told["score_map_channels"]) == CHANNELS
    assert told["defaults"].keys() == DEFAULTS
    fcn = told["networks"]["fcn"]
    found = export.network("fcn")(picture[None])
    assert found.keys() == told["outputs"].keys()
    size = (picture.shape[0] - fcn["window_px"]) // fcn["stride_px"] + 1
    for name, output in told["outputs"].items():
        assert found[name].dtype == output["dtype"]
        assert found[name].shape[1] == size
        assert found[name].shape[3] == output["shape"][3]


def test_input_and_output_are_named_in_the_onnx_file(tmp_path: Path) -> None:
    onnx = importlib.import_module("onnx") if os.environ.get("CI") == "true" else pytest.importorskip("onnx")
    export_model(EMBEDDED, "onnx", tmp_path / "out")
    model = onnx.load(tmp_path / "out" / "fcn.onnx")
    onnx.checker.check_model(model)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "images": ["batch", "height", "width", 3],
        "score_map": ["batch", "rows", "columns", 15],
        "boxes": ["batch", "rows", "columns", 4],
        "class_scores": ["batch", "rows", "columns", 10],
    }


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A model without a refiner."""
    weights, manifest = load_model(EMBEDDED)
    save_model(tmp_path / "model", Weights(weights.fcn), manifest)
    return tmp_path / "model"


def test_a_model_without_a_refiner_has_one_network(small_model: Path, tmp_path: Path) -> None:
    assert (
        main(["export", "--format", "tflite", "--model", str(small_model), "--out", f"{tmp_path}/new"]) == 0
    )
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["export.json", "fcn.tflite"]
    assert list(json.loads((tmp_path / "new" / DESCRIPTION).read_text())["networks"]) == ["fcn"]


def test_the_command_names_what_it_wrote_and_prints_no_notices(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = "import sys; from detector.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "export", "--format", "onnx", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    written = ("fcn.onnx", "refiner.onnx", "gate.onnx", DESCRIPTION, PIPELINE)
    assert (done.stdout, done.stderr) == ("", "".join(f"{out / name}\n" for name in written))


def occupy(out: Path, _: Path) -> None:
    out.mkdir()
    (out / "mine").touch()


def put_a_file(out: Path, _: Path) -> None:
    out.write_text("mine")


def put_a_file_above(out: Path, _: Path) -> None:
    out.parent.rmdir()
    out.parent.write_text("mine")


def damage(_: Path, model: Path) -> None:
    (model / WEIGHTS).write_bytes(b"?" * 100)


def lose(_: Path, model: Path) -> None:
    (model / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        pytest.param(occupy, 2, "is there already: remove it or name a new folder", id="folder in use"),
        pytest.param(put_a_file, 2, "is there already", id="a file"),
        pytest.param(put_a_file_above, 3, "nothing was written", id="no folder can be made there"),
        pytest.param(damage, 2, "damaged or replaced", id="damaged weights"),
        pytest.param(lose, 2, "manifest.json", id="no manifest"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    spoil: Callable[[Path, Path], None],
    code: int,
    message: str,
    small_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "place" / "out"
    out.parent.mkdir()
    spoil(out, small_model)
    before = sorted(tmp_path.rglob("*"))
    command = ["export", "--format", "savedmodel", "--model", str(small_model), "--out", str(out)]
    try:
        ended = main(command)
    except SystemExit as end:
        ended = int(end.code or 0)
    assert ended == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("export_format", "library"), [("onnx", "tf2onnx")])
def test_a_missing_library_is_named(
    export_format: str,
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    out = tmp_path / "out"
    assert main(["export", "--format", export_format, "--out", str(out)]) == 2
    assert f"pip install 'digit-detector[{export_format}]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
