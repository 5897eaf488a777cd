"""Who trains a run: one process, or several that share each batch.

Of several, one leads: it alone validates, writes and speaks. The others only compute, and a run looks the same to them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Protocol, Self

import keras

from detector.results.detections import FloatArray
from detector.system.progress_bar import progress_bar

Step = Callable[[FloatArray, FloatArray], float]
"""Trains on a whole batch, images and targets, and gives the batch's loss."""


class Bar(Protocol):
    """A progress bar."""

    def __enter__(self) -> Self:
        """Return the bar itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave the bar as it is."""
        ...

    def update(self) -> object:
        """One step is done."""
        ...

    def write(self, text: str) -> None:
        """Print a line without damage to the bar."""
        ...


class Workers(Protocol):
    """The process that trains, or one of the processes that do."""

    @property
    def is_chief(self) -> bool:
        """Return whether this process validates, writes and speaks."""
        ...

    def broadcast_variables(self, model: keras.Model) -> None:
        """Give every worker the chief's weights and optimiser."""
        ...

    def step_of(self, model: keras.Model) -> Step:
        """Return a step that trains the model on a batch; every worker is given the same batch."""
        ...

    def chief_first(self) -> AbstractContextManager[None]:
        """Let the chief do what is within before the others begin."""
        ...

    def bar(self, total: int, done: int, name: str) -> Bar:
        """Return a progress bar of so many steps, of which some are done."""
        ...


class SingleProcess:
    """One process, with all the threads that TensorFlow takes."""

    is_chief = True

    def broadcast_variables(self, model: keras.Model) -> None:
        """Nobody else is there."""

    def step_of(self, model: keras.Model) -> Step:
        """Keras's own step."""
        return lambda images, targets: float(model.train_on_batch(images, targets))

    def chief_first(self) -> AbstractContextManager[None]:
        """Nobody has to wait."""
        return nullcontext()

    def bar(self, total: int, done: int, name: str) -> Bar:
        """Return a progress bar in this terminal."""
        bar: Bar = progress_bar(total=total, initial=done, unit="step", smoothing=0.05, desc=name)
        return bar


SINGLE_PROCESS = SingleProcess()
