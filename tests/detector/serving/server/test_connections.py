"""What a connection may do below the level of calls, tried by hand; and what gRPC answers without asking us."""

import gzip
import time
from collections.abc import Iterator

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.server.settings import ConnectionLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, stub
from tests.detector.serving.raw_http2 import (
    ENHANCE_YOUR_CALM,
    GOAWAY,
    PING,
    PREFACE,
    SETTINGS,
    RawConnection,
    call,
    frame,
    message,
)

HELLO = PREFACE + frame(SETTINGS)
INVALID_ARGUMENT, RESOURCE_EXHAUSTED = b"\x013", b"\x018"
"""As a header's value: its length, the number in decimal."""

DETECT = "/detector.v1.DigitDetector/Detect"
REQUEST = wire.DetectRequest(image=encode("PNG"))


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(SlowDetector(opened=True)) as running:
        yield running


def answers(server: RunningServer) -> bool:
    with server.channel() as channel:
        return bool(stub(channel).Detect(REQUEST, timeout=PATIENCE_S).width_px == 48)


def test_a_flood_of_pings_is_cut_off(server: RunningServer) -> None:
    with RawConnection(server.address) as connection:
        connection.say(HELLO + frame(PING, b"12345678") * 20)
        assert connection.closed()
        assert b"too_many_pings" in connection.heard
        assert ENHANCE_YOUR_CALM.to_bytes(4, "big") + b"too_many_pings" in connection.heard
    assert answers(server)


def test_a_few_pings_are_not(server: RunningServer) -> None:
    with RawConnection(server.address) as connection:
        connection.say(HELLO + frame(PING, b"12345678"))
        assert connection.hear(frame(PING, b"12345678", flags=1))


@pytest.mark.parametrize("said", [b"", PREFACE[:10]], ids=["nothing", "the beginning of a preface"])
def test_who_does_not_come_to_the_point_is_cut_off(said: bytes) -> None:
    limits = ConnectionLimits(handshake_s=0.5)
    with RunningServer(SlowDetector(opened=True), connections=limits) as server:
        with RawConnection(server.address) as connection:
            connection.say(said)
            assert connection.closed()
        assert answers(server)


def test_connections_beyond_the_limit_are_closed_and_those_before_go_on() -> None:
    limits = ConnectionLimits(connections=2)
    with RunningServer(SlowDetector(opened=True), connections=limits) as server:
        with RawConnection(server.address) as first, RawConnection(server.address) as second:
            for held in (first, second):
                held.say(HELLO)
                assert held.hear(frame(SETTINGS, flags=1))
            with RawConnection(server.address) as third:
                assert third.closed()
            first.say(call(DETECT, message(REQUEST.SerializeToString())))
            assert first.hear(b"grpc-status\x010")
        _until_answers(server)


def _until_answers(server: RunningServer) -> None:
    """The server takes a moment to notice that others have gone."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert answers(server)
            return
        except grpc.RpcError:
            assert time.monotonic() < end


def test_an_old_connection_takes_no_more_calls_and_its_caller_does_not_notice() -> None:
    limits = ConnectionLimits(age_s=0.5, age_grace_s=PATIENCE_S)
    detector = SlowDetector(opened=True)
    with RunningServer(detector, connections=limits) as server:
        with RawConnection(server.address) as connection:
            connection.say(HELLO)
            assert connection.hear(b"max_age")
            assert frame(GOAWAY)[3:4] in connection.heard
        with server.channel() as channel:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert stub(channel).Detect(REQUEST).width_px == 48
            detector.may_go.clear()
            while detector.began.acquire(blocking=False):
                pass
            begun = stub(channel).Detect.future(REQUEST)
            assert detector.began.acquire(timeout=PATIENCE_S)
            time.sleep(1.5)
            detector.may_go.set()
            assert begun.result(PATIENCE_S).width_px == 48, "what has begun is finished"


def test_an_idle_connection_is_closed() -> None:
    limits = ConnectionLimits(idle_s=0.5)
    with (
        RunningServer(SlowDetector(opened=True), connections=limits) as server,
        RawConnection(server.address) as connection,
    ):
        connection.say(HELLO)
        assert connection.closed()


def test_a_vanished_peer_is_noticed() -> None:
    limits = ConnectionLimits(keepalive_s=0.5, keepalive_timeout_s=0.5)
    with (
        RunningServer(SlowDetector(), connections=limits) as server,
        RawConnection(server.address) as connection,
    ):
        connection.say(HELLO + call(DETECT, message(REQUEST.SerializeToString())))
        assert connection.closed(), "it has a call in work, but does not answer pings"


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"", INVALID_ARGUMENT, "no message at all"),
        (b"\0\0\0", INVALID_ARGUMENT, "half a prefix"),
        (message(b"abc", length=7), INVALID_ARGUMENT, "shorter than its prefix says"),
        (message(b"", length=2**32 - 1), RESOURCE_EXHAUSTED, "announces 4 GiB: gRPC refuses it"),
    ],
)
@pytest.mark.parametrize("method", ["Detect", "GetModelInfo"])
def test_calls_that_end_before_their_request_get_an_answer(
    server: RunningServer, method: str, body: bytes, code: bytes, reason: str
) -> None:
    with RawConnection(server.address) as connection:
        connection.say(HELLO + call(f"/detector.v1.DigitDetector/{method}", body))
        assert connection.hear(b"grpc-status"), reason
        assert connection.heard.partition(b"grpc-status")[2][:2] == code, reason
    assert answers(server)


def test_a_small_message_that_unpacks_to_a_large_one_is_refused(server: RunningServer) -> None:
    bomb = gzip.compress(bytes(4 * MAX_MESSAGE_BYTES))
    assert len(bomb) < 200_000
    with RawConnection(server.address) as connection:
        body = message(bomb, compressed=True)
        pieces = [body[i : i + 16384] for i in range(0, len(body), 16384)]
        connection.say(HELLO + call(DETECT, pieces[0], (b"grpc-encoding", b"gzip"))[: -len(pieces[0]) - 9])
        for piece in pieces[:-1]:
            connection.say(frame(0, piece, 0, 1))
        connection.say(frame(0, pieces[-1], 1, 1))
        assert connection.hear(b"grpc-status")
        assert connection.heard.partition(b"grpc-status")[2][:2] in (INVALID_ARGUMENT, RESOURCE_EXHAUSTED)
    assert answers(server)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=400), polite=st.booleans())
def test_noise_on_a_connection_does_no_harm(server: RunningServer, noise: bytes, polite: bool) -> None:
    with RawConnection(server.address) as connection:
        connection.say((HELLO if polite else b"") + noise)
        connection.hear(b"grpc-status", timeout_s=0.02)


def test_the_server_answers_after_all_that_noise(server: RunningServer) -> None:
    assert answers(server)
