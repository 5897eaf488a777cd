"""Work done in threads ahead of whoever takes its results: in order, within bounds."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_ITEMS = 16
MAX_BYTES = 64 * 1024 * 1024

Item = TypeVar("Item")
Result = TypeVar("Result")
Reserve = Callable[[int], None]
"""Waits until so many bytes may be held; called at most once for an item, before they are allocated."""


def ordered_prefetch(
    items: Iterable[Item],
    work: Callable[[Item, Reserve], Result],
    *,
    workers: int = 1,
    max_items: int = MAX_ITEMS,
    max_bytes: int = MAX_BYTES,
) -> Generator[tuple[Item, Result]]:
    """Works on items in threads while the caller uses earlier results.

    The threads end with the process, and soon after the caller stops early; a source of items that blocks, such as a
    pipe, holds nothing up but the items that are still to come from it.

    Args:
        items: read in a thread, no further ahead than the bounds allow.
        work: makes a result of an item, with a function that reserves the memory for it.
        workers: how many items are worked on at a time.
        max_items: so many items at most are in work, waiting, or with the caller.
        max_bytes: and so many bytes are reserved for them, unless a single item needs more: then it is alone.

    Yields:
        Each item with its result, in the order of `items`.

    Raises:
        BaseException: whatever `work` or `items` raises, when its turn has come.
    """
    queue = _Queue(items, work, max_items, max_bytes)
    for number in range(workers):
        threading.Thread(target=queue.serve, name=f"prefetch-{number}", daemon=True).start()
    try:
        yield from queue.results()
    finally:
        queue.stop()


@dataclass(eq=False)
class _Slot(Generic[Item, Result]):
    """One item on its way; `reserved` is None until it is known how many bytes it needs."""

    item: Item
    reserved: int | None = None
    done: bool = False
    result: Result | None = None
    error: BaseException | None = None

    def take(self) -> Result:
        """Return the result, which from here on the caller alone holds: it may be large."""
        result, self.result = self.result, None
        return result  # type: ignore[return-value]


class _StoppedError(Exception):
    """Nobody wants the results any more."""


class _Queue(Generic[Item, Result]):
    """The slots in order, the caller's own first; one condition guards all of it but the source of items."""

    def __init__(
        self,
        items: Iterable[Item],
        work: Callable[[Item, Reserve], Result],
        max_items: int,
        max_bytes: int,
    ) -> None:
        self._items = iter(items)
        self._work = work
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._slots: deque[_Slot[Item, Result]] = deque()
        self._changed = threading.Condition()
        self._source = threading.Lock()
        self._exhausted = self._stopped = False
        self._source_error: BaseException | None = None

    def serve(self) -> None:
        """Take and work on items until none is left."""
        try:
            while (slot := self._take()) is not None:
                try:
                    slot.result = self._work(slot.item, lambda size, slot=slot: self._reserve(slot, size))  # type: ignore[misc]
                except BaseException as error:
                    slot.error = error
                with self._changed:
                    slot.reserved = slot.reserved or 0
                    slot.done = True
                    self._changed.notify_all()
        except _StoppedError:
            pass

    def results(self) -> Iterator[tuple[Item, Result]]:
        """Yield the results; a slot is kept until the caller comes back for the next one."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._slots[0].done if self._slots else self._exhausted or self._source_error
                )
                if not self._slots:
                    if self._source_error is not None:
                        raise self._source_error
                    return
                slot = self._slots[0]
            if slot.error is not None:
                raise slot.error
            yield slot.item, slot.take()
            with self._changed:
                self._slots.popleft()
                self._changed.notify_all()

    def stop(self) -> None:
        """Lets the threads end when they next look."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _take(self) -> _Slot[Item, Result] | None:
        """Return the next item in a slot at the end of the queue, None if there are no more."""
        with self._source:
            self._wait(lambda: len(self._slots) < self._max_items)
            if self._exhausted or self._source_error is not None:
                return None
            try:
                slot = _Slot[Item, Result](next(self._items))
            except StopIteration:
                slot = None
            except BaseException as error:
                self._source_error, slot = error, None
            with self._changed:
                if slot is None:
                    self._exhausted = True
                else:
                    self._slots.append(slot)
                self._changed.notify_all()
            return slot

    def _reserve(self, slot: _Slot[Item, Result], size: int) -> None:
        """Wait for room. Earlier items go first: a later one would keep the room that the caller waits for."""

        def fits() -> bool:
            earlier = [other.reserved for other in self._slots if other is not slot]
            before = earlier[: self._slots.index(slot)]
            held = sum(reserved or 0 for reserved in earlier)
            return None not in before and (held == 0 or held + size <= self._max_bytes)

        with self._changed:
            self._wait(fits)
            slot.reserved = size
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or condition())
            if self._stopped:
                raise _StoppedError
