"""Work that nobody waits for ends between two steps, and says why."""

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import DetectOptions, DigitDetector
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED
from detector.models.runtimes import load_networks
from detector.pipeline.call import CancellationToken
from detector.results.detections import FloatArray
from detector.results.errors import CallCancelledError, DeadlineExceededError

PICTURE = np.random.default_rng(0).integers(0, 256, (700, 1500, 3), np.uint8)
"""Several tiles at its largest level, and texture in which something may be seen."""
EVERYTHING = DetectOptions(score_threshold=0.0, nms_iou_threshold=1.0)


class CancellingNetwork(Network):
    """A network that has a token cancelled in one of its calls."""

    def __init__(self, network: Network, token: CancellationToken, at_call: int) -> None:
        self._network, self._token, self._at_call = network, token, at_call
        self.parameter_count = network.parameter_count
        self.calls = 0

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        self.calls += 1
        if self.calls == self._at_call:
            self._token.cancel()
        return self._network(images)


def test_a_token_is_silent_until_it_is_cancelled() -> None:
    token = CancellationToken()
    token.raise_if_cancelled()
    threading.Thread(target=token.cancel).start()
    with pytest.raises(CallCancelledError, match="cancelled"):
        _until_raised(token)


def test_a_token_is_silent_until_its_deadline() -> None:
    token = CancellationToken(time.monotonic() + 0.2)
    token.raise_if_cancelled()
    with pytest.raises(DeadlineExceededError, match="deadline"):
        _until_raised(token)


def _until_raised(token: CancellationToken) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        token.raise_if_cancelled()
        time.sleep(0.01)


@pytest.mark.parametrize("at_call", [1, 2])
def test_the_network_is_not_called_again(at_call: int) -> None:
    networks = load_networks(EMBEDDED)
    token = CancellationToken()
    network = CancellingNetwork(networks.fcn, token, at_call)
    with pytest.raises(CallCancelledError):
        DigitDetector(network, networks.manifest).detect(PICTURE, cancellation=token)
    assert network.calls == at_call


@pytest.mark.slow
def test_the_second_network_is_not_called_again() -> None:
    networks = load_networks(EMBEDDED)
    assert networks.refiner is not None
    token = CancellationToken()
    network = CancellingNetwork(networks.refiner, token, 1)
    with pytest.raises(CallCancelledError):
        DigitDetector(networks.fcn, networks.manifest, refiner=network).detect(PICTURE, EVERYTHING, token)
    assert network.calls == 1


def test_nothing_is_begun_after_the_deadline(embedded: DigitDetector) -> None:
    with pytest.raises(DeadlineExceededError):
        embedded.detect(PICTURE, cancellation=CancellationToken(time.monotonic()))


def test_a_token_that_is_not_cancelled_changes_nothing(embedded: DigitDetector) -> None:
    token = CancellationToken(time.monotonic() + 3600)
    small = PICTURE[:100, :200]
    assert list(embedded.detect(small, EVERYTHING, token).digits) == list(
        embedded.detect(small, EVERYTHING).digits
    )
