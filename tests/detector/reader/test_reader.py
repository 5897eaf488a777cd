"""The front door: images of every form in, the same result out, here and from a server."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import detector
from detector.images.decode import decode_image
from detector.results.errors import (
    DeadlineExceededError,
    DetectorError,
    ImageTooLargeError,
    ImageTypeError,
    ImageUndecodableError,
    ImageUnreadableError,
    InvalidOptionError,
    ModelError,
    ServiceUnavailableError,
)
from detector.serving.client import DetectorClient
from tests.detector.serving.harness import RunningServer, free_port
from tests.documents.pages import CHECKOUT

HOUSE = CHECKOUT / "tests" / "data" / "svhn_train_5.png"


@pytest.fixture(scope="module")
def server(embedded: detector.DigitDetector) -> Iterator[RunningServer]:
    with RunningServer(embedded) as running:
        yield running


@pytest.fixture(scope="module", params=["here", "by a server"])
def reader(
    request: pytest.FixtureRequest, embedded: detector.DigitDetector, server: RunningServer
) -> Iterator[detector.Reader]:
    if request.param == "here":
        yield detector.Reader(embedded)
    else:
        with detector.Client(server.address) as client:
            yield client


def pixels() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return decode_image(HOUSE.read_bytes())


def read_by_pil() -> Image.Image:
    return Image.open(HOUSE)


def turned() -> Image.Image:
    """As a camera held sideways stores it: quarter turned, with the EXIF orientation that turns it back."""
    image = read_by_pil().convert("RGB").transpose(Image.Transpose.ROTATE_90)
    image.getexif()[0x0112] = 6
    return image


def with_alpha() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.dstack([pixels(), np.zeros((*pixels().shape[:2], 1), np.uint8)])


FORMS: dict[str, Callable[[], Any]] = {
    "a path as text": lambda: str(HOUSE),
    "a Path": lambda: HOUSE,
    "bytes": HOUSE.read_bytes,
    "a file object": lambda: io.BytesIO(HOUSE.read_bytes()),
    "an open file": lambda: io.BufferedReader(io.BytesIO(HOUSE.read_bytes())),
    "a PIL image": read_by_pil,
    "a PIL image that its EXIF data turns": turned,
    "a PIL image with alpha": lambda: read_by_pil().convert("RGBA"),
    "RGB pixels": pixels,
    "pixels that are not contiguous": lambda: np.asfortranarray(pixels()),
    "RGBA pixels": with_alpha,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_an_image_gives_the_same(
    reader: detector.Reader, embedded: detector.DigitDetector, form: Callable[[], Any]
) -> None:
    result, expected = reader(form()), embedded.detect(HOUSE.read_bytes())
    assert result.text == "31"
    np.testing.assert_array_equal(result.digits.boxes, expected.digits.boxes)
    np.testing.assert_array_equal(result.digits.scores, expected.digits.scores)
    np.testing.assert_array_equal(result.image, pixels())


def test_pixels_of_opencv(reader: detector.Reader, embedded: detector.DigitDetector) -> None:
    bgr = cv2.imread(str(HOUSE))
    assert bgr is not None
    expected = embedded.detect(pixels())
    result = reader(bgr, channels="bgr")
    np.testing.assert_array_equal(result.digits.scores, expected.digits.scores)
    np.testing.assert_array_equal(
        reader(cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), channels="bgr").image, pixels()
    )
    assert not np.array_equal(reader(bgr).digits.scores, expected.digits.scores), (
        "else the order proves nothing"
    )


@pytest.mark.parametrize("shape", [(), (1,)], ids=["(H, W)", "(H, W, 1)"])
def test_grey_pixels(reader: detector.Reader, shape: tuple[int, ...]) -> None:
    grey = np.asarray(read_by_pil().convert("L"))
    result = reader(grey.reshape(*grey.shape, *shape))
    np.testing.assert_array_equal(result.image, np.repeat(grey[:, :, None], 3, axis=2))
    assert result.text == "31"


def test_16_bits_of_pil(reader: detector.Reader) -> None:
    grey = np.asarray(read_by_pil().convert("L")).astype(np.uint16) * 257
    np.testing.assert_array_equal(reader(Image.fromarray(grey)).image[:, :, 0], grey // 257)


NO_IMAGES: dict[str, tuple[Any, type[Exception], str]] = {
    "a number": (5, ImageTypeError, "int is no image.*NumPy array of uint8"),
    "None, as OpenCV returns for a bad file": (None, ImageTypeError, "NoneType.*path"),
    "a list": ([[1, 2], [3, 4]], ImageTypeError, "list is no image"),
    "float pixels": (np.zeros((9, 9, 3)), ImageTypeError, "float64.*uint8"),
    "a row of pixels": (np.zeros(9, np.uint8), ImageTypeError, r"\(9,\).*\(H, W\)"),
    "two channels": (np.zeros((9, 9, 2), np.uint8), ImageTypeError, "uint8"),
    "a batch": (np.zeros((2, 9, 9, 3), np.uint8), ImageTypeError, "uint8"),
    "no pixels": (np.zeros((0, 9, 3), np.uint8), ImageTypeError, "uint8"),
    "a file of text": (io.StringIO("31"), ImageTypeError, "mode 'rb'"),
    "a closed file": (io.BytesIO(), ImageUnreadableError, "closed"),
    "a PIL image of floats": (Image.new("F", (9, 9)), ImageTypeError, "mode F"),
    "too many pixels": (
        np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)),
        ImageTooLargeError,
        "20000 x 20000",
    ),
    "too large for PIL": (Image.new("1", (20_000, 20_000)), ImageTooLargeError, "20000 x 20000"),
    "no file": ("nowhere.jpg", ImageUnreadableError, "nowhere.jpg.*No such file"),
    "no text for a path": ("a\0b", ImageUnreadableError, "null"),
    "no image format": (b"31", ImageUndecodableError, "image"),
}
NO_IMAGES["a closed file"][0].close()


@pytest.mark.parametrize(("image", "kind", "message"), NO_IMAGES.values(), ids=NO_IMAGES.keys())
def test_what_is_no_image_is_refused_with_what_is_accepted(
    reader: detector.Reader, image: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"(?s){message}") as refusal:
        reader(image)
    assert isinstance(refusal.value, detector.DetectorError)
    assert isinstance(refusal.value, TypeError) == (kind is ImageTypeError)


def test_a_truncated_file_that_pil_has_opened(reader: detector.Reader) -> None:
    data = HOUSE.read_bytes()
    with pytest.raises(ImageUndecodableError, match="truncated"):
        reader(Image.open(io.BytesIO(data[: len(data) // 2])))


def test_the_file_of_a_bad_image_is_named(reader: detector.Reader, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("31")
    for call in (reader, lambda path: list(reader.predict_many([path]))):
        with pytest.raises(ImageUndecodableError) as refusal:
            call(bad)
        assert any(str(bad) in note for note in refusal.value.__notes__)


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a score above 1": ({"min_score": 1.5}, "min_score: must be between 0 and 1, got 1.5"),
    "a score as text": ({"min_score": "0.3"}, "min_score: must be between 0 and 1, got '0.3'"),
    "channels of nobody": ({"channels": "gbr"}, "channels: must be 'rgb' or 'bgr', got 'gbr'"),
    "options as a dictionary": (
        {"options": {"min_score": 1}},
        "options: must be detector.DetectOptions, got dict",
    ),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS.keys())
def test_wrong_options_are_refused_by_name(
    reader: detector.Reader, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOptionError, match=message):
        reader(HOUSE, **options)
    with pytest.raises(InvalidOptionError, match=message):
        reader.predict_many([], **options)


def test_min_score_goes_before_the_options(reader: detector.Reader) -> None:
    options = detector.DetectOptions(score_threshold=0.999999, max_detections=1)
    assert len(reader(HOUSE, options=options).digits) == 0
    assert len(reader(HOUSE, min_score=0.3, options=options).digits) == 1


def test_the_defaults_of_info_change_nothing(reader: detector.Reader) -> None:
    result, again = reader(HOUSE), reader(HOUSE, options=reader.info().defaults)
    assert again.to_dict() == result.to_dict()


def test_many_images_of_a_pattern(reader: detector.Reader, real_images: dict[str, Path]) -> None:
    found = {source: result.text for source, result in reader.predict_many(f"{HOUSE.parent}/svhn*.png")}
    assert found == {str(path): text for text, path in sorted(real_images.items(), key=lambda item: item[1])}


def test_one_bad_image_ends_nothing(reader: detector.Reader) -> None:
    images = [HOUSE, None, np.zeros((9, 9)), "nowhere.jpg", b"31", pixels()]
    found = list(reader.predict_many(images, on_error="return"))  # type: ignore[arg-type]
    assert all(source is image for (source, _), image in zip(found, images, strict=True))
    assert [
        outcome.reason if isinstance(outcome, DetectorError) else outcome.text for _, outcome in found
    ] == [
        "31",
        "IMAGE_TYPE",
        "IMAGE_TYPE",
        "IMAGE_UNREADABLE",
        "IMAGE_UNDECODABLE",
        "31",
    ]


def test_the_first_error_is_raised_unless_it_is_asked_for(reader: detector.Reader) -> None:
    results = reader.predict_many([pixels(), np.zeros((9, 9)), pixels()])
    assert next(results)[1].text == "31"
    with pytest.raises(ImageTypeError, match="float64"):
        next(results)


def test_images_without_end(reader: detector.Reader) -> None:
    results = reader.predict_many(pixels() for _ in iter(int, 1))
    assert [next(results)[1].text for _ in range(3)] == ["31"] * 3
    results.close()


MANY: dict[str, tuple[Any, type[Exception], str]] = {
    "a single array": (pixels(), ImageTypeError, "photos/"),
    "bytes": (b"31", ImageTypeError, "bytes"),
    "a PIL image": (Image.new("L", (9, 9)), ImageTypeError, "iterable of images"),
    "a file object": (io.BytesIO(b"31"), ImageTypeError, "BytesIO"),
    "a number": (5, ImageTypeError, "int"),
    "a pattern that nothing matches": ("nowhere/*.jpg", ImageUnreadableError, "no file matches nowhere"),
    "a folder": (HOUSE.parent, ImageUnreadableError, r"is a folder: name its images, such as .*\*\.jpg"),
}


@pytest.mark.parametrize(("images", "kind", "message"), MANY.values(), ids=MANY.keys())
def test_what_is_not_many_images_is_refused_at_once(
    reader: detector.Reader, images: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        reader.predict_many(images, on_error="return")


def test_a_word_for_errors_that_is_none(reader: detector.Reader) -> None:
    with pytest.raises(InvalidOptionError, match="on_error: must be 'raise' or 'return'"):
        reader.predict_many([], on_error="ignore")  # type: ignore[call-overload]


def test_a_result_says_everything_in_other_forms(reader: detector.Reader) -> None:
    result = reader(HOUSE)
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
    assert [digit["label"] for digit in result.to_dict()["digits"]] == [1, 3]
    table = result.to_pandas()
    assert table["digit"].tolist() == [1, 3]
    assert table["number"].tolist() == ["31", "31"]
    np.testing.assert_array_equal(table[["x_min", "y_min", "x_max", "y_max"]], result.digits.boxes)
    found = result.to_supervision()
    np.testing.assert_array_equal(found.xyxy, result.digits.boxes)
    np.testing.assert_array_equal(found.confidence, result.digits.scores)
    assert found.class_id.tolist() == [1, 3]
    assert found["class_name"].tolist() == ["1", "3"]
    assert repr(result).startswith("<ImageResult '31': 2 digits in 140 x 68 px, svhn-fcn ")


def test_a_result_without_digits_says_so_in_every_form(reader: detector.Reader) -> None:
    result = reader(np.zeros((40, 60), np.uint8))
    assert (result.text, result.numbers, len(result.digits)) == ("", (), 0)
    assert result.to_pandas().shape == (0, 7)
    assert len(result.to_supervision()) == 0
    assert result.annotate().size >= (60, 40)


def test_a_result_draws_itself(reader: detector.Reader, tmp_path: Path) -> None:
    result = reader(HOUSE)
    result.annotate().save(tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as saved:
        assert (saved.format, saved.size) == ("JPEG", result.annotate().size)
    shown = Image.open(io.BytesIO(result._repr_png_() or b""))
    assert shown.format == "PNG"
    np.testing.assert_array_equal(shown, result.annotate())
    large = reader(np.zeros((2000, 3000), np.uint8))
    assert Image.open(io.BytesIO(large._repr_png_() or b"")).size == (1280, 853)


def test_a_file_that_goes_or_changes_is_not_drawn_on(reader: detector.Reader, tmp_path: Path) -> None:
    path = tmp_path / "house.png"
    path.write_bytes(HOUSE.read_bytes())
    result = reader(path)
    Image.new("RGB", (50, 50)).save(path)
    with pytest.raises(ImageUnreadableError, match="another image"):
        result.annotate()
    path.unlink()
    with pytest.raises(ImageUnreadableError, match="No such file"):
        result.annotate()
    assert result._repr_png_() is None
    assert result.text == "31"


WITHOUT = """
import sys
sys.modules["pandas"] = sys.modules["supervision"] = sys.modules["tensorflow"] = sys.modules["keras"] = None
import detector
from detector.results.errors import MissingLibraryError
result = detector.load()(sys.argv[1])
for call in (result.to_pandas, result.to_supervision, lambda: detector.load(runtime="tensorflow")):
    try:
        call()
    except MissingLibraryError as error:
        assert isinstance(error, ImportError)
        print(error)
