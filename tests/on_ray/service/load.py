"""Callers who keep asking, and what they were told."""

import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

import grpc

from detector.results.errors import DetectorError
from tests.on_ray.service.applications import PATIENCE_S, eventually


class Load:
    """So many callers make a call again and again while the block runs.

    Attributes:
        told: how often each answer came: "OK", the name of a status, or of an error of ours.
    """

    def __init__(self, ask: Callable[[], object], callers: int) -> None:
        self.told: Counter[str] = Counter()
        self._ask = ask
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._ask()
            except grpc.RpcError as error:
                self.told[error.code().name] += 1
            except DetectorError as error:
                self.told[f"{type(error).__name__}: {error}"] += 1
            else:
                self.told["OK"] += 1

    def go_on(self) -> None:
        """Waits until every caller has been answered a few times more."""
        enough = self.told["OK"] + 3 * len(self._threads)
        eventually(lambda: self.told["OK"] >= enough, f"callers are answered, not only told {self.told}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
