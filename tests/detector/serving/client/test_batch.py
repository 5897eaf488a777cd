"""Many images through the blocking client: in order, patient with a server that is full, and not with a refusal."""

import grpc
import pytest

from detector.results.detections import ImageDetections
from detector.results.errors import (
    DetectorError,
    ImageTooLargeError,
    ImageUnreadableError,
    OverloadedError,
    ServiceUnavailableError,
    UnauthenticatedError,
)
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.client import DetectorClient, batch
from tests.detector.serving.scripted import ScriptedServer


def unreadable() -> bytes:
    raise ImageUnreadableError("no such file")


def said(result: ImageDetections | DetectorError) -> int | str:
    """The length of the image, which the scripted server answers as its width, or the reason of the error."""
    return result.reason if isinstance(result, DetectorError) else result.width_px


def test_results_come_in_order_with_what_is_wrong_with_an_image_in_its_place() -> None:
    images = [bytes(n) if n % 3 else (lambda n=n: bytes(n)) for n in range(1, 40)]
    with ScriptedServer() as server, DetectorClient(server.address) as client:
        found = [said(result) for result in client.detect_many([*images, unreadable, b"last"])]
    assert found == [*range(1, 40), "IMAGE_UNREADABLE", 4]


def test_an_image_that_no_message_holds_is_refused_here() -> None:
    with ScriptedServer() as server, DetectorClient(server.address) as client:
        large, small = client.detect_many([bytes(MAX_MESSAGE_BYTES), b"small"])
        assert isinstance(large, ImageTooLargeError)
        assert said(small) == 5
        assert server.calls == 1


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE],
)
def test_a_server_that_is_full_slow_or_away_for_a_while_costs_no_image(code: grpc.StatusCode) -> None:
    with ScriptedServer(script=(code,) * 9) as server, DetectorClient(server.address) as client:
        assert [said(result) for result in client.detect_many([b"a", b"bb", b"ccc"])] == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, OverloadedError),
        (grpc.StatusCode.UNAVAILABLE, ServiceUnavailableError),
    ],
)
def test_patience_ends(
    code: grpc.StatusCode, error: type[DetectorError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "PATIENCE_SECONDS", 0.5)
    with (
        ScriptedServer(script=(code,) * 500) as server,
        DetectorClient(server.address) as client,
        pytest.raises(error),
    ):
        list(client.detect_many([b"a", b"b"]))


def test_a_refusal_of_the_caller_ends_it_at_once() -> None:
    script = (grpc.StatusCode.UNAUTHENTICATED,) * 9
    with ScriptedServer(script=script) as server, DetectorClient(server.address) as client:
        with pytest.raises(UnauthenticatedError):
            list(client.detect_many([b"a"]))
        assert server.calls == 1
