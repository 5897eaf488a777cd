"""The last instants of a server: every call that arrives meanwhile ends with UNAVAILABLE, which clients try again."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from detector.serving.server.settings import Security
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.certificates import Authority
from tests.detector.serving.harness import PATIENCE_S, stub
from tests.detector.serving.programs import Process, running, serving, until
from tests.detector.serving.server.processes.test_several_processes import workers

REQUEST = wire.DetectRequest(image=encode("PNG"))
STREAMED = [wire.DetectStreamRequest(request=REQUEST)] * 3

Ask = Callable[[grpc.Channel], None]


def _call(channel: grpc.Channel) -> None:
    stub(channel).Detect(REQUEST, timeout=PATIENCE_S)


def _stream(channel: grpc.Channel) -> None:
    for reply in stub(channel).DetectStream(iter(STREAMED), timeout=PATIENCE_S):
        assert reply.HasField("response") or reply.error.code == grpc.StatusCode.UNAVAILABLE.value[0]


def _ask_for_info(channel: grpc.Channel) -> None:
    stub(channel).GetModelInfo(wire.GetModelInfoRequest(), timeout=PATIENCE_S)


class PlainStubs:
    """Twelve callers without retries, each with a connection of its own, who ask without a pause."""

    def __init__(self, connect: Callable[[], grpc.Channel], asks: tuple[Ask, ...]) -> None:
        self.told: Counter[str] = Counter()
        self._connect = connect
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(asks[n % len(asks)],)) for n in range(12)]

    def _run(self, ask: Ask) -> None:
        with self._connect() as channel:
            while not self._done.is_set():
                try:
                    ask(channel)
                    self.told["OK"] += 1
                except grpc.RpcError as error:
                    self.told[error.code().name] += 1

    def are_answered(self) -> None:
        """Waits until they have had some answers more."""
        enough = self.told["OK"] + 24
        until(lambda: self.told["OK"] > enough, "they are answered")

    def __enter__(self) -> "PlainStubs":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)


def _connect(address: str, authority: bytes | None = None) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    if authority is None:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority), options)


@pytest.mark.parametrize("tls", [False, True], ids=["in the clear", "TLS"])
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    "asks", [(_call,), (_call, _stream, _ask_for_info)], ids=["calls", "calls and streams"]
)
def test_what_arrives_while_it_closes_is_unavailable(
    checkout: Path, tmp_path: Path, processes: int, tls: bool, asks: tuple[Ask, ...]
) -> None:
    authority, security = None, Security()
    if tls:
        issuer = Authority(tmp_path)
        server = issuer.issue("127.0.0.1")
        authority, security = issuer.certificate.read_bytes(), Security(server.certificate, server.key)
    command = serving("steady", processes=processes, security=security)
    with running(command, checkout) as process:
        address = process.address()
        with PlainStubs(lambda: _connect(address, authority), asks) as stubs:
            stubs.are_answered()
            process.send(signal.SIGTERM)
            assert process.exit_code() == 0, process.errors
        assert "Traceback" not in process.errors
    assert stubs.told["UNAVAILABLE"] > 0
    assert set(stubs.told) == {"OK", "UNAVAILABLE"}


def test_what_arrives_while_one_of_several_leaves_is_unavailable(checkout: Path) -> None:
    with running(serving("steady", processes=2), checkout) as process:
        address = process.address()
        with PlainStubs(lambda: _connect(address), (_call, _stream)) as stubs:
            for _ in range(2):
                stubs.are_answered()
                _leave(process)
            stubs.are_answered()
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors
    assert set(stubs.told) <= {"OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED"}, "one alone may be full"


def _leave(process: Process) -> None:
    leaving = min(workers(process))
    os.kill(leaving, signal.SIGTERM)
    until(lambda: leaving not in workers(process), "it ends")
    until(lambda: len(workers(process)) == 2, "another takes its place")
