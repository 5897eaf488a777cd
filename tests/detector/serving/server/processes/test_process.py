"""The server as a process of its own: how it starts, says so, and ends."""

import signal
import socket
import sys
import textwrap
import time
from pathlib import Path

import grpc
import pytest

from detector.results.detections import ImageDetections
from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, free_port, stub
from tests.detector.serving.programs import CLI, own_channel, running, serving, until

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)


def _slow_server(load: str = "pass", detect: str = "pass") -> list[str]:
    """A server whose detector takes its time; what it does while loading and detecting is given as code."""
    program = """
        import sys, time
        from detector.serving.server.processes.serve import serve_detector
        from detector.serving.server.settings import ServerSettings
        from tests.detector.serving.harness import SlowDetector

        class Detector(SlowDetector):
            def detect(self, image, options, cancellation):
                {detect}
                return super().detect(image, options, cancellation)

        def load():
            print("loading", flush=True)
            {load}
            return Detector(opened=True)

        sys.exit(serve_detector(load, ServerSettings(port=0, grace_s=20)))
    """
    return [sys.executable, "-c", textwrap.dedent(program).format(load=load, detect=detect)]


@pytest.mark.slow
@SIGNALS
def test_the_real_command_serves_until_it_is_told_to_stop(
    checkout: Path, real_images: dict[str, Path], number: signal.Signals
) -> None:
    with running([*CLI, "--port", "0"], checkout) as process:
        address = process.address()
        with DetectorClient(address) as client:
            assert client.info().name
            assert isinstance(client.detect(real_images["31"].read_bytes()), ImageDetections)
        process.send(number)
        assert process.exit_code() == 0, process.errors
        assert process.rest() == []
        assert "Traceback" not in process.errors


@pytest.mark.slow
@SIGNALS
@pytest.mark.parametrize("delay_s", [0.0, 0.7, 2.0])
def test_the_real_command_ends_while_it_loads(checkout: Path, number: signal.Signals, delay_s: float) -> None:
    port = free_port()
    with running([*CLI, "--port", str(port)], checkout) as process:
        _until_listening(port)
        time.sleep(delay_s)
        process.send(number)
        assert process.exit_code() == 0, process.errors
        assert "Traceback" not in process.errors


def _until_listening(port: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.01)


@SIGNALS
def test_a_signal_while_the_model_loads(checkout: Path, number: signal.Signals) -> None:
    with running(_slow_server(load="time.sleep(600)"), checkout) as process:
        assert process.line() == "loading"
        process.send(number)
        assert process.exit_code() == 0, process.errors
        assert process.rest() == [], "it was never ready"


def test_nothing_accepted_is_lost_when_it_is_told_to_stop(checkout: Path) -> None:
    with running(_slow_server(detect="time.sleep(0.1)"), checkout) as process:
        assert process.line() == "loading"
        address = process.address()
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            request = wire.DetectRequest(image=encode("PNG"))
            assert stub(channel).Detect(request).width_px == 48
            calls = [stub(channel).Detect.future(request) for _ in range(10)]
            time.sleep(0.3)
            process.send(signal.SIGTERM)
            assert [call.result(PATIENCE_S).width_px for call in calls] == [48] * 10
        assert process.exit_code() == 0, process.errors
        assert "cut off" not in process.errors


def test_a_second_signal_ends_it_at_once(checkout: Path) -> None:
    with running(_slow_server(detect="print('at work', flush=True); time.sleep(600)"), checkout) as process:
        assert process.line() == "loading"
        address = process.address()
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            call = stub(channel).Detect.future(wire.DetectRequest(image=encode("PNG")))
            assert process.line() == "at work"
            process.send(signal.SIGTERM)
            time.sleep(0.5)
            process.send(signal.SIGTERM)
            assert process.exit_code(timeout_s=10) == 0, "the grace is 20 s"
            assert call.exception(PATIENCE_S).code() is grpc.StatusCode.UNAVAILABLE


def test_work_that_takes_longer_than_the_grace_is_given_up(checkout: Path) -> None:
    with (
        running(serving("endless", grace_s=1), checkout) as process,
        own_channel(process.address()) as channel,
    ):
        call = stub(channel).Detect.future(wire.DetectRequest(image=encode("PNG")))
        until(lambda: _queue_is_taken(channel), "it has arrived")
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors
        assert call.exception(PATIENCE_S).code() is grpc.StatusCode.UNAVAILABLE
        assert "calls were cut off: they took longer than --grace, 1 s" in process.errors


def _queue_is_taken(channel: grpc.Channel) -> bool:
    """Return whether an image is in work that nobody else's can pass."""
    error = (
        stub(channel).Detect.future(wire.DetectRequest(image=encode("PNG")), timeout=1).exception(PATIENCE_S)
    )
    return error is not None and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_sighup_is_heeded_while_the_model_loads(checkout: Path) -> None:
    port = free_port()
    with running(serving("slowly", port=port), checkout) as process:
        _until_listening(port)
        process.send(signal.SIGHUP)
        assert process.address()
        until(lambda: "the model was replaced" in process.errors_so_far, "it loads once more")
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors


def test_a_port_in_use_is_a_clear_error(checkout: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running([*CLI, "--port", str(port)], checkout) as process:
            assert process.exit_code() == 2
            assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in process.errors
            assert "Traceback" not in process.errors


def test_a_host_that_is_not_ours_is_a_clear_error(checkout: Path) -> None:
    with running([*CLI, "--host", "192.0.2.1", "--port", "0", "--insecure"], checkout) as process:
        assert process.exit_code() == 2
        assert "cannot listen on 192.0.2.1:0: Cannot assign requested address" in process.errors
        assert "Traceback" not in process.errors


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_host_that_is_no_name_is_a_clear_error(checkout: Path, processes: str) -> None:
    command = [*CLI, "--host", "a..b", "--port", "0", "--processes", processes]
    with running(command, checkout) as process:
        assert process.exit_code() == 2
        assert "cannot listen on a..b:0: encoding with 'idna' codec failed" in process.errors
        assert "Traceback" not in process.errors


def test_a_model_that_cannot_be_loaded_is_a_clear_error(checkout: Path, tmp_path: Path) -> None:
    with running([*CLI, "--port", "0", "--model", str(tmp_path / "none")], checkout) as process:
        assert process.exit_code() == 2
        assert "manifest" in process.errors
        assert "Traceback" not in process.errors
        assert process.rest() == []
