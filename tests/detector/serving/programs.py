"""Programs that serve, as processes of their own: what they print, and how they end."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from tests.detector.serving.harness import PATIENCE_S

CLI = [sys.executable, "-c", "import sys; from detector.cli.main import main; sys.exit(main())", "serve"]


class Process:
    """A running server process; its standard output comes line by line."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            start_new_session=True,  # so that a signal to its group is none to the tests
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_lines),
            threading.Thread(target=self._read_errors),
        ]
        for reader in self._readers:
            reader.start()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors.append(line)

    def line(self) -> str:
        end = time.monotonic() + 3 * PATIENCE_S
        while True:
            try:
                return self._lines.get(timeout=1)
            except queue.Empty:
                assert self._process.poll() is None, f"it ended: {self.errors}"
                assert time.monotonic() < end, f"it is silent: {self.errors_so_far}"

    def address(self) -> str:
        """Waits for the ready line; HOST:PORT in it."""
        line = self.line()
        assert line.startswith("ready: detector.v1 on ")
        return line.rpartition(" ")[2]

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self, timeout_s: float = PATIENCE_S) -> int:
        return self._process.wait(timeout_s)

    @property
    def errors_so_far(self) -> str:
        return "".join(self._errors)

    @property
    def errors(self) -> str:
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return "".join(self._errors)

    def rest(self) -> list[str]:
        """Lines of standard output that nobody has taken, after the process's end."""
        self._readers[0].join(PATIENCE_S)
        return list(self._lines.queue)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def running(command: list[str], cwd: Path) -> Iterator[Process]:
    process = Process(command, cwd)
    try:
        yield process
    finally:
        process.close()


def serving(load: str, **settings: object) -> list[str]:
    """A server on any free port whose detector `load`, of `tests.detector.serving.loads`, makes."""
    told = ", ".join(f"{name}={value!r}" for name, value in {"port": 0, "grace_s": 20, **settings}.items())
    program = f"""
import sys
from pathlib import PosixPath
from detector.serving.server.processes.serve import serve_detector
from detector.serving.server.settings import Security, ServerSettings
from detector.serving.server.settings import Observability
from tests.detector.serving import loads

sys.exit(serve_detector(loads.{load}, ServerSettings({told})))
"""
    return [sys.executable, "-c", program]


def memory_mb(pid: int) -> float:
    """What a process has in memory, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def own_channel(address: str, *more: tuple[str, int]) -> grpc.Channel:
    """A channel with a connection that it shares with no other: the server may give it to another process."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1), *more]
    return grpc.insecure_channel(address, options=options)


def until(happened: Callable[[], object], why: str) -> None:
    """Waits for it."""
    end = time.monotonic() + 2 * PATIENCE_S
    while not happened():
        assert time.monotonic() < end, why
        time.sleep(0.1)
