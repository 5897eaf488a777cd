"""What a server counts and logs of each call, and the id that the call gets."""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.typing import NDArray

from detector.pipeline.call import CancellationToken
from detector.pipeline.options import DetectOptions
from detector.results.detections import ImageDetections
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.server.settings import WorkLimits
from detector.serving.telemetry.logs import JsonFormatter, TextFormatter
from detector.serving.telemetry.metrics import REGISTRY
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.counts import Sample, of_registry, sample
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, stub

DETECT = "/detector.v1.DigitDetector/Detect"
STREAM = "/detector.v1.DigitDetector/DetectStream"
INFO = "/detector.v1.DigitDetector/GetModelInfo"
IMAGE = encode("PNG", scene(size=(11, 10)))
GOOD = wire.DetectRequest(image=IMAGE)
BAD = wire.DetectRequest(image=b"no image")


class SteppingDetector(SlowDetector):
    """Asks between its steps whether the answer is still wanted, as the real detector does."""

    def detect(
        self, image: NDArray[np.uint8], options: DetectOptions, cancellation: CancellationToken
    ) -> ImageDetections:
        self.began.release()
        while not self.may_go.wait(0.01):
            cancellation.raise_if_cancelled()
        return super().detect(image, options, cancellation)


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with RunningServer(SteppingDetector(opened=True)) as running:
        yield running


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with server.channel() as connected:
        yield connected


@contextmanager
def counted(*expected: tuple[Sample, int]) -> Iterator[None]:
    """What happens meanwhile raises exactly these counts by so much; a call is counted just after its answer."""
    before = of_registry(REGISTRY)
    yield
    wanted = Counter(dict(expected))
    end = time.monotonic() + PATIENCE_S
    while (found := _raised(before)) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    assert found == wanted


def _raised(before: Counter[Sample]) -> Counter[Sample]:
    names = ("requests_total", "rejected_total", "images_total", "digits_total")
    now = of_registry(REGISTRY)
    return +Counter({key: now[key] - before[key] for key in now if key[0].endswith(names)})


def requests(method: str, code: str) -> Sample:
    return sample("requests_total", method=method, code=code)


def rejected(reason: str) -> Sample:
    return sample("rejected_total", reason=reason)


