"""Work that is counted, so that whoever ends it can wait for its end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Draining:
    """The open calls of a server.

    Attributes:
        begun: set when no more work is to be taken on.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """While it lasts, a call is open."""
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def drain(self) -> None:
        """Says that no more work is to be taken on, and waits until no call is open."""
        self.begun.set()
        await self._idle.wait()
