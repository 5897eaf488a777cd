"""Tokens over a real socket: who is let in, and what of a refused call is read."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from detector.results.errors import UnauthenticatedError
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.client import DetectorClient
from detector.serving.server.settings import Security
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, RichError, RunningServer, SlowDetector, stub
from tests.detector.serving.server.test_tokens import line

INFO = wire.GetModelInfoRequest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.write_text(line("open-sesame") + line("other-token", "bob"))
    return path


@pytest.fixture
def server(path: Path) -> Iterator[RunningServer]:
    with RunningServer(SlowDetector(opened=True), security=Security(tokens=path)) as running:
        yield running


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with server.channel() as connected:
        yield connected


Metadata = tuple[tuple[str, str], ...]

LET_IN: dict[str, Metadata] = {
    "a token": (("authorization", "Bearer open-sesame"),),
    "another token": (("authorization", "Bearer other-token"),),
    "the scheme is not case-sensitive": (("authorization", "bEARER open-sesame"),),
    "other headers": (("x-other", "1"), ("authorization", "Bearer open-sesame")),
}

REFUSED: dict[str, tuple[Metadata, str]] = {
    "none": ((), "a token is needed"),
    "wrong": ((("authorization", "Bearer close-sesame"),), "does not know"),
    "the beginning of one": ((("authorization", "Bearer open"),), "does not know"),
    "empty": ((("authorization", "Bearer "),), "a token is needed|does not know"),
    "no scheme": ((("authorization", "open-sesame"),), "a token is needed"),
    "another scheme": ((("authorization", "Basic open-sesame"),), "a token is needed"),
    "another header": ((("token", "open-sesame"),), "a token is needed"),
    "two": (
        (("authorization", "Bearer open-sesame"), ("authorization", "Bearer open-sesame")),
        "a token is needed",
    ),
    "very long": ((("authorization", "Bearer " + "x" * 4000),), "does not know"),
}


@pytest.mark.parametrize("metadata", LET_IN.values(), ids=LET_IN.keys())
def test_calls_that_are_let_in(channel: grpc.Channel, metadata: Metadata) -> None:
    assert stub(channel).GetModelInfo(INFO, metadata=metadata).name == "slow"


@pytest.mark.parametrize(("metadata", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_calls_that_are_refused(channel: grpc.Channel, metadata: Metadata, message: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).GetModelInfo(INFO, metadata=metadata)
    error = RichError.of(caught.value)
    assert error.code is grpc.StatusCode.UNAUTHENTICATED
    assert (error.info.reason, error.info.domain) == ("UNAUTHENTICATED", "detector.v1")
    assert re.search(message, error.message)
    assert "sesame" not in error.message, "a token is not repeated"


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("unary_unary", "/detector.v1.DigitDetector/Detect"),
        ("stream_stream", "/detector.v1.DigitDetector/DetectStream"),
        ("stream_stream", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
        ("unary_unary", "/detector.v1.DigitDetector/NoSuchMethod"),
        ("unary_unary", "/grpc.health.v1.HealthNot/Check"),
        ("unary_stream", "/grpc.health.v1.Health/Watch"),
    ],
)
def test_every_method_but_a_health_check_asks_for_a_token(
    channel: grpc.Channel, kind: str, method: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(
            getattr(channel, kind)(method)(
                iter([b""]) if kind == "stream_stream" else b"", timeout=PATIENCE_S
            )
        )
    assert RichError.of(caught.value).code is grpc.StatusCode.UNAUTHENTICATED


def test_a_refused_request_is_not_read(channel: grpc.Channel) -> None:
    """A message beyond the limit is refused as such by whoever reads it."""
    huge = wire.DetectRequest(image=bytes(MAX_MESSAGE_BYTES))
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).Detect(huge)
    assert RichError.of(caught.value).code is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).Detect(huge, metadata=LET_IN["a token"])
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("open_health", [True, False])
def test_health_is_open_or_not(path: Path, open_health: bool) -> None:
    security = Security(tokens=path, open_health=open_health)
    with RunningServer(SlowDetector(opened=True), security=security) as server, server.channel() as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        asked = health_pb2.HealthCheckRequest()
        assert check(asked, metadata=LET_IN["a token"]).status == health_pb2.HealthCheckResponse.SERVING
        if open_health:
            assert check(asked).status == health_pb2.HealthCheckResponse.SERVING
        else:
            with pytest.raises(grpc.RpcError) as caught:
                check(asked)
            assert RichError.of(caught.value).code is grpc.StatusCode.UNAUTHENTICATED


def test_the_client_sends_its_token_and_says_what_is_wrong_with_it(server: RunningServer) -> None:
    with DetectorClient(server.address, token="open-sesame") as client:
        assert client.detect(encode("PNG")).width_px == 48
        assert [name for name, _ in client.detect_stream([("a", encode("PNG"))])] == ["a"]
    with (
        DetectorClient(server.address) as client,
        pytest.raises(UnauthenticatedError, match="a token is needed"),
    ):
        client.detect(encode("PNG"))
    with (
        DetectorClient(server.address, token="close-sesame") as client,
        pytest.raises(UnauthenticatedError, match="does not know"),
    ):
        client.info()


def test_tokens_are_rotated_while_the_server_runs(server: RunningServer, path: Path) -> None:
    with (
        DetectorClient(server.address, token="open-sesame") as old,
        DetectorClient(server.address, token="new") as new,
    ):
        assert old.info().name == "slow"
        with pytest.raises(UnauthenticatedError):
            new.info()
        successor = path.with_suffix(".new")
        successor.write_text(line("open-sesame") + line("new"))
        successor.replace(path)
        _until_let_in(new)
        assert old.info().name == "slow", "both, while callers change over"
        path.write_text(line("new"))
        _until_refused(old)
        assert new.info().name == "slow"


def _until_let_in(client: DetectorClient) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            client.info()
            return
        except UnauthenticatedError:
            assert time.monotonic() < end
            time.sleep(0.1)


def _until_refused(client: DetectorClient) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            client.info()
            time.sleep(0.1)
        except UnauthenticatedError:
            return
    pytest.fail("the old token is still let in")
