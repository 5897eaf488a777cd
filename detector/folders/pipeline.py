"""Files through a detector, in order, whatever becomes of each."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from detector.detections import ImageDetections
from detector.errors import DetectorError
from detector.folders.listing import ImageFile
from detector.interface import DetectOptions, ImageDetector


@dataclass(frozen=True, eq=False)
class FileResult:
    """What came of one file.

    Attributes:
        image: the file.
        outcome: what was found in it, or why nothing could be.
    """

    image: ImageFile
    outcome: ImageDetections | DetectorError


def detect_files(
    images: Iterable[ImageFile], detector: ImageDetector, options: DetectOptions
) -> Generator[FileResult]:
    """Detects the digits of each file while the next ones are read.

    Yields:
        One result for each image, in the same order.

    Raises:
        DetectorError: if every image would fail from here on, for example because the server went away.
    """
    taken: deque[ImageFile] = deque()

    def readers() -> Iterator[Callable[[], bytes]]:
        for image in images:
            taken.append(image)
            yield image.read

    with closing(detector.detect_many(readers(), options)) as outcomes:
        for outcome in outcomes:
            yield FileResult(taken.popleft(), outcome)
