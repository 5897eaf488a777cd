"""What both clients promise, tried on both: retries, turns, deadlines, and the errors of the package."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import pytest

from detector import DigitDetector
from detector.results.errors import (
    DeadlineExceededError,
    DetectorError,
    InvalidRequestError,
    OverloadedError,
    ServiceUnavailableError,
    UnauthenticatedError,
)
from detector.serving.client import AsyncDetectorClient, StreamItem, StreamResult
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, free_port
from tests.detector.serving.kinds import KINDS, AnyClient, Kind
from tests.detector.serving.scripted import ScriptedServer

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
BOTH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


async def _all(client: AnyClient, items: list[StreamItem]) -> list[StreamResult]:
    return [result async for result in client.detect_stream(items)]


CALLS: dict[str, Callable[[AnyClient], Awaitable[object]]] = {
    "detect": lambda client: client.detect(b"image"),
    "detect_stream": lambda client: _all(client, [("a", b"image")]),
    "info": lambda client: client.info(),
}
CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


def ask(kind: Kind, server: str, call: Callable[[AnyClient], Awaitable[object]]) -> object:
    async def once() -> object:
        async with kind(server) as client:
            return await call(client)

    return asyncio.run(once())


@BOTH
@CALL
def test_unavailable_is_tried_again(kind: Kind, call: Callable[[AnyClient], Awaitable[object]]) -> None:
    with ScriptedServer(script=(UNAVAILABLE, UNAVAILABLE)) as server:
        assert ask(kind, server.address, call)
        assert server.calls == 3


@BOTH
def test_a_large_image_is_tried_again_too(kind: Kind) -> None:
    with ScriptedServer(script=(UNAVAILABLE,)) as server:
        ask(kind, server.address, lambda client: client.detect(bytes(3_500_000)))
        assert server.calls == 2, "gRPC forgets calls of more than 256 KB unless it is told not to"


@BOTH
def test_it_gives_up_in_the_end(kind: Kind) -> None:
    with ScriptedServer(script=(UNAVAILABLE,) * 9) as server:
        with pytest.raises(ServiceUnavailableError, match="as told"):
            ask(kind, server.address, CALLS["detect"])
        assert server.calls == 5


@BOTH
@CALL
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequestError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, OverloadedError),  # more load is no help to the overloaded
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceededError),
        (grpc.StatusCode.UNAUTHENTICATED, UnauthenticatedError),
        (grpc.StatusCode.INTERNAL, DetectorError),
    ],
)
def test_other_failures_are_not_tried_again(
    kind: Kind,
    call: Callable[[AnyClient], Awaitable[object]],
    code: grpc.StatusCode,
    error: type[DetectorError],
) -> None:
    with ScriptedServer(script=(code,)) as server:
        with pytest.raises(error, match="as told") as caught:
            ask(kind, server.address, call)
        assert type(caught.value) is error
        assert server.calls == 1


@BOTH
def test_a_stream_that_breaks_has_given_what_it_could(kind: Kind) -> None:
    results = []

    async def call(client: AnyClient) -> None:
        async for result in client.detect_stream([("a", b"1"), ("b", b"2"), ("c", b"3")]):
            results.append(result[0])

    with ScriptedServer(break_stream_after=2) as server:
        with pytest.raises(ServiceUnavailableError):
            ask(kind, server.address, call)
        assert results == ["a", "b"]
        assert server.calls == 1, "what was answered is not asked for again"


@BOTH
@CALL
def test_every_call_has_a_deadline(kind: Kind, call: Callable[[AnyClient], Awaitable[object]]) -> None:
    async def once(address: str) -> None:
        async with kind(address, timeout_s=0.5, stream_timeout_s=0.5) as client:
            await asyncio.wait_for(call(client), PATIENCE_S)

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises((DeadlineExceededError, ServiceUnavailableError)):
            asyncio.run(once(f"127.0.0.1:{silent.getsockname()[1]}"))


async def _names(client: AnyClient, count: int) -> list[str]:
    return [(await client.info()).name for _ in range(count)]


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_several_servers_take_turns_and_stand_in_for_each_other(kind: Kind, host: str) -> None:
    async def call(client: AnyClient) -> None:
        for _ in range(1000):  # until both are connected
            if len(set(await _names(client, 2))) == 2:
                break
        assert sorted(await _names(client, 10)) == ["one"] * 5 + ["two"] * 5
        await asyncio.to_thread(one.stop)
        assert set(await _names(client, 10)) == {"two"}

    with ScriptedServer(name="one") as one, ScriptedServer(name="two") as two:
        ask(kind, f"127.0.0.1:{one.port},{host}:{two.port}", call)


@BOTH
def test_a_server_that_is_not_there_is_passed_over(kind: Kind) -> None:
    with ScriptedServer() as server:
        assert ask(kind, f"127.0.0.1:{free_port()},{server.address}", CALLS["info"])


@BOTH
def test_health(kind: Kind) -> None:
    with RunningServer() as server:
        assert ask(kind, server.address, lambda client: client.is_serving()) is False
        server.open(SlowDetector(opened=True))
        assert ask(kind, server.address, lambda client: client.is_serving()) is True
    with pytest.raises(ServiceUnavailableError):
        ask(kind, server.address, lambda client: client.is_serving())


# What follows is asyncio's alone; the blocking client's streams are in test_service.


def test_the_asynchronous_client_finds_what_the_detector_finds(
    server: RunningServer, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    items: list[StreamItem] = [(number, path.read_bytes()) for number, path in real_images.items()]

    async def source() -> AsyncIterator[StreamItem]:
        for item in items:
            yield item

    async def compare() -> None:
        async with AsyncDetectorClient(server.address) as client:
            assert await client.info() == embedded.info()
            alone = await asyncio.gather(*(client.detect(item[1]) for item in items))
            streamed = [result async for result in client.detect_stream(source())]
        assert [found.numbers for found in alone] == [embedded.detect(item[1]).numbers for item in items]
        assert [name for name, _ in streamed] == list(real_images)
        for (_, result), found in zip(streamed, alone, strict=True):
            assert not isinstance(result, DetectorError)
            assert list(result.digits) == list(found.digits)

    asyncio.run(compare())


def test_a_refusal_of_an_asynchronous_stream_is_told_although_it_still_writes() -> None:
    """Without StreamEnd about a third of them end as INTERNAL."""
    items: list[StreamItem] = [(str(number), bytes(65536)) for number in range(64)]

    async def be_refused(address: str) -> None:
        async with AsyncDetectorClient(address) as client:
            for _ in range(30):
                with pytest.raises(OverloadedError, match="as told"):
                    await _all(client, items)

    with ScriptedServer(script=(grpc.StatusCode.RESOURCE_EXHAUSTED,) * 30) as server:
        asyncio.run(be_refused(server.address))


async def _raising_later() -> AsyncIterator[StreamItem]:
    yield "fine", b"image"
    raise LookupError("the disk is gone")


def _raising() -> Iterator[StreamItem]:
    yield "fine", b"image"
    raise LookupError("the disk is gone")


@pytest.mark.parametrize("source", [_raising, _raising_later])
def test_what_the_source_of_an_asynchronous_stream_raises_comes_out(
    source: Callable[[], AsyncIterator[StreamItem] | Iterator[StreamItem]],
) -> None:
    async def drain(address: str) -> None:
        async with AsyncDetectorClient(address) as client:
            async for _ in client.detect_stream(source()):
                pass

    with ScriptedServer() as server, pytest.raises(LookupError, match="the disk is gone"):
        asyncio.run(drain(server.address))


def test_an_asynchronous_stream_may_be_left_early_and_cancelled() -> None:
    async def leave(address: str) -> None:
        async with AsyncDetectorClient(address) as client:
            results = client.detect_stream((str(number), b"image") for number in range(1000))
            assert (await anext(results))[0] == "0"
            await results.aclose()
            waiting = asyncio.create_task(client.detect(b"image"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await client.info()).name == "scripted"

    with ScriptedServer() as server:
        asyncio.run(leave(server.address))
