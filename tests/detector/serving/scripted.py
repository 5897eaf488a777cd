"""A small server of plain gRPC that fails as it is told to and remembers what it saw: the other end for our clients."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc

from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc


class ScriptedServer(detector_pb2_grpc.DigitDetectorServicer):
    """Listens on a free loopback port; answers each call with the next code of `script`, then always with OK.

    Replies carry `name` as the model's name. `tokens` is the authorization header of each call, or None.
    """

    def __init__(
        self,
        script: tuple[grpc.StatusCode, ...] = (),
        name: str = "scripted",
        credentials: grpc.ServerCredentials | None = None,
        break_stream_after: int | None = None,
    ) -> None:
        self._script, self._name, self._break_after = list(script), name, break_stream_after
        self.tokens: list[str | None] = []
        self._server = grpc.server(ThreadPoolExecutor(32))
        detector_pb2_grpc.add_DigitDetectorServicer_to_server(self, self._server)
        if credentials is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.address = f"127.0.0.1:{self.port}"
        self._server.start()

    @property
    def calls(self) -> int:
        return len(self.tokens)

    def Detect(self, request: wire.DetectRequest, context: Any) -> wire.DetectResponse:  # noqa: N802
        self._follow_script(context)
        return wire.DetectResponse(width_px=len(request.image), model_name=self._name)

    def GetModelInfo(self, request: wire.GetModelInfoRequest, context: Any) -> wire.ModelInfo:  # noqa: N802
        self._follow_script(context)
        return wire.ModelInfo(name=self._name)

    def DetectStream(  # noqa: N802
        self, requests: Iterator[wire.DetectStreamRequest], context: Any
    ) -> Iterator[wire.DetectStreamResponse]:
        self._follow_script(context)
        for number, request in enumerate(requests):
            if number == self._break_after:
                context.abort(grpc.StatusCode.UNAVAILABLE, "as told")
            reply = wire.DetectResponse(width_px=len(request.request.image), model_name=self._name)
            yield wire.DetectStreamResponse(correlation_id=request.correlation_id, response=reply)

    def _follow_script(self, context: Any) -> None:
        self.tokens.append(dict(context.invocation_metadata()).get("authorization"))
        if self._script:
            context.abort(self._script.pop(0), "as told")

    def stop(self) -> None:
        self._server.stop(None).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
