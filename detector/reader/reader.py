"""`detector.load` and `detector.Client`: the same calls and results, in this process and by a server."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, overload

import numpy as np
from PIL import Image

from detector.folders.listing import matching_files
from detector.images.image_sources import ACCEPTED, AnyImage, Channels, GivenImage, Pixels
from detector.models.runtimes import OPENVINO
from detector.pipeline.detector import DigitDetector
from detector.reader.image_result import ImageResult
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, ImageTypeError, ImageUnreadableError, InvalidOptionError
from detector.results.interface import MAX_PIXELS, DetectOptions, ModelInfo, with_min_score

if TYPE_CHECKING:
    from detector.serving.client.connection import Tls

OnError = Literal["raise", "return"]


def load(
    model: str | os.PathLike[str] | None = None, runtime: str = OPENVINO, threads: int | None = None
) -> "Reader":
    """Load a model, and return what reads images with it.

    Args:
        model: the model's folder; None for the one that comes with the package.
        runtime: what computes it: "openvino" in the precision that is fastest and right on this processor,
            "openvino-int8", "openvino-bf16", "openvino-f32", or "tensorflow" (with `digit-detector[train]`).
        threads: how many threads compute at a time; None for one per core.

    Raises:
        ModelError: if a file of the model is missing or damaged.
        InvalidOptionError: if the runtime or the number of threads is invalid, or a library for it is not installed.
    """
    folder = None if model is None else Path(model)
    return Reader(DigitDetector.load(folder, runtime=runtime, threads=threads))


@dataclass(frozen=True)
class _Load:
    """An image on its way to the detector, which calls this when its turn has come."""

    image: AnyImage
    given: GivenImage
    send: Callable[[GivenImage], Any]

    def __call__(self) -> Any:
        return self.send(self.given)


class _Detector(Protocol):
    """A reader's source of results: a detector in this process, or the client of a server."""

    def detect(self, image: Any, options: DetectOptions | None = None) -> ImageDetections: ...

    def detect_many(
        self, images: Iterable["_Load"], options: DetectOptions | None = None
    ) -> Generator[tuple["_Load", ImageDetections | DetectorError]]: ...

    def info(self) -> ModelInfo: ...


