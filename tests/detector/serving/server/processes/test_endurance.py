"""A server under more than it can do, and for long: it answers or refuses, and its memory stays what it was."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import PATIENCE_S, RichError, stub
from tests.detector.serving.programs import CLI, Process, memory_mb, own_channel, running, until

CAPACITY = 8
CALLERS = 3 * CAPACITY


@pytest.fixture(scope="module")
def server(checkout: Path) -> Iterator[tuple[Process, str]]:
    with running([*CLI, "--port", "0", "--max-concurrent-images", str(CAPACITY)], checkout) as process:
        yield process, process.address()


def _in_threads(count: int, work: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


class Overload:
    """Three times as many callers as there is room for; each calls again as soon as it is answered or refused."""

    def __init__(self, server: tuple[Process, str], size: tuple[int, int]) -> None:
        self.outcomes: Counter[str] = Counter()
        self.strange: list[grpc.RpcError] = []
        self._process, self._address = server
        self._request = wire.DetectRequest(image=encode("JPEG", scene(size=size)))
        self._done = threading.Event()
        self._threads = _in_threads(CALLERS, self._call)

    def _call(self) -> None:
        with own_channel(self._address) as channel:
            while not self._done.is_set():
                try:
                    stub(channel).Detect(self._request)
                    self.outcomes["answered"] += 1
                except grpc.RpcError as error:
                    self.outcomes["refused"] += 1
                    refusal = RichError.of(error)
                    if refusal.kinds != {"ErrorInfo", "RetryInfo"} or refusal.info.reason != "OVERLOADED":
                        self.strange.append(error)
                    time.sleep(0.05)

    def memory_mb(self) -> float:
        """The server's, now."""
        found = memory_mb(self._process.pid)
        print(f"{found:.0f} MB after {dict(self.outcomes)}")
        return found

    def __enter__(self) -> "Overload":
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        assert self.strange == []
        assert self.outcomes["refused"] > CALLERS, "it was too much for it"


def _soaked(server: tuple[Process, str], images: list[bytes], requests: int) -> None:
    """Memory after `requests` is what it was when the first 200 had been answered."""
    process, address = server
    numbers = itertools.count()
    memory: dict[int, float] = {}
    errors: list[grpc.RpcError] = []

    def call() -> None:
        with own_channel(address) as channel:
            for number in numbers:
                if number >= requests:
                    return
                try:
                    stub(channel).Detect(wire.DetectRequest(image=images[number % len(images)]))
                except grpc.RpcError as error:
                    errors.append(error)
                if number == 200:
                    memory[number] = memory_mb(process.pid)

    for thread in _in_threads(4, call):
        thread.join()
    grown = memory_mb(process.pid) - memory[200]
    print(f"{requests} requests: {grown:+.1f} MB")
    assert errors == []
    assert grown < 20


@pytest.fixture
def images() -> list[bytes]:
    """Of several sizes and formats."""
    sizes = [(48, 32), (61, 47), (96, 64), (33, 120)]
    return [encode(kind, scene(size=size)) for size in sizes for kind in ("PNG", "JPEG")]


@pytest.mark.slow
def test_a_thousand_requests_leave_memory_as_it_was(server: tuple[Process, str], images: list[bytes]) -> None:
    _soaked(server, images, 1000)


@pytest.mark.slow
def test_overload_is_refused_and_leaves_memory_as_it_was(server: tuple[Process, str]) -> None:
    with Overload(server, (320, 240)) as overload:
        until(lambda: overload.outcomes["answered"] >= CAPACITY, "some are answered")
        early = overload.memory_mb()
        until(lambda: overload.outcomes["answered"] >= 5 * CAPACITY, "and more and more")
        until(lambda: overload.outcomes["refused"] > CALLERS, "and others are refused")
        assert abs(overload.memory_mb() - early) < 50


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "message"])
def test_large_requests_that_are_refused_do_not_pile_up(server: tuple[Process, str], kind: str) -> None:
    process, address = server
    zeros = bytes(31 * 2**20)
    request = wire.DetectRequest(image=zeros).SerializeToString() if kind == "image" else zeros
    before = memory_mb(process.pid)
    with own_channel(address, ("grpc.max_send_message_length", -1)) as channel:
        detect = channel.unary_unary("/detector.v1.DigitDetector/Detect")
        for _ in range(40):
            refusal = detect.future(request).exception(PATIENCE_S)
            assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    grown = memory_mb(process.pid) - before
    print(f"40 refused calls: {grown:+.0f} MB")
    assert grown < 600


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_requests_leave_memory_as_it_was(
    server: tuple[Process, str], images: list[bytes], real_images: dict[str, Path]
) -> None:
    _soaked(server, [*images, *(path.read_bytes() for path in real_images.values())], 10_000)


@pytest.mark.soak
def test_overload_for_a_minute_leaves_memory_as_it_was(server: tuple[Process, str]) -> None:
    with Overload(server, (640, 480)) as overload:
        time.sleep(10)
        early, answered = overload.memory_mb(), overload.outcomes["answered"]
        time.sleep(50)
        assert abs(overload.memory_mb() - early) < 50
        assert overload.outcomes["answered"] > answered, "it works all the time"
