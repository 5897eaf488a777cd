"""`DigitDetector.detect_many`: whatever images are given as, in order, a few ahead, errors in their places."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from detector import DetectOptions, DigitDetector
from detector.images.decode import decode_image
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, ImageUnreadableError
from detector.system.prefetch import MAX_ITEMS


def content(found: ImageDetections | DetectorError) -> tuple[object, ...]:
    if isinstance(found, DetectorError):
        return type(found), str(found)
    return found.width_px, found.height_px, found.numbers, found.digits.boxes.tolist()


def test_it_is_detect_for_each_image_whatever_it_is_given_as(
    embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    path = real_images["33"]
    data = path.read_bytes()
    expected = content(embedded.detect(data))
    sources = [path, str(path), data, path.read_bytes, decode_image(data)]
    pairs = list(embedded.detect_many(sources))
    assert [content(found) for _, found in pairs] == [expected] * len(sources)
    assert all(given is source for (given, _), source in zip(pairs, sources, strict=True))


def test_errors_stand_in_their_places_and_the_others_go_on(
    embedded: DigitDetector, real_images: dict[str, Path], tmp_path: Path
) -> None:
    def closed() -> bytes:
        raise ImageUnreadableError("closed")

    good = real_images["68"].read_bytes()
    found = list(
        embedded.detect_many([good, b"", tmp_path / "gone.png", tmp_path, closed, good[:-100], good])
    )
    reasons = [each.reason if isinstance(each, DetectorError) else "" for _, each in found]
    assert reasons == [
        "",
        "IMAGE_EMPTY",
        "IMAGE_UNREADABLE",
        "IMAGE_UNREADABLE",
        "IMAGE_UNREADABLE",
        "IMAGE_UNDECODABLE",
        "",
    ]


def test_an_option_that_one_image_is_too_large_for_is_its_error(embedded: DigitDetector) -> None:
    pixels = [
        np.zeros((40, 40, 3), np.uint8),
        np.zeros((3000, 3000, 3), np.uint8),
        np.zeros((40, 40, 3), np.uint8),
    ]
    found = list(embedded.detect_many(pixels, DetectOptions(min_digit_height_px=2.0)))
    assert [getattr(each, "reason", "") for _, each in found] == ["", "INVALID_OPTION", ""]


def test_images_without_end_are_read_a_few_ahead(embedded: DigitDetector) -> None:
    read = 0

    def without_end() -> Iterator[np.ndarray]:
        nonlocal read
        while True:
            read += 1
            yield np.zeros((33, 33, 3), np.uint8)

    results = embedded.detect_many(without_end())
    for _ in range(3):
        assert not isinstance(next(results)[1], DetectorError)
    results.close()
    assert read <= 3 + MAX_ITEMS


def test_pixels_of_another_kind_end_nothing(embedded: DigitDetector) -> None:
    good, bad = np.zeros((33, 33, 3), np.uint8), np.zeros((33, 33), np.uint8)
    things: list[Any] = [bad, good, bad.astype(np.float32), bytearray(b"x"), None, good]
    found = list(embedded.detect_many(things))
    reasons = [getattr(each, "reason", "") for _, each in found]
    assert reasons == ["IMAGE_TYPE", "", "IMAGE_TYPE", "IMAGE_TYPE", "IMAGE_TYPE", ""]
