"""deploy/ray-job.yaml: what Kubernetes has schemas for is checked by them, KubeRay's own fields one by one.

KubeRay's schema of a RayJob (ray-operator/config/crd/bases/ray.io_rayjobs.yaml) is in no package registry; of its
fields those that are used are written down here with what it takes for them, so that a misspelt one is found.
"""

import copy
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import detector.cli.main
from tests.test_deploy import StrictLoader

Check = Callable[[Any], bool]


def one_of(*values: str) -> Check:
    return lambda value: value in values


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_text, [*value, *value.values()]))


def is_pod(value: Any) -> bool:
    return kubernetes_takes({"apiVersion": "v1", "kind": "Pod", **value})


def is_resources(value: Any) -> bool:
    return is_pod({"spec": {"containers": [{"name": "autoscaler", "resources": value}]}})


def is_security_context(value: Any) -> bool:
    return is_pod({"spec": {"containers": [{"name": "autoscaler", "securityContext": value}]}})


def kubernetes_takes(manifest: dict[str, Any]) -> bool:
    """By its own schemas; strictly, so that a field that it does not know is an error."""
    try:
        for version in ("1.31", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError:
        return False
    return True


WORKERS: dict[str, Any] = {
    "groupName": is_text,
    "replicas": is_count,
    "minReplicas": is_count,
    "maxReplicas": is_count,
    "rayStartParams": is_texts,
    "template": is_pod,
}
RAY_JOB: dict[str, Any] = {
    "apiVersion": one_of("ray.io/v1"),
    "kind": one_of("RayJob"),
    "metadata": {"generateName": is_text, "labels": is_texts},
    "spec": {
        "entrypoint": is_text,
        "submissionMode": one_of("K8sJobMode", "HTTPMode", "InteractiveMode"),
        "backoffLimit": is_count,
        "shutdownAfterJobFinishes": is_flag,
        "ttlSecondsAfterFinished": is_count,
        "rayClusterSpec": {
            "rayVersion": is_text,
            "enableInTreeAutoscaling": is_flag,
            "autoscalerOptions": {
                "idleTimeoutSeconds": is_count,
                "upscalingMode": one_of("Default", "Aggressive", "Conservative"),
                "resources": is_resources,
                "securityContext": is_security_context,
            },
            "headGroupSpec": {"rayStartParams": is_texts, "template": is_pod},
            "workerGroupSpecs": [WORKERS],
        },
    },
}


def faults(value: Any, schema: Any, where: str = "") -> list[str]:
    """The fields that the schema does not know, or that hold something else; `schema` has no optional ones."""
    if isinstance(schema, list):
        return [
            fault
            for index, item in enumerate(value)
            for fault in faults(item, schema[0], f"{where}[{index}]")
        ]
    if not isinstance(schema, dict):
        return [] if schema(value) else [where]
    if not isinstance(value, dict) or set(value) != set(schema):
        return [where]
    return [fault for name in schema for fault in faults(value[name], schema[name], f"{where}.{name}")]


@pytest.fixture(scope="module")
def documents(checkout: Path) -> dict[str, dict[str, Any]]:
    text = (checkout / "deploy" / "ray-job.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.load_all(text, StrictLoader)}


@pytest.fixture
def job(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return copy.deepcopy(documents["RayJob"])


def test_every_field_is_one_that_is_taken(documents: dict[str, dict[str, Any]], job: dict[str, Any]) -> None:
    assert set(documents) == {"RayJob", "NetworkPolicy"}
    assert faults(job, RAY_JOB) == []
    assert kubernetes_takes(documents["NetworkPolicy"])


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda spec: spec.update(backOffLimit=3), ".spec"),
        (lambda spec: spec.update(submissionMode="HttpMode"), ".spec.submissionMode"),
        (lambda spec: spec["rayClusterSpec"].update(rayVersion=2.6), ".spec.rayClusterSpec.rayVersion"),
        (
            lambda spec: spec["rayClusterSpec"]["workerGroupSpecs"][0]["rayStartParams"].update(
                {"num-cpus": 4}
            ),
            ".spec.rayClusterSpec.workerGroupSpecs[0].rayStartParams",
        ),
        (
            lambda spec: spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"].update(container=[]),
            ".spec.rayClusterSpec.headGroupSpec.template",
        ),
    ],
)
def test_a_wrong_field_would_be_found(
    job: dict[str, Any], spoil: Callable[[dict[str, Any]], None], fault: str
) -> None:
    spoil(job["spec"])
    assert faults(job, RAY_JOB) == [fault]


def test_it_runs_our_command_and_goes_on_after_a_loss(job: dict[str, Any]) -> None:
    command, *end = shlex.split(job["spec"]["entrypoint"].partition("||")[0])
    assert command == "digit-detector"
    told = detector.cli.main.parser().parse_args(end)
    assert told.engine == "ray"
    assert told.resume, "it is begun again when its driver is lost"
    assert told.address is None, "Ray names its own cluster to the jobs that are submitted to it"
    assert "://" in told.images
    assert "://" in told.out, "pods share no folder"
    assert job["spec"]["entrypoint"].endswith("|| test $? -eq 1")


def test_its_pods_have_no_rights_limits_and_room_for_their_workers(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    for group in (cluster["headGroupSpec"], workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
        (store,) = (volume for volume in pod["volumes"] if volume["name"] == "store")
        assert store["emptyDir"]["sizeLimit"] == "512Mi"
        assert int(group["rayStartParams"]["object-store-memory"]) <= 512 * 2**20
    cpus = workers["rayStartParams"]["num-cpus"]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["cpu"] == cpus
    assert limits["memory"] == f"{2 * int(cpus)}Gi", "2 GB a worker"
    assert cluster["enableInTreeAutoscaling"] is True
    assert workers["minReplicas"] <= workers["replicas"] < workers["maxReplicas"]


def test_the_policy_names_these_pods(documents: dict[str, dict[str, Any]], job: dict[str, Any]) -> None:
    cluster, policy = job["spec"]["rayClusterSpec"], documents["NetworkPolicy"]["spec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["template"]["metadata"]["labels"] == policy["podSelector"]["matchLabels"]
    named = {port["port"] for rule in policy["ingress"] for port in rule.get("ports", ())}
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert named <= {port["name"] for port in head["ports"]}


def test_it_runs_the_ray_that_is_tested(checkout: Path, job: dict[str, Any]) -> None:
    lines = (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert f"ray=={job['spec']['rayClusterSpec']['rayVersion']}" in lines
