"""A server needs no place to write: it runs where every file system is read-only, as hardened containers do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from detector.serving.client import DetectorClient
from tests.detector.serving.programs import CLI, running

READ_ONLY = """
while read -r _ place _; do mount -o remount,bind,ro "$(printf '%b' "$place")"; done < /proc/mounts 2> /dev/null
if touch "$1/written" 2> /dev/null; then echo "still writable" >&2; exit 99; fi
shift
exec "$@"
"""
"""Makes every mount read-only for one program, in a mount namespace of its own."""


def _confined(folder: Path, command: list[str]) -> list[str]:
    return ["unshare", "--map-root-user", "--mount", "bash", "-c", READ_ONLY, "bash", str(folder), *command]


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_where_nothing_can_be_written(
    checkout: Path, tmp_path: Path, real_images: dict[str, Path], processes: str
) -> None:
    if shutil.which("unshare") is None or _fails(_confined(tmp_path, ["true"])):
        pytest.skip("this machine lets nobody make a mount namespace")
    command = _confined(tmp_path, [*CLI, "--port", "0", "--processes", processes])
    with running(command, checkout) as process, DetectorClient(process.address()) as client:
        assert client.detect(real_images["31"].read_bytes()).numbers
        assert client.info().name
        assert "Traceback" not in process.errors_so_far


def _fails(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_confinement_confines(tmp_path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    if shutil.which("unshare") is None or _fails(_confined(tmp_path, ["true"])):
        pytest.skip("this machine lets nobody make a mount namespace")
    write = f"open({str(tmp_path / 'file')!r}, 'w')"
    done = subprocess.run(
        _confined(tmp_path, [sys.executable, "-c", write]), capture_output=True, text=True, check=False
    )
    assert "Read-only file system" in done.stderr
