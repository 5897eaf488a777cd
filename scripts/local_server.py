"""A server of this checkout as a process of its own, for the demo and the benchmark."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_SERVE = Path(__file__).with_name("serve.py")
_READY = "ready: detector.v1 on "


@contextmanager
def running_server(
    *arguments: str, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Provide the address of a server that runs until the block ends; what it logs is shown only if it does not start.

    Args:
        arguments: for `digit-detector serve`, besides the port.
        port: to listen at; 0 for any that is free.
        environment: variables of its own.

    Raises:
        RuntimeError: if it does not start, or does not end as it should.
    """
    command = [sys.executable, str(_SERVE), "--port", str(port), *arguments]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **(environment or {})},
        ) as server,
    ):
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            if not line.startswith(_READY):
                server.wait()
                log.seek(0)
                raise RuntimeError(f"the server did not start: {log.read()[-2000:].strip()}")
            yield line.removeprefix(_READY).strip()
        finally:
            server.terminate()
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
    if server.returncode:
        raise RuntimeError(f"the server ended with code {server.returncode}")
