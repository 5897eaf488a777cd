"""Working ahead: order, bounds, errors, and ends."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.system.prefetch import Reserve, ordered_prefetch


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.005)
    assert condition()  # type: ignore[operator]


@given(
    sizes=st.lists(st.none() | st.integers(0, 200), max_size=30),
    workers=st.integers(1, 4),
    max_items=st.integers(1, 5),
    max_bytes=st.integers(1, 150),
)
def test_every_result_comes_once_and_in_order_within_the_bounds(
    sizes: list[int | None], workers: int, max_items: int, max_bytes: int
) -> None:
    held: dict[int, int] = {}
    broken: list[str] = []

    def work(item: tuple[int, int | None], reserve: Reserve) -> int:
        number, size = item
        if size is not None:
            reserve(size)
            held[number] = size
            if sum(held.values()) > max_bytes and [each for each in held.values() if each] != [size]:
                broken.append(f"{held} at a bound of {max_bytes}")
        return number

    taken = 0

    def items() -> Iterator[tuple[int, int | None]]:
        nonlocal taken
        for item in enumerate(sizes):
            taken += 1
            yield item

    results = []
    for item, result in ordered_prefetch(
        items(), work, workers=workers, max_items=max_items, max_bytes=max_bytes
    ):
        results.append(result)
        assert item[0] == result
        assert taken - len(results) < max_items, "the caller's own counts"
        held.pop(result, None)
    assert results == list(range(len(sizes)))
    assert not broken


def test_work_goes_on_while_the_caller_is_busy() -> None:
    done: list[int] = []

    def work(item: int, reserve: Reserve) -> int:
        done.append(item)
        return item

    results = ordered_prefetch(range(9), work, max_items=4)
    next(results)
    wait_until(lambda: len(done) == 4)
    time.sleep(0.05)
    assert done == [0, 1, 2, 3], "and no further than the bound"
    results.close()


def test_several_workers_work_at_a_time() -> None:
    together = threading.Barrier(3, timeout=30)
    results = ordered_prefetch(range(3), lambda item, reserve: together.wait() * 0 + item, workers=3)
    assert [result for _, result in results] == [0, 1, 2]


def test_a_source_that_blocks_holds_up_nothing_that_came_before() -> None:
    more = threading.Event()

    def items() -> Iterator[int]:
        yield from (0, 1)
        more.wait(30)
        yield 2

    results = ordered_prefetch(items(), lambda item, reserve: item, workers=2)
    assert [next(results)[1], next(results)[1]] == [0, 1]
    assert not more.is_set()
    more.set()
    assert [result for _, result in results] == [2]


def fail(number: int) -> int:
    if number == 2:
        raise KeyError(number)
    return number


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_when_its_turn_has_come(workers: int) -> None:
    results = ordered_prefetch(range(5), lambda item, reserve: fail(item), workers=workers)
    assert [next(results)[1], next(results)[1]] == [0, 1]
    with pytest.raises(KeyError):
        next(results)


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_the_source_comes_after_all_before_it(workers: int) -> None:
    results = ordered_prefetch(map(fail, range(5)), lambda item, reserve: item, workers=workers)
    assert [next(results)[1], next(results)[1]] == [0, 1]
    with pytest.raises(KeyError):
        next(results)


def test_a_caller_that_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    results = ordered_prefetch(range(50), lambda item, reserve: reserve(40), workers=3, max_bytes=100)
    next(results)
    results.close()
    wait_until(lambda: threading.active_count() == before)
