"""What tests of trainings share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """Trainings of a few steps run without graphs, whose tracing takes longer; those of commands do have graphs."""
    import tensorflow as tf  # noqa: PLC0415 - it takes seconds

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
