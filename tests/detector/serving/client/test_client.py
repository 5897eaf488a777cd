"""What only a client can do wrong: the way to the server, and what it costs to import."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from detector.results.errors import DeadlineExceededError, InvalidOptionError, ServiceUnavailableError
from detector.results.interface import DetectOptions
from detector.serving.client import DetectorClient
from tests.detector.pictures import encode
from tests.detector.serving.harness import free_port

CALLS: dict[str, Callable[[DetectorClient], object]] = {
    "detect": lambda client: client.detect(encode("PNG")),
    "detect_stream": lambda client: list(client.detect_stream([("a", encode("PNG"))])),
    "info": lambda client: client.info(),
}


def test_importing_the_client_is_cheap() -> None:
    program = """
import sys
from detector.serving.client import DetectorClient
heavy = {"tensorflow", "keras", "cv2", "scipy", "matplotlib"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_nobody_there(call: Callable[[DetectorClient], object]) -> None:
    with DetectorClient(f"127.0.0.1:{free_port()}") as client, pytest.raises(ServiceUnavailableError):
        call(client)


def test_somebody_there_who_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with DetectorClient(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5) as client:
            asked = time.monotonic()
            with pytest.raises((DeadlineExceededError, ServiceUnavailableError)):
                client.info()
            assert time.monotonic() - asked < 30


def test_wrong_options_are_refused_before_anything_is_sent() -> None:
    with DetectorClient(f"127.0.0.1:{free_port()}") as client, pytest.raises(InvalidOptionError):
        client.detect(encode("PNG"), DetectOptions(score_threshold=2))
