"""Bounded work: what does not fit is refused at once, what comes too late is never done."""

import time

import grpc
import pytest

from detector.results.errors import DeadlineExceededError, OverloadedError, ServiceUnavailableError
from detector.serving.client import DetectorClient
from detector.serving.server.settings import WorkLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import PATIENCE_S, RichError, RunningServer, SlowDetector, stub


def _request(width: int) -> wire.DetectRequest:
    return wire.DetectRequest(image=encode("PNG", scene(size=(width, 10))))


def _stream_request(width: int) -> wire.DetectStreamRequest:
    return wire.DetectStreamRequest(correlation_id=str(width), request=_request(width))


def test_a_full_house_refuses_at_once_and_says_when_to_come_back() -> None:
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(max_concurrent_images=3)) as server, server.channel() as channel:
        accepted = [stub(channel).Detect.future(_request(width)) for width in (11, 12, 13)]
        assert detector.began.acquire(timeout=PATIENCE_S)
        refused = _overloaded(channel)
        assert refused.info.reason == "OVERLOADED"
        assert refused.retry.retry_delay.ToTimedelta().total_seconds() > 0
        detector.may_go.set()
        assert [call.result(PATIENCE_S).width_px for call in accepted] == [11, 12, 13]
        assert stub(channel).Detect(_request(14)).width_px == 14
    # Calls sent at once arrive in any order; what was refused never ran.
    assert sorted(detector.seen) == [11, 12, 13, 14]
    assert detector.seen[-1] == 14


def _overloaded(channel: grpc.Channel) -> RichError:
    """The refusal that comes once as many images are admitted as may be; nothing is answered before."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        probe = stub(channel).Detect.future(_request(99), timeout=0.5)
        error = probe.exception(PATIENCE_S)
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return RichError.of(error)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    raise AssertionError("never refused")


def test_the_client_raises_overload_as_such() -> None:
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(max_concurrent_images=1)) as server, server.channel() as channel:
        accepted = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        with DetectorClient(server.address) as client, pytest.raises(OverloadedError, match="overloaded"):
            client.detect(_request(12).image)
        detector.may_go.set()
        assert accepted.result(PATIENCE_S).width_px == 11


def test_a_stream_waits_for_a_place_instead() -> None:
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(max_concurrent_images=1)) as server, server.channel() as channel:
        accepted = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        replies = stub(channel).DetectStream(iter([_stream_request(12), _stream_request(13)]))
        time.sleep(0.3)
        assert detector.seen == [11]
        detector.may_go.set()
        assert [reply.response.width_px for reply in replies] == [12, 13]
        assert accepted.result(PATIENCE_S).width_px == 11


def test_too_many_streams_are_refused() -> None:
    with (
        RunningServer(SlowDetector(opened=True), WorkLimits(streams=1)) as server,
        server.channel() as channel,
    ):
        requests = _Held(_stream_request(11))
        first = stub(channel).DetectStream(requests)
        assert next(first).response.width_px == 11
        with pytest.raises(grpc.RpcError) as caught:
            list(stub(channel).DetectStream(iter([_stream_request(12)])))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        requests.release()
        assert list(first) == []
        assert [r.response.width_px for r in stub(channel).DetectStream(iter([_stream_request(13)]))] == [13]


class _Held:
    """One request, and then nothing until it is released."""

    def __init__(self, request: wire.DetectStreamRequest) -> None:
        self._requests = [request]
        self._end = 0.0

    def __iter__(self) -> "_Held":
        return self

    def __next__(self) -> wire.DetectStreamRequest:
        if self._requests:
            return self._requests.pop()
        while not self._end:
            time.sleep(0.01)
        raise StopIteration

    def release(self) -> None:
        self._end = time.monotonic()


def test_work_whose_deadline_has_passed_is_never_done() -> None:
    detector = SlowDetector()
    with (
        RunningServer(detector) as server,
        DetectorClient(server.address) as client,
        server.channel() as channel,
    ):
        accepted = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        for width in (12, 13):
            with pytest.raises(DeadlineExceededError):
                client.detect(_request(width).image, timeout_s=0.3)
        detector.may_go.set()
        assert accepted.result(PATIENCE_S).width_px == 11
        assert client.detect(_request(14).image).width_px == 14
    assert detector.seen == [11, 14]


def test_a_cancelled_call_frees_its_place() -> None:
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(max_concurrent_images=2)) as server, server.channel() as channel:
        accepted = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        waiting = stub(channel).Detect.future(_request(12))
        _overloaded(channel)
        waiting.cancel()
        next_one = _accepted_again(channel)
        detector.may_go.set()
        assert accepted.result(PATIENCE_S).width_px == 11
        assert next_one.result(PATIENCE_S).width_px == 13
    assert 12 not in detector.seen


def _accepted_again(channel: grpc.Channel) -> grpc.Future:
    """A call that is waiting in the queue, not refused: a refusal comes at once."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        call = stub(channel).Detect.future(_request(13))
        time.sleep(0.3)
        if not call.done():
            return call
        assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    raise AssertionError("the place was never free again")


def test_work_that_is_cancelled_in_the_network_keeps_its_place_until_it_ends() -> None:
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(max_concurrent_images=1)) as server, server.channel() as channel:
        abandoned = stub(channel).Detect.future(_request(11))
        assert detector.began.acquire(timeout=PATIENCE_S)
        abandoned.cancel()
        time.sleep(0.2)
        with pytest.raises(grpc.RpcError) as caught:
            stub(channel).Detect(_request(12))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        detector.may_go.set()
        with DetectorClient(server.address) as client:
            assert _patiently(client, _request(13).image) == 13
    assert detector.seen == [11, 13]


def _patiently(client: DetectorClient, image: bytes) -> int:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.detect(image).width_px
        except OverloadedError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_deadline_of_a_stream_holds_for_all_of_it() -> None:
    with (
        RunningServer(SlowDetector()) as server,
        DetectorClient(server.address) as client,
        pytest.raises(DeadlineExceededError),
    ):
        list(client.detect_stream([("a", _request(11).image)], timeout_s=0.5))


def test_before_the_model_is_loaded_all_work_is_refused_as_unavailable() -> None:
    with RunningServer() as server, server.channel() as channel:
        for call, argument in (
            (stub(channel).Detect, _request(11)),
            (stub(channel).GetModelInfo, wire.GetModelInfoRequest()),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(argument)
            error = RichError.of(caught.value)
            assert error.code is grpc.StatusCode.UNAVAILABLE
            assert error.kinds == {"ErrorInfo", "RetryInfo"}
        (reply,) = stub(channel).DetectStream(iter([_stream_request(11)]))
        assert RichError(reply.error).code is grpc.StatusCode.UNAVAILABLE


def test_the_client_waits_a_little_for_a_server_that_is_not_ready() -> None:
    with RunningServer() as server, DetectorClient(server.address) as client:
        asked = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match="loading"):
            client.info()
        assert time.monotonic() - asked > 0.3, "it has tried again"
        server.open(SlowDetector(opened=True))
        assert client.info().name == "slow"
