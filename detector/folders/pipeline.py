"""Files through a detector, in order, whatever becomes of each."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from detector.detections import ImageDetections
from detector.errors import DetectorError, ServiceUnavailableError
from detector.folders.listing import ImageFile
from detector.folders.read_ahead import Contents, read_ahead
from detector.interface import DetectOptions, ImageDetector


@dataclass(frozen=True, eq=False)
class FileResult:
    """What came of one file.

    Attributes:
        image: the file.
        data: its bytes; empty if it could not be read.
        outcome: what was found in it, or why nothing could be.
    """

    image: ImageFile
    data: bytes
    outcome: ImageDetections | DetectorError


def detect_files(
    images: Iterable[ImageFile], detector: ImageDetector, options: DetectOptions
) -> Generator[FileResult]:
    """Detects the digits of each file while the next ones are read.

    Yields:
        One result for each image, in the same order.

    Raises:
        ServiceUnavailableError: if the server goes away, for then every image would fail.
    """
    with closing(read_ahead(images)) as files:
        for image, contents in files:
            data = contents if isinstance(contents, bytes) else b""
            yield FileResult(image, data, _detect(contents, detector, options))


def _detect(
    contents: Contents, detector: ImageDetector, options: DetectOptions
) -> ImageDetections | DetectorError:
    if isinstance(contents, DetectorError):
        return contents
    try:
        return detector.detect(contents, options)
    except ServiceUnavailableError:
        raise
    except DetectorError as error:
        return error
