"""Several processes behind one port: whatever happens to one, callers and those who run the server need not care."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from detector.results.errors import DetectorError
from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, free_port, stub
from tests.detector.serving.loads import STORY
from tests.detector.serving.programs import CLI, Process, own_channel, running, serving, until

IMAGE = encode("PNG")
REQUEST = wire.DetectRequest(image=IMAGE)


def workers(process: Process) -> set[int]:
    """The processes that serve, by their numbers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return {int(pid) for pid in children if "spawn_main" in _command_of(int(pid))}


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    return "spawn_main" in _command_of(pid)


def models(address: str) -> set[tuple[str, int]]:
    """Name and process of the models that answer many connections."""
    found = set()
    for _ in range(16):
        with own_channel(address) as channel:
            try:
                info = stub(channel).GetModelInfo(wire.GetModelInfoRequest(), timeout=PATIENCE_S)
            except grpc.RpcError:
                continue
            found.add((info.name, int(info.version)))
    return found


def answering(address: str) -> set[int]:
    return {pid for _, pid in models(address)}


class Callers:
    """Clients of the package that call without a pause, each over a connection of its own."""

    def __init__(self, address: str, count: int = 4) -> None:
        self.answers, self.errors = 0, list[DetectorError]()
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(address,)) for _ in range(count)]

    def _call(self, address: str) -> None:
        with DetectorClient(address) as client:
            while not self._done.is_set():
                try:
                    assert client.detect(IMAGE).width_px == 48
                    self.answers += 1
                except DetectorError as error:
                    self.errors.append(error)

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)


@contextmanager
def two_processes(checkout: Path, load: str = "steady") -> Iterator[tuple[Process, str]]:
    with running(serving(load, processes=2), checkout) as process:
        yield process, process.address()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_clients_do_not_notice_that_a_process_ends_under_load(checkout: Path, number: signal.Signals) -> None:
    with two_processes(checkout) as (process, address):
        until(lambda: answering(address) == workers(process), "connections are spread over both")
        with Callers(address) as callers:
            for pid in workers(process):
                answers = callers.answers
                until(lambda answers=answers: callers.answers > answers + 20, "there is load")
                os.kill(pid, number)
                until(lambda pid=pid: pid not in workers(process), "it ends")
                until(lambda: len(answering(address)) == 2, "another takes its place")
        assert callers.errors == []
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors
        assert process.errors.count("ended by itself") == 2
        assert "Traceback" not in process.errors


def test_nothing_accepted_is_lost_when_all_are_told_to_stop(checkout: Path) -> None:
    with two_processes(checkout) as (process, address):
        pids = workers(process)
        channels = [own_channel(address) for _ in range(8)]
        for channel in channels:
            assert stub(channel).Detect(REQUEST).width_px == 48
        calls = [stub(channel).Detect.future(REQUEST) for channel in channels for _ in range(2)]
        time.sleep(0.1)
        process.send(signal.SIGTERM)
        late = [error for call in calls if (error := call.exception(PATIENCE_S)) is not None]
        assert len(late) < len(calls)
        assert all("shutting down" in error.details() for error in late), "they were told so at once"
        for channel in channels:
            channel.close()
        assert process.exit_code() == 0, process.errors
        assert not any(map(alive, pids))
        assert process.rest() == []