class Reader:
    """Reads the numbers in images; `detector.load` makes one. Any thread may call it.

    Args:
        detector: what detects.
    """

    def __init__(self, detector: DigitDetector) -> None:
        self._detector: _Detector = detector
        self._max_pixels = detector.info().max_pixels

    def __call__(
        self,
        image: AnyImage,
        *,
        channels: Channels = "rgb",
        min_score: float | None = None,
        options: DetectOptions | None = None,
    ) -> ImageResult:
        """Read one image.

        Args:
            image: a path, encoded bytes, a binary file object, a PIL image (shown by its EXIF orientation), or a uint8
                array: (H, W) grey, (H, W, 3), or (H, W, 4) with an alpha channel, which is dropped.
            channels: the order of colours in an array; "bgr" for what OpenCV reads.
            min_score: keep every digit with at least this score, 0..1; None for the model's own rule.
            options: everything else that can be asked for; `min_score` goes before its `score_threshold`.

        Raises:
            InvalidRequestError: the image or an option is at fault; an ImageTypeError names the images that are taken.
            DetectorError: of a `Client`, if the server does not answer, see `detector.results.errors`.
        """
        given = GivenImage(image, channels, self._max_pixels)
        try:
            found = self._detector.detect(self._sent(given), _with_score(options, min_score))
        except DetectorError as error:
            _name_image(error, image)
            raise
        return ImageResult(**vars(found), given=given)

    @overload
    def predict_many(
        self,
        images: str | os.PathLike[str] | Iterable[AnyImage],
        *,
        channels: Channels = "rgb",
        min_score: float | None = None,
        options: DetectOptions | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> Generator[tuple[AnyImage, ImageResult]]: ...

    @overload
    def predict_many(
        self,
        images: str | os.PathLike[str] | Iterable[AnyImage],
        *,
        channels: Channels = "rgb",
        min_score: float | None = None,
        options: DetectOptions | None = None,
        on_error: OnError,
    ) -> Generator[tuple[AnyImage, ImageResult | DetectorError]]: ...

    def predict_many(
        self,
        images: str | os.PathLike[str] | Iterable[AnyImage],
        *,
        channels: Channels = "rgb",
        min_score: float | None = None,
        options: DetectOptions | None = None,
        on_error: OnError = "raise",
    ) -> Generator[tuple[AnyImage, ImageResult | DetectorError]]:
        """Read many images; the next ones are loaded while the networks run on one.

        Args:
            images: a pattern such as "photos/*.jpg" (`**` stands for any folders), or an iterable, maybe without end.
            channels: as for one image.
            min_score: likewise.
            options: likewise.
            on_error: "raise" the first error of an image, or "return" it in the place of its result and go on.

        Yields:
            Each image as it was given (a pattern's as paths, sorted), in order, with its result.

        Raises:
            ImageUnreadableError: if no file matches the pattern.
            InvalidOptionError, ImageTypeError: if an option is invalid, or `images` is a single image.
            DetectorError: if no more images can be read, for example because the server went away.
        """
        if on_error not in ("raise", "return"):
            raise InvalidOptionError("on_error", f"must be 'raise' or 'return', got {on_error!r}")
        GivenImage(b"", channels, self._max_pixels)  # a wrong order of channels is wrong for all of them
        return self._each(_several(images), channels, _with_score(options, min_score), on_error)

    def info(self) -> ModelInfo:
        """Return the model, its limits and its defaults."""
        return self._detector.info()

    def _each(
        self, images: Iterator[AnyImage], channels: Channels, options: DetectOptions, on_error: OnError
    ) -> Generator[tuple[AnyImage, ImageResult | DetectorError]]:
        loads = (_Load(image, GivenImage(image, channels, self._max_pixels), self._sent) for image in images)
        with closing(self._detector.detect_many(loads, options)) as outcomes:
            for load, outcome in outcomes:
                if isinstance(outcome, ImageDetections):
                    yield load.image, ImageResult(**vars(outcome), given=load.given)
                elif on_error == "return":
                    yield load.image, outcome
                else:
                    _name_image(outcome, load.image)
                    raise outcome

    def _sent(self, image: GivenImage) -> bytes | Pixels:
        """Return the image as the detector takes it."""
        return image.load()


class Client(Reader):
    """A `Reader` whose images a server reads; any thread may call it. Close it, or use it in a `with` block.

    Pixels travel as PNG, so they arrive as they are.

    Args:
        servers: HOST:PORT; several with commas between them take turns.
        tls: how to encrypt, a `detector.serving.client.Tls`; None for a connection in the clear.
        token: the bearer token, where the server asks for one.
        timeout_s: seconds, above 0, until an image fails with DeadlineExceededError; None for 60, and in
            `predict_many` for more where images are large.

    Raises:
        ClientSetupError: if an address, a file of `tls` or the token is no use.
        InvalidOptionError: if the timeout leaves no time.
    """

    def __init__(
        self,
        servers: str,
        *,
        tls: "Tls | None" = None,
        token: str | None = None,
        timeout_s: float | None = None,
    ) -> None:
        from detector.serving.client.batch import BASE_TIMEOUT_S, BatchSettings  # noqa: PLC0415 - gRPC comes in
        from detector.serving.client.client import DetectorClient  # noqa: PLC0415 - with a server only

        self._client = DetectorClient(
            servers,
            tls=tls,
            token=token,
            timeout_s=BASE_TIMEOUT_S if timeout_s is None else timeout_s,
            batch=BatchSettings(timeout_s=timeout_s),
        )
        self._detector = self._client
        self._max_pixels = MAX_PIXELS

    def _sent(self, image: GivenImage) -> bytes:
        return image.encode()

    def close(self) -> None:
        """End the connection; calls in flight fail."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _with_score(options: DetectOptions | None, min_score: float | None) -> DetectOptions:
    """Return the options of a call, `min_score` among them if it is given.

    Raises:
        InvalidOptionError: if one of them is invalid.
    """
    if not isinstance(options, DetectOptions | None):
        raise InvalidOptionError("options", f"must be detector.DetectOptions, got {type(options).__name__}")
    options = options or DetectOptions()
    return options if min_score is None else with_min_score(options, min_score)


def _several(images: Any) -> Iterator[AnyImage]:
    """Return an iterator of the images that `images` stands for.

    Raises:
        ImageUnreadableError: if it is a pattern that no file matches, or a folder.
        ImageTypeError: if it is a single image, or cannot be iterated.
    """
    if isinstance(images, str | os.PathLike):
        pattern = os.fspath(images)
        if Path(pattern).is_dir():
            raise ImageUnreadableError(
                f"{pattern} is a folder: name its images, such as {Path(pattern, '*.jpg')}"
            )
        found = matching_files(pattern)
        if not found:
            raise ImageUnreadableError(f"no file matches {pattern}")
        return iter(found)
    single = isinstance(images, bytes | Image.Image) or hasattr(images, "read")
    if single or not isinstance(images, Iterable) or (isinstance(images, np.ndarray) and images.ndim < 4):
        raise ImageTypeError(
            f"predict_many takes a pattern such as 'photos/*.jpg' or an iterable of images, got "
            f"{type(images).__name__}; each image is {ACCEPTED}"
        )
    return iter(images)


def _name_image(error: DetectorError, image: AnyImage) -> None:
    """Add a note that names the image's file, if it has one."""
    if isinstance(image, str | os.PathLike):
        error.add_note(f"image: {os.fspath(image)}")
