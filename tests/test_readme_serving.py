"""The shell commands of the README's part on serving, run by a shell as they are written there.

Only ports are others, and where grpcurl is not found its calls are made through reflection from Python.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector import DigitDetector
from detector.results.errors import ServiceUnavailableError
from detector.serving.client import DetectorClient, Tls
from detector.serving.server.settings import Security
from tests.detector.serving.harness import RunningServer, SlowDetector, free_port
from tests.test_readme import ADDRESS, blocks

METRICS_PORT = "9464"
MISSING_CURL = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[-1]).read().decode())"


def block_with(checkout: Path, text: str) -> str:
    (block,) = [block for block in blocks(checkout, "sh") if text in block]
    return block


@pytest.fixture
def programs(checkout: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which the README's programs are found, those of the checkout and stand-ins first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    commands = {"digit-detector": "-c 'import sys; from detector.cli.main import main; sys.exit(main())'"}
    if shutil.which("grpcurl") is None:
        commands["grpcurl"] = str(Path(__file__).with_name("reflecting.py"))
    if shutil.which("curl") is None:
        commands["curl"] = f"-c '{MISSING_CURL}'"
    for name, arguments in commands.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (folder / name).chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(checkout)}


def shell(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_calls_by_grpcurl(embedded: DigitDetector, checkout: Path, programs: dict[str, str]) -> None:
    with RunningServer(embedded) as server:
        lines = block_with(checkout, "grpcurl -plaintext").replace(ADDRESS, server.address).splitlines()
        services, health, model, found = (shell(line, checkout, programs) for line in lines)
    assert {"detector.v1.DigitDetector", "grpc.health.v1.Health"} <= set(services.split())
    assert '"SERVING"' in health
    assert '"parameterCount"' in model
    assert '"text": "31"' in found, "tests/data/svhn_train_5.png shows the number 31"


@contextmanager
def serving(command: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready: ")
            yield
        finally:
            process.terminate()
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls_token_and_metrics(
    checkout: Path, tmp_path: Path, programs: dict[str, str], real_images: dict[str, Path]
) -> None:
    """A stranger's way from nothing to a server with all of it."""
    port, metrics_port = str(free_port()), str(free_port())

    def lines_with(text: str) -> list[str]:
        block = block_with(checkout, text).replace(METRICS_PORT, metrics_port)
        return block.replace("localhost:50051", f"localhost:{port}").splitlines()

    *preparations, serve = lines_with("--tokens tokens.txt")
    for line in preparations:
        shell(line, tmp_path, programs)
    shutil.copy(real_images["31"], tmp_path / "house.jpg")
    with serving(f"{serve} --port {port}", tmp_path, programs):
        lines = lines_with("--token-file token.txt")
        health, digits, model, page = (shell(line, tmp_path, programs) for line in lines)
        without_token = subprocess.run(
            ["bash", "-c", lines[1].replace(" --token-file token.txt", "")],
            cwd=tmp_path,
            env=programs,
            capture_output=True,
            text=True,
            check=False,
        )
    assert health == "SERVING\n"
    assert digits.splitlines()[1].split()[:2] == ["house.jpg", "31"]
    assert '"parameterCount"' in model
    assert without_token.returncode == 2
    assert "token" in without_token.stderr
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE digit_detector")}
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert names
    assert not {name for name in names if f"`{name}`" not in readme}, "the README's table names every metric"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_certificates_of_callers(checkout: Path, tmp_path: Path, programs: dict[str, str]) -> None:
    """The README's certificates, between a server and a client of this package."""
    shell(block_with(checkout, "--tokens tokens.txt").splitlines()[0], tmp_path, programs)
    shell(block_with(checkout, "-out alice.pem"), tmp_path, programs)
    server, callers = tmp_path / "server.pem", tmp_path / "callers.pem"
    security = Security(server, tmp_path / "server.key", client_ca=callers)
    alice = Tls(server, tmp_path / "alice.pem", tmp_path / "alice.key")
    with RunningServer(SlowDetector(opened=True), security=security) as running:
        address = running.address.replace("127.0.0.1", "localhost")
        with DetectorClient(address, tls=alice) as client:
            assert client.info().name == "slow"
        with DetectorClient(address, tls=Tls(server)) as client, pytest.raises(ServiceUnavailableError):
            client.is_serving()