def failed(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def test_answered_images_are_counted(channel: grpc.Channel) -> None:
    with counted((requests(DETECT, "OK"), 3), (sample("images_total"), 3), (sample("digits_total"), 3)):
        for _ in range(3):
            stub(channel).Detect(GOOD)


def test_every_image_of_a_stream_is_counted(channel: grpc.Channel) -> None:
    with counted(
        (requests(STREAM, "OK"), 1),
        (sample("images_total"), 2),
        (sample("digits_total"), 2),
        (rejected("IMAGE_UNDECODABLE"), 1),
    ):
        images = (wire.DetectStreamRequest(request=request) for request in (GOOD, BAD, GOOD))
        assert len(list(stub(channel).DetectStream(images))) == 3


def test_refusals_are_counted_by_their_reason(channel: grpc.Channel) -> None:
    with counted((requests(DETECT, "INVALID_ARGUMENT"), 1), (rejected("IMAGE_UNDECODABLE"), 1)):
        failed(lambda: stub(channel).Detect(BAD))
    with counted((requests(DETECT, "INVALID_ARGUMENT"), 1), (rejected("INVALID_REQUEST"), 1)):
        failed(lambda: channel.unary_unary(DETECT)(b"\xff\xff\xff"))


def test_made_up_methods_are_counted_as_one(channel: grpc.Channel) -> None:
    with counted((requests("unknown", "UNIMPLEMENTED"), 3), (rejected("METHOD_UNKNOWN"), 3)):
        for number in range(3):
            failed(lambda number=number: channel.unary_unary(f"/made.up/Method{number}")(b""))


def test_a_call_that_comes_too_late_and_one_that_is_given_up(
    channel: grpc.Channel, server: RunningServer
) -> None:
    detector = server.detector
    assert isinstance(detector, SteppingDetector)
    detector.may_go.clear()
    with counted((requests(DETECT, "DEADLINE_EXCEEDED"), 1)):
        failed(lambda: stub(channel).Detect(GOOD, timeout=1))  # time enough to reach the server
    while detector.began.acquire(blocking=False):
        pass
    with counted((requests(DETECT, "CANCELLED"), 1)):
        call = stub(channel).Detect.future(GOOD)
        assert detector.began.acquire(timeout=PATIENCE_S)
        call.cancel()


def test_a_message_beyond_the_limit_is_counted_as_cancelled(channel: grpc.Channel) -> None:
    """gRPC refuses it without telling us why."""
    with counted((requests(DETECT, "CANCELLED"), 1)):
        error = failed(lambda: stub(channel).Detect(wire.DetectRequest(image=bytes(MAX_MESSAGE_BYTES))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_full_house() -> None:
    with (
        RunningServer(SlowDetector(), WorkLimits(max_concurrent_images=1)) as full,
        full.channel() as channel,
    ):
        assert isinstance(full.detector, SlowDetector)
        accepted = stub(channel).Detect.future(GOOD)
        assert full.detector.began.acquire(timeout=PATIENCE_S)
        with counted((requests(DETECT, "RESOURCE_EXHAUSTED"), 1), (rejected("OVERLOADED"), 1)):
            failed(lambda: stub(channel).Detect(GOOD))
        full.detector.may_go.set()
        accepted.result(PATIENCE_S)


def test_stages_and_calls_are_timed(channel: grpc.Channel) -> None:
    before = of_registry(REGISTRY)
    with counted((requests(DETECT, "OK"), 1), (sample("images_total"), 1), (sample("digits_total"), 1)):
        stub(channel).Detect(GOOD)
    now = of_registry(REGISTRY)

    def added(name: str, **labels: str) -> float:
        key = sample(name, **labels)
        return now[key] - before[key]

    assert added("stage_seconds_count", stage="decode") == added("stage_seconds_count", stage="queue") == 1
    assert added("stage_seconds_sum", stage="network") == pytest.approx(0.25), "SlowDetector says so"
    assert added("stage_seconds_bucket", stage="network", le="0.1") == 0
    assert added("stage_seconds_bucket", stage="network", le="0.25") == 1
    assert added("request_seconds_count", method=DETECT) == 1
    assert now[sample("resident_memory_bytes")] > 10e6


def test_the_queue_is_as_long_as_images_wait() -> None:
    detector = SlowDetector()
    with RunningServer(detector) as server, server.channel() as channel:
        calls = [stub(channel).Detect.future(GOOD) for _ in range(4)]
        assert detector.began.acquire(timeout=PATIENCE_S)
        end = time.monotonic() + PATIENCE_S
        while of_registry(REGISTRY)[sample("queue_length")] != 3:
            assert time.monotonic() < end, "one is in the network, three wait"
            time.sleep(0.01)
        detector.may_go.set()
        for call in calls:
            call.result(PATIENCE_S)
        assert of_registry(REGISTRY)[sample("queue_length")] == 0


def test_the_model_that_is_served() -> None:
    key = sample("model_processes", name="slow", version="1", sha256="0" * 64)
    with RunningServer(SlowDetector(opened=True)):
        assert of_registry(REGISTRY)[key] == 1
    assert of_registry(REGISTRY)[key] == 0


def request_id_of(call: grpc.Call) -> str:
    (found,) = (value for key, value in call.trailing_metadata() if key == "x-request-id")
    return str(found)


@pytest.mark.parametrize("given", ["a", "7d3f-42", "A.b_c:d/e+f=", "x" * 128])
def test_the_callers_id_comes_back(channel: grpc.Channel, given: str) -> None:
    metadata = (("x-request-id", given),)
    reply, call = stub(channel).Detect.with_call(GOOD, metadata=metadata)
    assert reply.width_px == 11
    assert request_id_of(call) == given
    assert request_id_of(failed(lambda: stub(channel).Detect(BAD, metadata=metadata))) == given
    stream = stub(channel).DetectStream(iter([]), metadata=metadata)
    assert list(stream) == []
    assert request_id_of(stream) == given


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "none was given"),
        ((("x-request-id", ""),), "empty"),
        ((("x-request-id", "x" * 129),), "too long"),
        ((("x-request-id", "a b"),), "a space"),
        ((("x-request-id", 'a"b'),), "a quote"),
        ((("x-request-id", "a"), ("x-request-id", "b")), "two"),
    ],
)
def test_calls_without_a_good_id_get_one(
    channel: grpc.Channel, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    ids = {request_id_of(stub(channel).Detect.with_call(GOOD, metadata=metadata)[1]) for _ in range(3)}
    assert len(ids) == 3, reason
    assert all(re.fullmatch("[0-9a-f]{32}", found) for found in ids), reason


@pytest.mark.parametrize("method", ["/made.up/Method", "/grpc.health.v1.Health/Check"])
def test_other_errors_bring_the_id_back_too(channel: grpc.Channel, method: str) -> None:
    unknown = health_pb2.HealthCheckRequest(service="no such service").SerializeToString()
    metadata = (("x-request-id", "mine"),)
    assert request_id_of(failed(lambda: channel.unary_unary(method)(unknown, metadata=metadata))) == "mine"


class Log(logging.Handler):
    """The lines that a formatter makes of the package's log."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def next_line(self) -> str:
        end = time.monotonic() + PATIENCE_S
        while not self.lines:
            assert time.monotonic() < end, "nothing is logged"
            time.sleep(0.01)
        return self.lines.pop(0)


@contextmanager
def logged(formatter: logging.Formatter) -> Iterator[Log]:
    handler, package = Log(formatter), logging.getLogger("detector")
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        package.removeHandler(handler)
        package.setLevel(level)


def test_a_call_in_json(channel: grpc.Channel) -> None:
    with logged(JsonFormatter()) as log:
        stub(channel).Detect(GOOD, metadata=(("x-request-id", "mine"),))
        row = json.loads(log.next_line())
    assert row["message"] == "call"
    assert (row["method"], row["code"], row["request_id"]) == (DETECT, "OK", "mine")
    assert (row["images"], row["digits"], row["refused"]) == (1, 1, 0)
    assert row["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", row["time"])
    assert "reason" not in row


def test_a_refused_call_in_text(channel: grpc.Channel) -> None:
    with logged(TextFormatter()) as log:
        failed(lambda: stub(channel).Detect(BAD, metadata=(("x-request-id", "mine"),)))
        line = log.next_line()
    assert re.fullmatch(
        rf"\S+ info call method={DETECT} code=INVALID_ARGUMENT reason=IMAGE_UNDECODABLE duration_ms=[0-9.]+ "
        r"request_id=mine peer=ipv4:127\.0\.0\.1:\d+ images=0 digits=0 refused=0",
        line,
    )


def test_health_checks_are_logged_only_if_they_fail(channel: grpc.Channel) -> None:
    with logged(JsonFormatter()) as log:
        check = health_pb2_grpc.HealthStub(channel).Check
        check(health_pb2.HealthCheckRequest())
        failed(lambda: check(health_pb2.HealthCheckRequest(service="no such service")))
        assert json.loads(log.next_line())["code"] == "NOT_FOUND"


def test_the_content_of_images_is_never_logged(channel: grpc.Channel) -> None:
    secret = b"the-owner-of-this-house-is-Smith"
    with logged(JsonFormatter()) as log:
        for image in (
            secret,
            IMAGE + secret,
            b"\x89PNG\r\n\x1a\n" + secret,
            b"BM" + secret,
            b"II*\0" + secret,
        ):
            stub(channel).Detect.future(wire.DetectRequest(image=image)).exception(PATIENCE_S)
            line = log.next_line()
            assert "Smith" not in line
            assert "PNG" not in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_nobody_can_forge_a_line(channel: grpc.Channel, formatter: logging.Formatter) -> None:
    """A path is the caller's; gRPC passes more than printable characters on."""
    with logged(formatter) as log:
        failed(lambda: channel.unary_unary('/x/y"} z code=OK\t{"message": "call"')(b""))
        line = log.next_line()
    assert "\n" not in line
    assert "\t" not in line
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["code"] == "UNIMPLEMENTED"
    else:
        assert line.index("code=UNIMPLEMENTED") > line.index('method="/x/y\\"} z')


class Failing(SlowDetector):
    def detect(self, image: object, options: object, cancellation: object) -> object:  # type: ignore[override]
        raise ZeroDivisionError("nobody foresaw this")


def test_what_nobody_foresaw_is_logged_with_the_calls_id() -> None:
    with (
        RunningServer(Failing(opened=True)) as server,  # type: ignore[arg-type]
        server.channel() as channel,
        logged(JsonFormatter()) as log,
    ):
        error = failed(lambda: stub(channel).Detect(GOOD, metadata=(("x-request-id", "mine"),)))
        row = json.loads(log.next_line())
        assert row["request_id"] == "mine"
        assert "ZeroDivisionError: nobody foresaw this" in row["exception"]
        assert "foresaw" not in str(error.details()), "the caller learns no more than that it failed"
        assert json.loads(log.next_line())["reason"] == "INTERNAL"
