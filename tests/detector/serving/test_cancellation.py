"""Work whose caller has gone, or whose deadline has passed, ends between two tiles, and the next image starts."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from detector import DigitDetector
from detector.images.draw import encode_image
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED
from detector.models.runtimes import load_networks
from detector.results.detections import FloatArray
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.harness import PATIENCE_S, RunningServer, stub
from tests.detector.serving.programs import own_channel

LARGE = encode_image(np.zeros((2500, 2500, 3), np.uint8), ".png")
"""Many tiles, and nothing in any of them."""
SMALL = encode_image(np.zeros((64, 64, 3), np.uint8), ".png")

CALLER = """
import sys
from pathlib import Path

from detector.serving.client import DetectorClient

with DetectorClient(sys.argv[1]) as client:
    client.detect(Path(sys.argv[2]).read_bytes())
"""


GivesUp = Callable[[Callable[[], object]], None]


class SteppingNetwork(Network):
    """The real network, which counts its calls and can be told to wait in one of them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.parameter_count = network.parameter_count
        self.calls = 0
        self.began = threading.Event()
        self.may_go = threading.Event()

    def hold(self) -> None:
        """The next call waits until `may_go` is set."""
        self.calls = 0
        self.began.clear()
        self.may_go.clear()

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        self.calls += 1
        self.began.set()
        assert self.may_go.wait(PATIENCE_S)
        return self._network(images)


@pytest.fixture(scope="module")
def network() -> SteppingNetwork:
    return SteppingNetwork(load_networks(EMBEDDED).fcn)


@pytest.fixture(scope="module")
def server(network: SteppingNetwork) -> Iterator[RunningServer]:
    with RunningServer(DigitDetector(network, load_networks(EMBEDDED).manifest)) as running:
        yield running


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with own_channel(server.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def all_calls(network: SteppingNetwork, server: RunningServer) -> int:
    """What the large image needs if it is carried through."""
    network.hold()
    network.may_go.set()
    with own_channel(server.address) as channel:
        stub(channel).Detect(wire.DetectRequest(image=LARGE), timeout=10 * PATIENCE_S)
    assert network.calls > 10
    return network.calls


@pytest.fixture
def gives_up(network: SteppingNetwork, channel: grpc.Channel, all_calls: int) -> Iterator[GivesUp]:
    """Has the caller of the large image give up while that is in its first call of the network."""

    def give_up(leave: Callable[[], object]) -> None:
        assert network.began.wait(PATIENCE_S)
        leave()
        time.sleep(0.3)  # the server hears of it
        assert network.calls == 1
        network.may_go.set()
        assert stub(channel).Detect(wire.DetectRequest(image=SMALL), timeout=PATIENCE_S).width_px == 64
        assert network.calls < all_calls, "the large image was not carried through before the small one"

    network.hold()
    yield give_up
    network.may_go.set()


def test_a_deadline_passes(channel: grpc.Channel, gives_up: GivesUp) -> None:
    call = stub(channel).Detect.future(wire.DetectRequest(image=LARGE), timeout=3)
    gives_up(lambda: call.exception(PATIENCE_S))
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_call_is_cancelled(channel: grpc.Channel, gives_up: GivesUp) -> None:
    call = stub(channel).Detect.future(wire.DetectRequest(image=LARGE))
    gives_up(call.cancel)


def test_a_stream_is_cancelled(channel: grpc.Channel, gives_up: GivesUp) -> None:
    request = wire.DetectStreamRequest(request={"image": LARGE})
    stream = stub(channel).DetectStream(iter([request] * 3))
    gives_up(stream.cancel)


def test_the_deadline_of_a_stream_passes(channel: grpc.Channel, gives_up: GivesUp) -> None:
    request = wire.DetectStreamRequest(request={"image": LARGE})
    stream = stub(channel).DetectStream(iter([request] * 3), timeout=3)
    gives_up(lambda: stream.exception(PATIENCE_S))
    assert stream.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_client_is_killed(server: RunningServer, gives_up: GivesUp, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(LARGE)
    command = [sys.executable, "-c", CALLER, server.address, str(tmp_path / "large.png")]
    with subprocess.Popen(command, cwd=checkout) as caller:

        def kill() -> None:
            caller.send_signal(signal.SIGKILL)
            caller.wait()

        gives_up(kill)
