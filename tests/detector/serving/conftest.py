"""The embedded model behind a real socket."""

from collections.abc import Iterator

import grpc
import pytest

from detector import DigitDetector
from detector.serving.client import DetectorClient
from tests.detector.serving.harness import RunningServer


@pytest.fixture(scope="session")
def server(embedded: DigitDetector) -> Iterator[RunningServer]:
    with RunningServer(embedded) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[DetectorClient]:
    with DetectorClient(server.address) as connected:
        yield connected


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with server.channel() as connected:
        yield connected
