"""The application behind the page: the page itself, its samples, and pictures in, rows out.

    GET  /                          the page
    GET  /samples/NAME              a sample
    POST /detect?min_score=0.3      the body is a picture; the answer is the row that `digit-detector detect --json`
                                    prints, or its `error` with a status of HTTP
    POST /preview                   the body is a picture; the answer is a small JPEG of it, for browsers that do not
                                    show its format

Nothing that comes in is written anywhere.
"""

import asyncio
import json
import logging
from importlib.resources import files
from io import BytesIO
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from detector.folders.report.pictures import PICTURE_PX, save_small
from detector.folders.rows import detections_row, error_row
from detector.images.decode import decode_image
from detector.pages.page import Page, json_in_page
from detector.pipeline.detector import DigitDetector
from detector.results import errors
from detector.results.errors import DetectorError, InvalidOptionError
from detector.results.interface import MAX_MESSAGE_BYTES, DetectOptions, with_min_score
from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.server.settings import WorkLimits
from detector.web.uploads import UploadSlots, cancel_on_disconnect, read_picture

MAX_CONCURRENT_UPLOADS = 8
"""Pictures on their way in, waiting or in work; one more is refused."""

STATUSES: dict[type[DetectorError], int] = {
    errors.InvalidRequestError: 400,
    errors.ImageTooLargeError: 413,
    errors.OverloadedError: 503,
    errors.ServiceUnavailableError: 503,
    errors.DeadlineExceededError: 408,
    errors.CallCancelledError: 499,
    DetectorError: 500,
}
"""HTTP's word for each error, and for those that derive from it."""

_SAMPLES = files("detector") / "samples"
_log = logging.getLogger(__name__)


class TryPage:
    """Answers the page's requests with one detector."""

    def __init__(self, detector: DigitDetector) -> None:
        self._queue = InferenceQueue(WorkLimits(max_concurrent_images=MAX_CONCURRENT_UPLOADS))
        self._queue.open(detector)
        self._slots = UploadSlots(MAX_CONCURRENT_UPLOADS)
        self._one_preview = asyncio.Lock()
        self._max_pixels = detector.info().max_pixels
        page = Page.of_package("detector.web")
        self._samples = json.loads((_SAMPLES / "samples.json").read_text(encoding="utf-8"))["images"]
        self._html = page.render(settings=json_in_page(self._settings(detector)))
        self.policy = page.policy(images="'self' blob: data:", connect="'self'") + "; frame-ancestors 'none'"

    def application(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/samples/{name}", self._sample),
                Route("/detect", self._detect, methods=["POST"]),
                Route("/preview", self._preview, methods=["POST"]),
            ],
            exception_handlers={DetectorError: _refuse, Exception: _fail},
        )

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(self._html)

    async def _sample(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not any(sample["file"] == name for sample in self._samples):
            return Response(status_code=404)
        return Response((_SAMPLES / name).read_bytes(), media_type="image/png")

    async def _detect(self, request: Request) -> Response:
        options, name = _asked(request.query_params)
        async with self._slots.take():
            picture = await read_picture(request)
            found = await cancel_on_disconnect(request, self._queue.detect(picture, options))
        return JSONResponse(detections_row(name, found))

    async def _preview(self, request: Request) -> Response:
        async with self._slots.take():
            picture = await read_picture(request)
            async with self._one_preview:
                jpeg = await run_in_threadpool(_small_jpeg, picture, self._max_pixels)
        return Response(jpeg, media_type="image/jpeg")

    def _settings(self, detector: DigitDetector) -> dict[str, Any]:
        """Return what the page's scripts need to know."""
        info = detector.info()
        return {
            "model": f"{info.name} {info.version}",
            "calibrated": detector.manifest.operating_point.is_calibrated,
            "max_bytes": MAX_MESSAGE_BYTES,
            "max_pixels": info.max_pixels,
            "samples": [{"file": sample["file"], "number": sample["number"]} for sample in self._samples],
        }


def _small_jpeg(picture: bytes, max_pixels: int) -> bytes:
    file = BytesIO()
    save_small(Image.fromarray(decode_image(picture, max_pixels)), PICTURE_PX, file, quality=88)
    return file.getvalue()


def _asked(query: QueryParams) -> tuple[DetectOptions, str]:
    """Return what to look for, and what the picture is called.

    Raises:
        InvalidOptionError: if an option is unknown or outside its range.
    """
    for name in query:
        if name not in ("image", "min_score", "exhaustive"):
            raise InvalidOptionError(name, "no such option; there are image, min_score and exhaustive")
    score, exhaustive = query.get("min_score"), query.get("exhaustive", "false")
    if exhaustive not in ("true", "false"):
        raise InvalidOptionError("exhaustive", f"must be true or false, got {exhaustive}")
    options = DetectOptions(exhaustive=exhaustive == "true" or None)
    if score is not None:
        try:
            options = with_min_score(options, float(score))
        except ValueError as error:
            raise InvalidOptionError("min_score", f"must be a number from 0 to 1, got {score}") from error
    return options, query.get("image", "picture")


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, DetectorError)
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    again = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"error": error_row("", error)["error"]}, status, again)


def _fail(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return _refuse(request, DetectorError("the server failed; its log says why"))
