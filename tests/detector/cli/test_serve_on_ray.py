"""`digit-detector serve --engine ray` as far as it goes without Ray: what it is told, and what it refuses."""

import subprocess
import sys

import pytest

import detector.cli.main
from detector.cli.program import NOT_STARTED
from detector.cli.ray import serve as serve_on_ray
from detector.results.errors import ServerStartError
from detector.serving.ray.cluster_settings import ClusterAddress, ClusterSettings

RAY = ["serve", "--engine", "ray"]


def told(*words: str) -> ClusterSettings:
    return serve_on_ray.settings_of(detector.cli.main.parser().parse_args([*RAY, *words]))


def test_without_options_it_is_told_the_defaults() -> None:
    assert told() == ClusterSettings()
    assert serve_on_ray.address_of(detector.cli.main.parser().parse_args(RAY)) == ClusterAddress()


def test_what_it_is_told() -> None:
    settings = told(
        "--cpus",
        "4",
        "--min-replicas",
        "6",
        "--max-concurrent-images",
        "9",
        "--grace",
        "7",
        "--log-format",
        "json",
    )
    assert settings == ClusterSettings(
        cpus=4, min_replicas=6, max_replicas=6, max_concurrent_images=9, grace_s=7, log_format="json"
    )
    args = detector.cli.main.parser().parse_args([*RAY, "--address", "10.0.0.1:6379", "--port", "8500"])
    assert serve_on_ray.address_of(args) == ClusterAddress("10.0.0.1:6379", 8500)


def test_a_models_folder_is_named_in_full() -> None:
    """Replicas have another working folder."""
    model = told("--model", "models/mine").model
    assert model is not None
    assert model.is_absolute()


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["--host", "0.0.0.0"], "every address"),
        (["--processes", "2"], "--min-replicas"),
        (["--watch-model"], "serve deploy"),
        (["--tls-cert", "server.pem"], "Envoy"),
        (["--tls-key", "server.key"], "Envoy"),
        (["--client-ca", "ca.pem"], "Envoy"),
        (["--tokens", "tokens.txt"], "Envoy"),
        (["--health-auth"], "Envoy"),
        (["--metrics-port", "9464"], "ray start"),
        (["--metrics-host", "0.0.0.0"], "ray start"),
        (["--tracing"], "ray start"),
    ],
)
def test_options_of_one_machine_are_refused(
    words: list[str], instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detector.cli.main.main([*RAY, *words]) == NOT_STARTED
    error = capsys.readouterr().err
    assert f"{words[0]} means nothing with --engine ray" in error
    assert instead in error


@pytest.mark.parametrize("option", ["--address", "--cpus", "--min-replicas", "--max-replicas"])
def test_options_of_a_cluster_are_refused_without_it(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert detector.cli.main.main(["serve", option, "3"]) == NOT_STARTED
    assert f"{option} means nothing without --engine ray" in capsys.readouterr().err


def test_replicas_crossed() -> None:
    with pytest.raises(ServerStartError, match="--min-replicas 5 is more than --max-replicas 4"):
        told("--min-replicas", "5", "--max-replicas", "4")


def test_a_port_is_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert detector.cli.main.main([*RAY, "--port", "0"]) == NOT_STARTED
    assert "name it" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['ray'] = None; from detector.cli.main import main; "
        "sys.exit(main(['serve', '--engine', 'ray']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == NOT_STARTED
    assert done.stderr == (
        "digit-detector: error: --engine ray needs more libraries: pip install 'digit-detector[ray]'\n"
    )


def test_the_parts_without_ray_do_not_bring_it_in() -> None:
    program = (
        "import sys, detector.cli.main, detector.cli.ray.serve, detector.serving.ray.ingress; "
        "import detector.serving.ray.raw_methods, detector.serving.client.client; "
        "print({'ray', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
