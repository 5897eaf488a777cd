"""What the tests of the commands share: a server to ask, so that not each of them loads the network."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

COMMAND = [sys.executable, "-c", "import sys; from detector.cli.main import main; sys.exit(main())"]


@pytest.fixture(scope="package")
def server() -> Iterator[str]:
    """The address of `digit-detector serve`, running as a process of its own."""
    with subprocess.Popen([*COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            match = re.fullmatch(r"ready: detector\.v1 on (127\.0\.0\.1:\d+)\n", ready)
            assert match, f"it said {ready!r}"
            yield match.group(1)
        finally:
            process.terminate()
    assert process.returncode == 0, "SIGTERM ends a server with 0"
