"""Many images through the blocking client: in order, patient with a server that is full, and not with a refusal."""

import threading
from typing import Any

import grpc
import pytest

from detector.results.detections import ImageDetections
from detector.results.errors import (
    DeadlineExceededError,
    DetectorError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvalidOptionError,
    OverloadedError,
    ServiceUnavailableError,
    UnauthenticatedError,
)
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.client import DetectorClient
from detector.serving.client import client as client_module
from detector.serving.client.client import BatchSettings
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import PATIENCE_S, RunningServer
from tests.detector.serving.loads import ENDLESS, Stalling
from tests.detector.serving.scripted import ScriptedServer


def unreadable() -> bytes:
    raise ImageUnreadableError("no such file")


def said(result: ImageDetections | DetectorError) -> int | str:
    """The length of the image, which the scripted server answers as its width, or the reason of the error."""
    return result.reason if isinstance(result, DetectorError) else result.width_px


def test_results_come_in_order_with_what_is_wrong_with_an_image_in_its_place() -> None:
    images = [bytes(n) if n % 3 else (lambda n=n: bytes(n)) for n in range(1, 40)]
    with ScriptedServer() as server, DetectorClient(server.address) as client:
        found = [said(result) for _, result in client.detect_many([*images, unreadable, b"last"])]
    assert found == [*range(1, 40), "IMAGE_UNREADABLE", 4]


def test_an_image_that_no_message_holds_is_refused_here() -> None:
    with ScriptedServer() as server, DetectorClient(server.address) as client:
        (_, large), (_, small) = client.detect_many([bytes(MAX_MESSAGE_BYTES), b"small"])
        assert isinstance(large, ImageTooLargeError)
        assert said(small) == 5
        assert server.calls == 1


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE],
)
def test_a_server_that_is_full_slow_or_away_for_a_while_costs_no_image(code: grpc.StatusCode) -> None:
    with ScriptedServer(script=(code,) * 9) as server, DetectorClient(server.address) as client:
        assert [said(result) for _, result in client.detect_many([b"a", b"bb", b"ccc"])] == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, OverloadedError),
        (grpc.StatusCode.UNAVAILABLE, ServiceUnavailableError),
    ],
)
def test_patience_ends(code: grpc.StatusCode, error: type[DetectorError]) -> None:
    hasty = BatchSettings(timeout_s=0.5, patience_s=0.5)
    with (
        ScriptedServer(script=(code,) * 500) as server,
        DetectorClient(server.address, batch=hasty) as client,
        pytest.raises(error),
    ):
        list(client.detect_many([b"a", b"b"]))


def test_a_refusal_of_the_caller_ends_it_at_once() -> None:
    script = (grpc.StatusCode.UNAUTHENTICATED,) * 9
    with ScriptedServer(script=script) as server, DetectorClient(server.address) as client:
        with pytest.raises(UnauthenticatedError):
            list(client.detect_many([b"a"]))
        assert server.calls == 1


class GatheringServer(ScriptedServer):
    """Answers when so many calls are open at the same time, and notes their deadlines."""

    def __init__(self, calls: int) -> None:
        self.deadlines: list[float] = []
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()
        self._gathered = threading.Barrier(calls)
        super().__init__()

    def Detect(self, request: wire.DetectRequest, context: Any) -> wire.DetectResponse:  # noqa: N802
        with self._lock:
            self.deadlines.append(context.time_remaining())
            self._open += 1
            self.most = max(self.most, self._open)
        self._gathered.wait(PATIENCE_S)
        with self._lock:
            self._open -= 1
        return super().Detect(request, context)


@pytest.mark.parametrize("calls", [1, 4])
def test_deadlines_grow_with_the_pixels_under_way(calls: int) -> None:
    megapixel = encode("PNG", scene(size=(1000, 1000)))
    with (
        GatheringServer(calls) as server,
        DetectorClient(server.address, batch=BatchSettings(calls)) as client,
    ):
        assert len(list(client.detect_many([megapixel] * 4))) == 4
    assert server.most == calls, "no more at a time, and no fewer"
    expected = [BatchSettings().timeout_for(min(n + 1, calls)) for n in range(4)]
    assert sorted(server.deadlines) == pytest.approx(sorted(expected), abs=5), "they are 15 s apart"


def test_many_calls_are_under_way_if_as_many_are_asked_for() -> None:
    calls = 20
    with (
        GatheringServer(calls) as server,
        DetectorClient(server.address, batch=BatchSettings(calls)) as client,
    ):
        assert len(list(client.detect_many([b"image"] * calls))) == calls
    assert server.most == calls


@pytest.mark.parametrize("calls", [0, -1])
def test_no_calls_at_all_are_refused(calls: int) -> None:
    with pytest.raises(InvalidOptionError, match="calls: must be at least 1"):
        BatchSettings(calls=calls)


def test_a_deadline_that_is_given_holds_for_every_size() -> None:
    images = [encode("PNG", scene(size=size)) for size in [(1000, 1000), (48, 32)]] + [b"no image"]
    batch = BatchSettings(calls=1, timeout_s=33)
    with GatheringServer(1) as server, DetectorClient(server.address, batch=batch) as client:
        assert len(list(client.detect_many(images))) == 3
    assert server.deadlines == pytest.approx([33] * 3, abs=5)


def test_an_image_that_takes_too_long_is_that_images_result_and_not_its_neighbours() -> None:
    images = [encode("PNG", scene(size=(width, 10))) for width in (11, ENDLESS, 12, ENDLESS, 13)]
    batch = BatchSettings(calls=3, timeout_s=5)
    with RunningServer(Stalling()) as server, DetectorClient(server.address, batch=batch) as client:
        results = [result for _, result in client.detect_many(images)]
    assert [said(result) for result in results] == [11, "DEADLINE_EXCEEDED", 12, "DEADLINE_EXCEEDED", 13]
    assert "within 5 s" in str(results[1])
    assert "--timeout" in str(results[1])


class SilentServer(ScriptedServer):
    """Takes calls and answers none."""

    def _follow_script(self, context: Any) -> None:
        super()._follow_script(context)
        threading.Event().wait(context.time_remaining() + 1)


def test_a_server_that_has_fallen_silent_is_to_blame_for_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_INFO_TIMEOUT_S", 0.5)
    batch = BatchSettings(timeout_s=0.5, patience_s=0.5)
    with (
        SilentServer() as server,
        DetectorClient(server.address, batch=batch) as client,
        pytest.raises(DeadlineExceededError),
    ):
        list(client.detect_many([b"a", b"b"]))
