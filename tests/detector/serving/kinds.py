"""Both clients with one face, so that one test suits both."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self

from detector.results.detections import ImageDetections
from detector.results.interface import DetectOptions, ModelInfo
from detector.serving.client import AsyncDetectorClient, DetectorClient, StreamItem, StreamResult


class BlockingClient:
    """`DetectorClient`, its calls awaited in threads."""

    def __init__(self, servers: str, **options: Any) -> None:
        self._client = DetectorClient(servers, **options)

    async def detect(self, image: bytes, options: DetectOptions | None = None) -> ImageDetections:
        return await asyncio.to_thread(self._client.detect, image, options)

    async def detect_stream(self, items: Iterable[StreamItem]) -> AsyncIterator[StreamResult]:
        results = self._client.detect_stream(items)
        end = ("", None)
        while (result := await asyncio.to_thread(next, results, end)) is not end:
            yield result

    async def info(self) -> ModelInfo:
        return await asyncio.to_thread(self._client.info)

    async def is_serving(self) -> bool:
        return await asyncio.to_thread(self._client.is_serving)

    async def __aenter__(self) -> Self:
        self._client.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)


AnyClient = BlockingClient | AsyncDetectorClient
Kind = type[BlockingClient] | type[AsyncDetectorClient]
KINDS: tuple[Kind, ...] = (BlockingClient, AsyncDetectorClient)
