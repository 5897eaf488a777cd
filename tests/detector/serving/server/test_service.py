"""The service does what the detector in this process does, one image at a time or many in a stream."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from detector import DetectOptions, DigitDetector, ImageDetections
from detector.results.errors import DetectorError, ImageUndecodableError
from detector.results.interface import ImageDetector
from detector.serving.client import DetectorClient, StreamItem
from detector.serving.server.service import answered_in_order
from detector.serving.server.settings import WorkLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, stub

SENSITIVE = DetectOptions(score_threshold=0.05)
"""So that even a poor model finds something to compare."""


def _assert_same(one: ImageDetections | DetectorError, other: ImageDetections) -> None:
    assert isinstance(one, ImageDetections)
    assert list(one.digits) == list(other.digits)
    assert one.numbers == other.numbers
    for name in ("width_px", "height_px", "model_name", "model_version"):
        assert getattr(one, name) == getattr(other, name)


def _wide(width: int) -> bytes:
    """An image that `SlowDetector` can be seen to have seen."""
    return encode("PNG", scene(size=(width, 10)))


def test_the_client_is_a_detector(client: DetectorClient, embedded: DigitDetector) -> None:
    detectors: list[ImageDetector] = [client, embedded]
    assert detectors[0].info() == detectors[1].info()


def test_the_server_finds_what_the_detector_finds(
    client: DetectorClient, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    found = 0
    for path in real_images.values():
        data = path.read_bytes()
        for options in (DetectOptions(), SENSITIVE, DetectOptions(score_threshold=0.05, max_detections=1)):
            expected = embedded.detect(data, options)
            _assert_same(client.detect(data, options), expected)
            found += len(expected.digits)
    assert found > 0, "nothing was compared"


def test_the_time_of_every_stage_is_told(
    client: DetectorClient, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    data = real_images["31"].read_bytes()
    stages = client.detect(data).stage_seconds
    assert set(stages) == {"queue", *embedded.detect(data).stage_seconds}
    assert all(seconds >= 0 for seconds in stages.values())
    assert stages["network"] > 0
    assert stages["decode"] > 0


def test_a_stream_answers_in_order_with_each_images_own_options(
    client: DetectorClient, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    items: list[StreamItem] = []
    for name, path in real_images.items():
        items += [(f"{name} plain", path.read_bytes()), (f"{name} sensitive", path.read_bytes(), SENSITIVE)]
    results = list(client.detect_stream(items))
    assert [correlation_id for correlation_id, _ in results] == [item[0] for item in items]
    for (_, result), item in zip(results, items, strict=True):
        _assert_same(result, embedded.detect(*item[1:]))


def test_one_bad_image_in_the_middle_of_a_stream(
    client: DetectorClient, real_images: dict[str, Path]
) -> None:
    good = real_images["31"].read_bytes()
    results = dict(client.detect_stream([("first", good), ("bad", good[:-30]), ("last", good)]))
    assert isinstance(results["first"], ImageDetections)
    assert isinstance(results["bad"], ImageUndecodableError)
    _assert_same(results["last"], results["first"])


def test_an_empty_stream_ends(client: DetectorClient) -> None:
    assert list(client.detect_stream([])) == []


def test_correlation_ids_are_the_callers_business(client: DetectorClient) -> None:
    ids = ["", "twice", "twice", "ünïcödé/\n\0", "x" * 10_000]
    assert [found for found, _ in client.detect_stream((name, _wide(9)) for name in ids)] == ids


def test_a_stream_is_read_no_further_ahead_than_its_window() -> None:
    read: list[int] = []

    def items() -> Iterator[wire.DetectStreamRequest]:
        for number in range(30):
            read.append(number)
            yield wire.DetectStreamRequest(request={"image": noise})

    noise = bytes(4_000_000)  # the connection itself holds some: 14 MB were seen on a busy machine
    detector = SlowDetector()
    with RunningServer(detector, WorkLimits(stream_window=3)) as server, server.channel() as channel:
        first = wire.DetectStreamRequest(correlation_id="first", request={"image": _wide(11)})
        replies = stub(channel).DetectStream(_chain(first, items()))
        assert detector.began.acquire(timeout=PATIENCE_S)
        threading.Event().wait(0.5)
        assert len(read) <= 12
        detector.may_go.set()
        assert next(replies).correlation_id == "first"
        assert len(list(replies)) == 30
    assert len(read) == 30


def _chain(
    first: wire.DetectStreamRequest, rest: Iterator[wire.DetectStreamRequest]
) -> Iterator[wire.DetectStreamRequest]:
    yield first
    yield from rest


def test_a_stream_that_is_given_up_begins_no_more_images() -> None:
    begun: list[str] = []

    async def run() -> None:
        more = asyncio.Event()

        async def requests() -> AsyncIterator[str]:
            yield "first"
            await more.wait()
            yield "second"

        async def answer(request: str) -> str:
            begun.append(request)
            return request

        replies = answered_in_order(requests(), answer, 2, asyncio.Event())
        assert await anext(replies) == "first"
        waiting = asyncio.ensure_future(anext(replies))
        await asyncio.sleep(0.05)
        waiting.cancel()
        more.set()  # it comes at the moment at which its caller goes
        await asyncio.wait([waiting])
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert begun == ["first"]


def test_what_the_source_of_a_stream_raises_comes_out(client: DetectorClient) -> None:
    def items() -> Iterator[StreamItem]:
        yield "fine", _wide(9)
        raise LookupError("the disk is gone")

    with pytest.raises(LookupError, match="the disk is gone"):
        list(client.detect_stream(items()))


def test_a_stream_may_be_left_early(client: DetectorClient) -> None:
    results = client.detect_stream((str(number), _wide(9)) for number in range(1000))
    assert next(results)[0] == "0"
    results.close()  # type: ignore[attr-defined]
    assert client.detect(_wide(9)).width_px == 9


def test_many_callers_get_their_own_answers() -> None:
    widths = range(10, 26)
    answers: dict[int, int] = {}
    with RunningServer(SlowDetector(opened=True)) as server, DetectorClient(server.address) as client:

        def ask(width: int) -> None:
            answers[width] = client.detect(_wide(width)).width_px

        threads = [threading.Thread(target=ask, args=(width,)) for width in widths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert answers == {width: width for width in widths}


class BrokenDetector(SlowDetector):
    def detect(self, image: object, options: object, cancellation: object) -> ImageDetections:
        raise ZeroDivisionError("secret of the house")


def test_a_defect_of_ours_tells_nothing_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with RunningServer(BrokenDetector()) as server, DetectorClient(server.address) as client:
        for _ in range(2):
            with pytest.raises(DetectorError) as caught:
                client.detect(_wide(9))
            assert type(caught.value) is DetectorError
            assert "secret" not in str(caught.value)
        results = list(client.detect_stream([("a", _wide(9)), ("b", _wide(9))]))
    assert [type(result) for _, result in results] == [DetectorError, DetectorError]
    assert "secret of the house" in caplog.text


def test_no_room_in_memory_is_overload() -> None:
    class HungryDetector(SlowDetector):
        def detect(self, image: object, options: object, cancellation: object) -> ImageDetections:
            raise MemoryError

    with RunningServer(HungryDetector()) as server, server.channel() as channel:
        with pytest.raises(grpc.RpcError) as caught:
            stub(channel).Detect(wire.DetectRequest(image=_wide(9)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