"""


def test_libraries_that_are_not_there_are_named_with_the_way_to_get_them() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, HOUSE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "to_pandas needs pandas: pip install 'pandas'",
        "to_supervision needs supervision: pip install 'supervision'",
        "the runtime tensorflow needs keras: pip install 'digit-detector[train]'",
    ]


LOADS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no such model": ({"model": "nowhere"}, ModelError, "nowhere"),
    "no such runtime": (
        {"runtime": "onnx"},
        InvalidOptionError,
        "runtime: must be one of openvino, .*got 'onnx'",
    ),
    "no threads": ({"threads": 0}, InvalidOptionError, "threads: must be a whole number from 1 on, got 0"),
}


@pytest.mark.parametrize(("arguments", "kind", "message"), LOADS.values(), ids=LOADS.keys())
def test_what_cannot_be_loaded(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        detector.load(**arguments)


def test_the_number_of_threads_changes_no_result(embedded: detector.DigitDetector) -> None:
    found, expected = detector.load(threads=3)(HOUSE), embedded.detect(HOUSE.read_bytes())
    np.testing.assert_array_equal(found.digits.scores, expected.digits.scores)


def test_a_model_of_ones_own() -> None:
    folder = CHECKOUT / "detector" / "weights"
    info = detector.load(model=str(folder), runtime="openvino-f32").info()
    assert info.runtime == "openvino-f32"


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf"), "60"])
def test_a_timeout_that_leaves_no_time_is_refused(server: RunningServer, timeout_s: Any) -> None:
    with pytest.raises(InvalidOptionError, match="timeout_s: must be a number of seconds above 0"):
        detector.Client(server.address, timeout_s=timeout_s)
    with DetectorClient(server.address) as client, pytest.raises(InvalidOptionError, match="timeout_s"):
        client.detect(HOUSE.read_bytes(), timeout_s=timeout_s)


def test_a_short_timeout_counts() -> None:
    with (
        RunningServer() as loading,
        detector.Client(loading.address, timeout_s=0.001) as client,
        pytest.raises((DeadlineExceededError, ServiceUnavailableError)),
    ):
        client(HOUSE)


def test_a_server_that_is_not_there() -> None:
    with detector.Client(f"127.0.0.1:{free_port()}") as client, pytest.raises(ServiceUnavailableError):
        client(HOUSE)


def test_the_names_of_the_package_are_listed() -> None:
    assert set(detector.__all__) <= set(dir(detector))
    assert "__version__" in dir(detector)
