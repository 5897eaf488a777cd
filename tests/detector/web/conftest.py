"""The page's server, as a program of its own on a port of this machine."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.detector.conftest import COMMAND

MAX_MEGAPIXELS = 40


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """Of `digit-detector web`, which refuses more than 40 megapixels: such as http://127.0.0.1:8080/."""
    command = [*COMMAND, "web", "--port", "0", "--max-megapixels", str(MAX_MEGAPIXELS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ready = process.stdout.readline()
            match = re.fullmatch(r"ready: (http://127\.0\.0\.1:\d+/)\n", ready)
            assert match, f"it said {ready!r}, {process.stderr.read()}"
            yield match.group(1)
        finally:
            process.terminate()
        complaints = process.stderr.read()
    assert "Traceback" not in complaints, complaints
    assert process.returncode == 0, "SIGTERM ends it with 0"
