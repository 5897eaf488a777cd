"""The files under deploy/ that are for Ray: what Kubernetes has schemas for is checked by them, the rest by name.

KubeRay's schema of a RayService is not in the package registries; its fields are those of its Go types, written down
here as far as they are used, so that a misspelt one is found.
"""

import subprocess
import venv
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from detector.serving.ray.cluster_settings import ClusterAddress, ClusterSettings
from detector.serving.ray.raw_methods import REGISTER
from tests.dockerfile import stages_of
from tests.test_deploy import StrictLoader

SPEC = {"serveConfigV2", "serveService", "rayClusterConfig"}
CLUSTER = {"rayVersion", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec", "workerGroupSpecs"}
AUTOSCALER = {"idleTimeoutSeconds", "upscalingMode", "resources", "securityContext"}
HEAD = {"rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def load_all(path: Path) -> list[dict[str, Any]]:
    return list(yaml.load_all(path.read_text(encoding="utf-8"), StrictLoader))


@pytest.fixture(scope="module")
def documents(checkout: Path) -> dict[str, dict[str, Any]]:
    return {found["kind"]: found for found in load_all(checkout / "deploy" / "ray-service.yaml")}


@pytest.fixture(scope="module")
def spec(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = documents["RayService"]["spec"]
    return found


@pytest.fixture(scope="module")
def cluster(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["rayClusterConfig"]
    return found


@pytest.fixture(scope="module")
def served(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(spec["serveConfigV2"], StrictLoader)
    return found


def groups(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def test_every_field_is_one_of_kuberays(
    documents: dict[str, dict[str, Any]], cluster: dict[str, Any]
) -> None:
    service = documents["RayService"]
    assert (service["apiVersion"], set(service)) == ("ray.io/v1", {"apiVersion", "kind", "metadata", "spec"})
    assert set(service["spec"]) == SPEC
    assert set(cluster) == CLUSTER
    assert set(cluster["autoscalerOptions"]) == AUTOSCALER
    assert set(cluster["headGroupSpec"]) == HEAD
    assert all(set(group) == WORKERS for group in cluster["workerGroupSpecs"])
    for group in groups(cluster):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_pods_services_and_policies_are_what_kubernetes_takes(
    version: str, documents: dict[str, dict[str, Any]], spec: dict[str, Any], cluster: dict[str, Any]
) -> None:
    for group in groups(cluster):
        pod = {"apiVersion": "v1", "kind": "Pod", **group["template"]}
        kubernetes_validate.validate(pod, version, strict=True)
    service = {"apiVersion": "v1", "kind": "Service", **spec["serveService"]}
    kubernetes_validate.validate(service, version, strict=True)
    kubernetes_validate.validate(documents["NetworkPolicy"], version, strict=True)
    options = cluster["autoscalerOptions"]
    sidecar = {name: options[name] for name in ("resources", "securityContext")}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "autoscaler", **sidecar}]}}
    kubernetes_validate.validate(pod, version, strict=True)


def test_a_misspelt_field_of_a_pod_would_be_found(cluster: dict[str, Any]) -> None:
    template = {**cluster["headGroupSpec"]["template"], "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", **template}, "1.31", strict=True)


def test_pods_have_no_rights_and_limits(cluster: dict[str, Any]) -> None:
    for group in groups(cluster):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert {probe for probe in container if probe.endswith("Probe")} == {
            "livenessProbe",
            "readinessProbe",
        }


def test_what_is_served_fits_the_pods(spec: dict[str, Any], cluster: dict[str, Any], served: Any) -> None:
    settings = ClusterSettings(**served["applications"][0]["args"])
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["rayStartParams"]["num-cpus"] == str(settings.cpus), "a pod for each replica"
    assert workers["minReplicas"] == workers["replicas"] == settings.min_replicas
    assert workers["maxReplicas"] == settings.max_replicas
    assert workers["template"]["spec"]["terminationGracePeriodSeconds"] > settings.grace_s
    (service_port,) = spec["serveService"]["spec"]["ports"]
    assert served["grpc_options"]["port"] == service_port["targetPort"] == ClusterAddress.port
    for group in groups(cluster):
        (container,) = group["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["grpc"] == ClusterAddress.port
        assert ports["serve"] == served["http_options"]["port"]


def test_the_policy_names_pods_and_ports_that_there_are(
    documents: dict[str, dict[str, Any]], cluster: dict[str, Any]
) -> None:
    policy = documents["NetworkPolicy"]["spec"]
    for group in groups(cluster):
        assert policy["podSelector"]["matchLabels"] == group["template"]["metadata"]["labels"]
    named = {port["port"] for rule in policy["ingress"] for port in rule.get("ports", ())}
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert named <= {port["name"] for port in head["ports"]}


def test_both_files_serve_the_same(checkout: Path, served: dict[str, Any]) -> None:
    (plain,) = load_all(checkout / "deploy" / "ray-serve.yaml")
    assert tuple(plain["grpc_options"]["grpc_servicer_functions"]) == REGISTER
    for found in (plain, served):
        del found["http_options"]
        found["applications"][0]["args"].pop("log_format", None)
    assert plain == served


def test_the_same_dockerfile_builds_the_image_with_ray(checkout: Path, cluster: dict[str, Any]) -> None:
    build = stages_of(checkout / "deploy" / "Dockerfile")[0].instructions
    assert ("ARG", "EXTRAS=") in build, "without it the image is that of one machine"
    (install,) = (text for name, text in build if name == "RUN" and "pip install" in text)
    assert install.endswith('".$EXTRAS"')
    assert "--build-arg EXTRAS=[ray]" in (checkout / "deploy" / "ray-service.yaml").read_text()
    pinned = dict(
        line.split("==") for line in (checkout / "constraints.txt").read_text().splitlines() if "==" in line
    )
    assert cluster["rayVersion"] == pinned["ray"]


# Envoy


@pytest.fixture(scope="module")
def envoy(checkout: Path) -> dict[str, Any]:
    (found,) = load_all(checkout / "deploy" / "envoy.yaml")
    return found


def test_envoy_leads_to_the_service_and_asks_for_a_token(envoy: dict[str, Any], spec: dict[str, Any]) -> None:
    (listener,), (upstream,) = envoy["static_resources"]["listeners"], envoy["static_resources"]["clusters"]
    (chain,) = listener["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    rules = manager["http_filters"][0]["typed_config"]["rules"]
    assert chain["transport_socket"]["name"] == "envoy.transport_sockets.tls"
    assert rules["action"] == "ALLOW", "what no policy names is refused"
    assert {name for name, policy in rules["policies"].items() if {"any": True} in policy["principals"]} == {
        "health"
    }
    (endpoint,) = upstream["load_assignment"]["endpoints"][0]["lb_endpoints"]
    where = endpoint["endpoint"]["address"]["socket_address"]
    assert where["address"] == spec["serveService"]["metadata"]["name"]
    assert where["port_value"] == ClusterAddress.port


@pytest.mark.soak
def test_every_field_is_one_of_envoys(checkout: Path, tmp_path: Path) -> None:
    """In an environment of its own: the package of Envoy's messages brings older files of others' packages, too."""
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-qq", "xds-protos==1.85.0", "PyYAML"], check=True)
    parse = [python, str(Path(__file__).with_name("envoy_fields.py"))]
    assert subprocess.run([*parse, str(checkout / "deploy" / "envoy.yaml")], check=False).returncode == 0
    misspelt = tmp_path / "misspelt.yaml"
    text = (checkout / "deploy" / "envoy.yaml").read_text("utf-8")
    misspelt.write_text(text.replace("stat_prefix", "stat_prefiks"), "utf-8")
    wrong = subprocess.run([*parse, str(misspelt)], check=False, capture_output=True, text=True)
    assert wrong.returncode
    assert "stat_prefiks" in wrong.stderr
