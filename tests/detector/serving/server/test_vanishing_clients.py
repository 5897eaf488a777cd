"""Clients that are killed, that fall silent, or that do not listen to the answers: the others do not notice."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from detector.serving.server.settings import WorkLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, stub
from tests.detector.serving.programs import own_channel, until

CALLER = """
import sys

import grpc
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc
from tests.detector.pictures import encode, scene

channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.enable_http_proxy", 0)])
stub = detector_pb2_grpc.DigitDetectorStub(channel)
print("calls", flush=True)
while True:
    try:
        stub.Detect(wire.DetectRequest(image=encode("PNG", scene(size=(77, 10)))))
    except grpc.RpcError:
        pass  # refused: there was no place
"""


def _request(width: int) -> wire.DetectRequest:
    return wire.DetectRequest(image=encode("PNG", scene(size=(width, 10))))


@contextlib.contextmanager
def _caller(address: str, checkout: Path) -> "Iterator[subprocess.Popen[str]]":
    """A program that calls, with no deadline."""
    command = [sys.executable, "-c", CALLER, address]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        try:
            assert caller.stdout.readline() == "calls\n"
            yield caller
        finally:
            caller.kill()


def test_a_client_that_is_killed_while_it_waits_gives_its_place_back(checkout: Path) -> None:
    detector = SlowDetector()
    with (
        RunningServer(detector, WorkLimits(max_concurrent_images=2)) as server,
        own_channel(server.address) as channel,
    ):
        accepted = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        with _caller(server.address, checkout) as caller:
            until(lambda: _is_refused(channel), "two images are admitted")
            caller.send_signal(signal.SIGKILL)
            caller.wait()
        until(lambda: not _is_refused(channel), "one is free again")
        detector.may_go.set()
        assert accepted.result(PATIENCE_S).width_px == 11
        assert stub(channel).Detect(_request(13)).width_px == 13
    assert 77 not in detector.seen, "nobody works for who has gone"


def test_a_client_that_is_killed_while_its_image_is_in_work(checkout: Path) -> None:
    detector = SlowDetector()
    with (
        RunningServer(detector, WorkLimits(max_concurrent_images=1)) as server,
        own_channel(server.address) as channel,
    ):
        with _caller(server.address, checkout) as caller:
            assert detector.began.acquire(timeout=PATIENCE_S)
            caller.send_signal(signal.SIGKILL)
            caller.wait()
        detector.may_go.set()
        until(lambda: not _is_refused(channel), "its place is free when the work is done")
        assert stub(channel).Detect(_request(13)).width_px == 13


def _is_refused(channel: grpc.Channel) -> bool:
    """Return whether there is no place for a call that would wait a moment."""
    error = stub(channel).Detect.future(_request(99), timeout=0.3).exception(PATIENCE_S)
    return error is not None and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_client_that_does_not_read_its_answers_holds_nobody_up() -> None:
    """Its replies are large: the connection fills, and the server waits for it, but not with what others need."""
    sent = 0

    def requests() -> Iterator[wire.DetectStreamRequest]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield wire.DetectStreamRequest(correlation_id="x" * 500_000, request=_request(12))

    limits = WorkLimits(max_concurrent_images=1, stream_window=2)
    with RunningServer(SlowDetector(opened=True), limits) as server:
        with own_channel(server.address) as deaf, own_channel(server.address) as channel:
            replies = stub(deaf).DetectStream(requests())
            next(replies)
            _until_still(lambda: sent)
            assert sent < 100, "it is not read any further"
            assert stub(channel).Detect(_request(13)).width_px == 13
            assert next(stub(channel).DetectStream(iter([wire.DetectStreamRequest(request=_request(14))])))
            replies.cancel()
        with own_channel(server.address) as channel:
            assert stub(channel).Detect(_request(15)).width_px == 15


def _until_still(count: Callable[[], int]) -> None:
    """Waits until a number does not change any more."""
    before, after = -1, count()
    while before != after:
        time.sleep(1)
        before, after = after, count()


def test_connections_that_say_nothing_hold_nobody_up() -> None:
    with RunningServer(SlowDetector(opened=True)) as server, contextlib.ExitStack() as stack:
        host, _, port = server.address.rpartition(":")
        for number in range(100):
            silent = stack.enter_context(socket.create_connection((host, int(port))))
            if number % 2:
                silent.sendall(b"PRI * HTTP/2.0\r\n")  # the first half of a greeting
        with own_channel(server.address) as channel:
            assert stub(channel).Detect(_request(13)).width_px == 13
