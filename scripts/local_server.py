"""A server of this checkout as a process of its own, for the demo and the benchmark."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SERVE = Path(__file__).with_name("serve.py")
_READY = "ready: detector.v1 on "


@contextmanager
def running_server(*arguments: str) -> Iterator[str]:
    """The address of a server that runs until the block ends.

    Args:
        arguments: for `digit-detector serve`, besides the port.

    Raises:
        RuntimeError: if it does not start, or does not end as it should.
    """
    command = [sys.executable, str(_SERVE), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            if not line.startswith(_READY):
                raise RuntimeError(f"the server did not start: it said {line.strip()!r}")
            yield line.removeprefix(_READY).strip()
        finally:
            server.terminate()
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
    if server.returncode:
        raise RuntimeError(f"the server ended with code {server.returncode}")
