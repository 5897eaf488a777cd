"""The page for Prometheus, scraped over HTTP, of one process and of several."""

import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest

from detector.results.errors import ServerStartError
from detector.serving.server.settings import Observability
from detector.serving.telemetry import metrics
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.counts import of_page, sample
from tests.detector.serving.harness import PATIENCE_S, free_port, stub
from tests.detector.serving.programs import own_channel, running, serving, until

DETECT = "/detector.v1.DigitDetector/Detect"
GOOD, BAD = wire.DetectRequest(image=encode("PNG")), wire.DetectRequest(image=b"no image")


def ask(address: str, good: int, bad: int) -> set[str]:
    """Asks over a connection of its own each time; returns who answered."""
    answered = set()
    for request in [GOOD] * good + [BAD] * bad:
        with own_channel(address) as channel:
            call = stub(channel).Detect.future(request, timeout=PATIENCE_S)
            assert call.code() is (
                grpc.StatusCode.OK if request is GOOD else grpc.StatusCode.INVALID_ARGUMENT
            )
            info = stub(channel).GetModelInfo(wire.GetModelInfoRequest(), timeout=PATIENCE_S)
            answered.add(info.version)
    return answered


def assert_counted(port: int, good: int, bad: int) -> None:
    until(lambda: of_page(port)[sample("requests_total", method=DETECT, code="OK")] == good, "good calls")
    until(
        lambda: of_page(port)[sample("requests_total", method=DETECT, code="INVALID_ARGUMENT")] == bad,
        "bad calls",
    )
    page = of_page(port)
    assert page[sample("images_total")] == good
    assert page[sample("digits_total")] == good
    assert page[sample("rejected_total", reason="IMAGE_UNDECODABLE")] == bad
    assert page[sample("stage_seconds_count", stage="network")] == good
    assert page[sample("stage_seconds_bucket", stage="network", le="+Inf")] == good
    assert page[sample("request_seconds_count", method=DETECT)] == good + bad
    assert page[sample("queue_length")] == 0


def test_one_process(checkout: Path) -> None:
    port = free_port()
    with running(serving("steady", observability=Observability(metrics_port=port)), checkout) as process:
        address = process.address()
        assert ask(address, good=4, bad=2) == {str(process.pid)}
        assert_counted(port, good=4, bad=2)
        page = of_page(port)
        model = {"name": "steady", "version": str(process.pid), "sha256": "0" * 64}
        assert page[sample("model_processes", **model)] == 1
        assert 1e7 < page[sample("resident_memory_bytes")] < 1e10
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors


def test_several_processes_are_summed_and_the_dead_are_not_forgotten(checkout: Path, tmp_path: Path) -> None:
    port = free_port()
    command = serving("steady", observability=Observability(metrics_port=port), processes=2)
    with running(["env", f"TMPDIR={tmp_path}", *command], checkout) as process:
        address = process.address()
        answered = ask(address, good=20, bad=4)
        assert len(answered) == 2, "both processes answer"
        assert_counted(port, good=20, bad=4)
        memory = {key: value for key, value in of_page(port).items() if key[0].endswith("memory_bytes")}
        assert {dict(labels)["pid"] for _, labels in memory} == answered
        assert all(1e7 < value < 1e10 for value in memory.values())

        victim = next(iter(answered))
        os.kill(int(victim), signal.SIGKILL)

        def successor_answers() -> bool:
            models = [
                key for key, value in of_page(port).items() if key[0].endswith("model_processes") and value
            ]
            versions = {dict(labels)["version"] for _, labels in models}
            return len(versions) == 2 and victim not in versions

        until(successor_answers, "a new process has taken the place of the dead one")
        page = of_page(port)
        assert page[sample("images_total")] == 20, "what the dead one counted stays"
        assert victim not in {dict(labels).get("pid") for _, labels in page}, "its memory does not"
        ask(address, good=10, bad=0)
        assert_counted(port, good=30, bad=4)
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors
    assert not list(tmp_path.glob("digit-detector-metrics-*")), "no files stay"


def test_without_the_option_there_is_no_page() -> None:
    with metrics.published("127.0.0.1", None, processes=2):
        assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                ServerStartError, match=f"metrics: cannot listen on 127.0.0.1, port {port}: Address already"
            ),
            metrics.published("127.0.0.1", port, processes=1),
        ):
            pass


def test_a_host_that_is_no_name() -> None:
    with (
        pytest.raises(ServerStartError, match=r"metrics: cannot listen on a\.\.b, port 0: .*idna"),
        metrics.published("a..b", 0, processes=1),
    ):
        pass


def test_no_place_for_the_counts_of_several(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with (
        pytest.raises(ServerStartError, match="TMPDIR may name one"),
        metrics.published("127.0.0.1", 0, processes=2),
    ):
        pass


def test_the_page_is_read_only() -> None:
    port = free_port()
    with metrics.published("127.0.0.1", port, processes=1):
        assert of_page(port)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", data=b"x", timeout=PATIENCE_S)
        caught.value.close()
        assert caught.value.code == 405
    with pytest.raises(OSError, match="refused"):
        of_page(port)