def test_ctrl_c_reaches_all_and_is_one_order(checkout: Path) -> None:
    with two_processes(checkout) as (process, address):
        with own_channel(address) as channel:
            assert stub(channel).Detect(REQUEST).width_px == 48
        pids = workers(process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.exit_code() == 0, process.errors
        assert not any(map(alive, pids))
        assert "Traceback" not in process.errors


def test_a_second_signal_ends_all_at_once(checkout: Path) -> None:
    with two_processes(checkout, "endless") as (process, address), own_channel(address) as channel:
        pids = workers(process)
        call = stub(channel).Detect.future(REQUEST)
        time.sleep(1)
        process.send(signal.SIGTERM)
        time.sleep(1)
        assert all(map(alive, pids)) or not call.done(), "the call that runs has its grace"
        process.send(signal.SIGTERM)
        assert process.exit_code(timeout_s=15) == 0, "the grace is 20 s"
        assert not any(map(alive, pids))
        assert call.exception(PATIENCE_S).code() is grpc.StatusCode.UNAVAILABLE


def test_they_do_not_outlive_the_one_that_looks_after_them(checkout: Path) -> None:
    with two_processes(checkout) as (process, _):
        pids = workers(process)
        assert len(pids) == 2
        process.send(signal.SIGKILL)
        until(lambda: not any(map(alive, pids)), "they drain and follow")


def test_a_signal_while_they_load(checkout: Path) -> None:
    port = free_port()
    with running(serving("never", processes=2, port=port), checkout) as process:
        until(lambda: len(workers(process)) == 2, "they start")
        pids = workers(process)
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors
        assert not any(map(alive, pids))
        assert process.rest() == [], "it was never ready"


def test_all_load_the_model_anew(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = tmp_path / "story"
    monkeypatch.setenv(STORY, str(story))
    story.write_text("first")
    with two_processes(checkout, "told") as (process, address):
        pids = workers(process)
        with Callers(address) as callers:
            story.write_text("second")
            process.send(signal.SIGHUP)
            until(lambda: models(address) == {("second", pid) for pid in pids}, "both have it")
            story.write_text("broken")
            process.send(signal.SIGHUP)
            refusal = "the model was not replaced: it is broken"
            until(lambda: process.errors_so_far.count(refusal) == 2, "both say why not")
            assert {name for name, _ in models(address)} == {"second"}
        assert callers.errors == []
        assert callers.answers > 0
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0
        assert "ended by itself" not in process.errors


def test_one_that_keeps_dying_is_tried_again_while_the_other_serves(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = tmp_path / "story"
    monkeypatch.setenv(STORY, str(story))
    story.write_text("good")
    with two_processes(checkout, "told") as (process, address):
        with Callers(address) as callers:
            for name in ("deadly", "broken"):
                story.write_text(name)
                victim = min(workers(process))
                os.kill(victim, signal.SIGKILL)
                until(lambda v=victim: v not in workers(process), "it ends")
                time.sleep(2)
                assert len(answering(address)) == 1
                story.write_text("good")
                until(lambda: len(answering(address)) == 2, "another takes its place in the end")
        assert callers.errors == []
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors


def test_a_model_that_none_can_load_is_a_clear_error(checkout: Path, tmp_path: Path) -> None:
    command = [*CLI, "--processes", "2", "--port", "0", "--model", str(tmp_path / "none")]
    with running(command, checkout) as process:
        assert process.exit_code() == 2
        errors = [line for line in process.errors.splitlines() if line.startswith("digit-detector: error: ")]
        assert len(errors) == 1
        assert "manifest.json" in errors[0]
        assert "Traceback" not in process.errors
        assert process.rest() == []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_port_in_use_is_not_shared(checkout: Path, processes: str) -> None:
    """Neither with a server of one process nor with one of several, though these share it among themselves."""
    with socket.socket() as taken, two_processes(checkout) as (_, address):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in (taken.getsockname()[1], address.rpartition(":")[2]):
            command = [*CLI, "--processes", processes, "--port", str(port)]
            with running(command, checkout) as process:
                assert process.exit_code(timeout_s=2 * PATIENCE_S) == 2
                assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in process.errors
                assert "Traceback" not in process.errors


def test_a_port_is_free_again_at_once(checkout: Path) -> None:
    """Connections that the last server has closed linger for a minute; they do not keep the next one away."""
    port = free_port()
    for _ in range(2):
        with (
            running(serving("steady", processes=2, port=port), checkout) as process,
            DetectorClient(process.address()) as client,
        ):
            assert client.detect(IMAGE).width_px == 48
            process.send(signal.SIGTERM)
            assert process.exit_code() == 0, process.errors
