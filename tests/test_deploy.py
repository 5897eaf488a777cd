"""The files under deploy/: what they run is a command of ours, what they promise holds. No engine is needed.

The Dockerfile's steps are carried out in bare roots by `make soak`, where debootstrap is found and root runs it.
"""

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import detector.cli.main
from detector.serving.client import DetectorClient
from tests.detector.serving.harness import free_port
from tests.dockerfile import PIP_ENVIRONMENT, BareRoot, Stage, make_bare_root, stages_of

PROGRAM = "/opt/digit-detector/bin/digit-detector"


@pytest.fixture(scope="module")
def deploy(checkout: Path) -> Path:
    return checkout / "deploy"


def arguments_of(words: list[str]) -> Any:
    """What our command line understands; ends the test if it does not."""
    return detector.cli.main.parser().parse_args(words)


# Kubernetes


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, which YAML forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]  # type: ignore[no-untyped-call]
        assert len(keys) == len(set(keys)), f"given twice: {keys} {node.start_mark}"
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def manifests(deploy: Path) -> dict[str, dict[str, Any]]:
    documents = yaml.load_all((deploy / "kubernetes.yaml").read_text(), StrictLoader)
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def pod(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_manifests_are_what_kubernetes_takes(kind: str, manifests: dict[str, dict[str, Any]]) -> None:
    """By its own schemas; strictly, so that a field that it does not know is an error."""
    assert set(manifests) == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    for version in ("1.31", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(manifests[kind], version, strict=True)


def test_a_wrong_manifest_would_be_found(manifests: dict[str, dict[str, Any]]) -> None:
    wrong = {**manifests["Service"], "spec": {"clusterIp": "None"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.31", strict=True)


def test_the_pod_runs_our_command_and_has_time_to_drain(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    told = arguments_of(container["args"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": told.port, "metrics": told.metrics_port}
    assert pod["terminationGracePeriodSeconds"] > told.grace
    assert told.tls_cert is None, "Kubernetes' gRPC probes speak no TLS"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == told.port
        assert container[probe]["grpc"].get("service", "") in ("", "detector.v1.DigitDetector")


def test_the_pod_has_no_rights_and_limits(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


def test_the_manifests_select_each_other(manifests: dict[str, dict[str, Any]]) -> None:
    deployment, service = manifests["Deployment"]["spec"], manifests["Service"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert service["selector"] == labels
    assert service["clusterIP"] == "None", "headless, so that clients see every pod"
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    ports = {port["port"] for rule in manifests["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]}
    assert ports == {port["name"] for port in deployment["template"]["spec"]["containers"][0]["ports"]}


# systemd


def unit_lines(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text.replace("\\\n", " "), re.MULTILINE)


@pytest.mark.parametrize("name", ["digit-detector.service", "digit-detector-tls.conf"])
def test_the_unit_runs_our_command_and_has_time_to_drain(deploy: Path, name: str) -> None:
    text = (deploy / name).read_text()
    command = shlex.split(unit_lines(text, "ExecStart")[-1])
    assert command[0] == PROGRAM
    told = arguments_of(command[1:])
    stop_s = int(unit_lines((deploy / "digit-detector.service").read_text(), "TimeoutStopSec")[0])
    assert stop_s > told.grace
    credentials = {line.split(":")[0] for line in unit_lines(text, "LoadCredential")}
    used = {
        path.name for path in (told.tls_cert, told.tls_key, told.client_ca, told.tokens) if path is not None
    }
    assert used == credentials


@pytest.fixture
def units(deploy: Path, tmp_path: Path) -> Path:
    """The unit and its drop-in where systemd has them, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (deploy / "digit-detector.service").read_text().replace(PROGRAM, shutil.which("true") or "")
    (tmp_path / "digit-detector.service").write_text(unit)
    return tmp_path


@pytest.mark.parametrize("tls", [False, True])
def test_systemd_understands_the_unit(units: Path, deploy: Path, tls: bool) -> None:
    if tls:
        folder = units / "digit-detector.service.d"
        folder.mkdir()
        drop_in = (
            (deploy / "digit-detector-tls.conf").read_text().replace(PROGRAM, shutil.which("true") or "")
        )
        (folder / "tls.conf").write_text(drop_in)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(units / "digit-detector.service")],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "digit-detector" not in done.stderr, "it has nothing to say about our files"


def test_a_wrong_unit_would_be_found(units: Path) -> None:
    unit = units / "digit-detector.service"
    unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMode=kind"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], text=True, capture_output=True, check=False
    )
    assert "kill mode" in done.stderr


# The Dockerfile


@pytest.fixture(scope="module")
def stages(deploy: Path) -> list[Stage]:
    return stages_of(deploy / "Dockerfile")


def test_the_image_runs_our_commands_as_nobody(stages: list[Stage]) -> None:
    final = stages[-1]
    user = [arguments for name, arguments in final.instructions if name == "USER"]
    assert user == ["65532:65532"], "a number, so that Kubernetes sees that it is not root"
    command = final.words("ENTRYPOINT") + final.words("CMD")
    assert command[0] == "digit-detector"
    told = arguments_of(command[1:])
    health = final.words("HEALTHCHECK")
    assert health[0] == "digit-detector"
    assert arguments_of(health[1:]).server == f"127.0.0.1:{told.port}"
    assert ("EXPOSE", str(told.port)) in final.instructions


def test_what_the_image_is_built_from_is_there_and_in_the_context(
    stages: list[Stage], checkout: Path
) -> None:
    ignore = (checkout / ".dockerignore").read_text().splitlines()
    copied = [
        source.removeprefix("./")
        for name, arguments in stages[0].instructions
        if name == "COPY"
        for source in arguments.split()[:-1]
    ]
    assert {"pyproject.toml", "constraints.txt", "detector", "training"} <= set(copied)
    for source in copied:
        assert (checkout / source).exists()
        assert f"!{source}" in ignore, "the context leaves out what is not named"


IMAGE = re.compile(r"(?<![\w./@-])(digit-detector(?:-ray)?):([\w.]+)")
"""An image of ours with its tag; addresses such as digit-detector:50051 are no tags."""


def test_all_files_and_pages_name_one_tag(deploy: Path, checkout: Path) -> None:
    named: dict[str, set[str]] = {}
    for path in (*deploy.iterdir(), *(checkout / "docs").glob("*.md")):
        for name, tag in IMAGE.findall(path.read_text(encoding="utf-8")):
            if not tag.isdecimal():
                named.setdefault(name, set()).add(tag)
    assert named == {"digit-detector": {detector.__version__}, "digit-detector-ray": {detector.__version__}}
    for path in (deploy / "Dockerfile", deploy / "kubernetes.yaml"):
        assert f"digit-detector:{detector.__version__}" in path.read_text(encoding="utf-8")


LAYER_MB = 560


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("debootstrap") is None, reason="needs root and debootstrap"
)
def test_the_dockerfiles_steps_in_bare_roots(
    stages: list[Stage], checkout: Path, real_images: dict[str, Path], tmp_path: Path
) -> None:
    """Debian's own Python stands in for that of the base image."""
    make_bare_root(tmp_path / "base", "bookworm")
    roots: dict[str, BareRoot] = {}
    for stage in stages:
        assert stage.base == "python:3.11-slim-bookworm"
        folder = tmp_path / (stage.name or "final")
        subprocess.run(["cp", "-a", tmp_path / "base", folder], check=True)
        root = roots[stage.name] = BareRoot(folder)
        if stage.name:
            root.environment |= PIP_ENVIRONMENT
        root.build(stage, checkout, roots)
    files = [
        path for path in (tmp_path / "final" / "opt").rglob("*") if path.is_file() and not path.is_symlink()
    ]
    assert sum(path.stat().st_size for path in files) <= LAYER_MB * 10**6
    serve_and_detect(root, stages[-1], real_images["31"].read_bytes())


def serve_and_detect(root: BareRoot, stage: Stage, image: bytes) -> None:
    """Starts what the image starts, asks its health as the image does, and for the digits of an image of a 31."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    server = subprocess.Popen(
        root.command(*stage.words("ENTRYPOINT"), *stage.words("CMD"), "--port", str(port)), text=True
    )
    health = root.command(*stage.words("HEALTHCHECK"), "--server", address)
    with server:
        try:
            end = time.monotonic() + 600
            while subprocess.run(health, check=False).returncode != 0:
                assert server.poll() is None
                assert time.monotonic() < end
                time.sleep(1)
            with DetectorClient(address) as client:
                found = client.detect(image)
            assert [number.text for number in found.numbers] == ["31"]
        finally:
            server.terminate()
    assert server.returncode == 0
    assert subprocess.run(health, check=False).returncode == 1
