"""The real commands: `digit-detector serve --engine ray`, `serve build` and `serve run`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray.serve.schema import ServeDeploySchema

from detector.cli.program import NOT_STARTED
from detector.models.model_files import EMBEDDED
from detector.results.detections import ImageDetections
from detector.serving.client import DetectorClient
from tests.detector.serving.harness import free_port
from tests.detector.serving.programs import CLI, running
from tests.on_ray.service.applications import PATIENCE_S, RayServer, eventually, replicas

pytestmark = pytest.mark.ray

RAY = [*CLI, "--engine", "ray", "--insecure"]
SERVE = [str(Path(sys.executable).with_name("serve"))]


def test_it_serves_on_a_cluster_of_its_own_until_it_is_told_to_stop(
    checkout: Path, real_images: dict[str, Path]
) -> None:
    with running([*RAY, "--port", str(free_port()), "--cpus", "1"], checkout) as process:
        with DetectorClient(process.address()) as client:
            assert client.is_serving()
            assert isinstance(client.detect(real_images["31"].read_bytes()), ImageDetections)
        process.send(signal.SIGTERM)
        assert process.exit_code(PATIENCE_S) == 0, process.errors
        assert "Traceback" not in process.errors
        assert "method=/detector.v1.DigitDetector/Detect code=OK" in process.errors, "replicas' lines arrive"


def test_it_ends_while_it_starts(checkout: Path) -> None:
    with running([*RAY, "--port", str(free_port())], checkout) as process:
        eventually(lambda: "ServeController" in process.errors_so_far, "it starts")
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        assert process.exit_code(PATIENCE_S) == 0, process.errors
        assert "Traceback" not in process.errors


def test_it_deploys_on_a_cluster_that_runs_and_takes_away_what_it_brought(
    cluster_server: RayServer, checkout: Path, real_images: dict[str, Path]
) -> None:
    port = cluster_server.address.rpartition(":")[2]
    there = ["--address", ray.get_runtime_context().gcs_address, "--port", port]
    with running([*RAY, *there], checkout) as process:
        with DetectorClient(process.address()) as client:
            assert isinstance(client.detect(real_images["31"].read_bytes()), ImageDetections)
        process.send(signal.SIGTERM)
        assert process.exit_code(PATIENCE_S) == 0, process.errors
    assert not replicas("Detector")
    assert not replicas("RayIngress")


def test_another_port_than_serve_was_started_with_is_an_error_that_says_so(
    cluster_server: RayServer, checkout: Path
) -> None:
    there = ["--address", ray.get_runtime_context().gcs_address, "--port", str(free_port())]
    done = subprocess.run([*RAY, *there], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == NOT_STARTED
    assert "serve shutdown" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_model_is_never_ready(cluster_server: RayServer, tmp_path: Path) -> None:
    """It loads, but does not find what its manifest records."""
    model = tmp_path / "model"
    shutil.copytree(EMBEDDED, model)
    manifest = json.loads((model / "manifest.json").read_text())
    for digit in manifest["self_check"]["digits"]:
        digit["label"] = (digit["label"] + 1) % 10
    (model / "manifest.json").write_text(json.dumps(manifest))
    port = cluster_server.address.rpartition(":")[2]
    there = ["--address", ray.get_runtime_context().gcs_address, "--port", port, "--model", str(model)]
    done = subprocess.run([*RAY, *there], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == NOT_STARTED
    assert "ready" not in done.stdout
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("digit-detector: error:")]
    assert "in the built-in image" in error


def test_nobody_at_the_address() -> None:
    there = ["--address", f"127.0.0.1:{free_port()}"]
    done = subprocess.run([*RAY, *there], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == NOT_STARTED
    assert "no Ray cluster" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_build_writes_a_configuration_that_ray_takes(checkout: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    command = [*SERVE, "build", "detector.serving.ray.application:app", "--output-path", str(file)]
    subprocess.run(command, timeout=PATIENCE_S, check=True, cwd=checkout)
    config = ServeDeploySchema.model_validate(yaml.safe_load(file.read_text()))
    (application,) = config.applications
    assert application.import_path == "detector.serving.ray.application:app"
    assert {deployment.name for deployment in application.deployments} == {"Detector", "RayIngress"}


@pytest.mark.parametrize("name", ["ray-serve.yaml", "ray-service.yaml"])
def test_ray_takes_the_configurations_under_deploy(checkout: Path, name: str) -> None:
    document = next(yaml.safe_load_all((checkout / "deploy" / name).read_text()))
    config: dict[str, Any] = (
        yaml.safe_load(document["spec"]["serveConfigV2"]) if name == "ray-service.yaml" else document
    )
    (application,) = ServeDeploySchema.model_validate(config).applications
    assert application.import_path == "detector.serving.ray.application:build"


def test_serve_run_takes_typed_arguments(
    cluster_server: RayServer, checkout: Path, real_images: dict[str, Path]
) -> None:
    command = [*SERVE, "run", "--name", "digit-detector", "--route-prefix", "/digit-detector"]
    where = ["--address", ray.get_runtime_context().gcs_address]
    arguments = ["detector.serving.ray.application:build", "min_replicas=1", "max_replicas=2", "cpus=1"]
    wrong = subprocess.run(
        [*command, *where, arguments[0], "min_replica=1"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode != 0
    assert "min_replica" in wrong.stderr
    with running([*command, *where, *arguments], checkout) as process:
        eventually(cluster_server.answers, "it answers")
        with DetectorClient(cluster_server.address) as client:
            assert isinstance(client.detect(real_images["31"].read_bytes()), ImageDetections)
        process.send(signal.SIGINT)
        process.exit_code(PATIENCE_S)
    eventually(lambda: not replicas("Detector"), "serve run took down what it had started")
