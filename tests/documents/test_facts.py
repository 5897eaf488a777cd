"""What pages state about the code is so, and what their blocks leave behind is right."""

import re
import shutil
from pathlib import Path

import pytest

from detector import DigitDetector
from detector.models.model_files import load_model
from detector.results.errors import ServiceUnavailableError
from detector.serving.client import DetectorClient, Tls
from detector.serving.server.settings import Security
from detector.serving.telemetry.metrics import REGISTRY
from detector.serving.wire.statuses import CODES
from tests.detector.serving.harness import RunningServer, SlowDetector
from tests.documents.conftest import Walks
from tests.documents.pages import read, section
from tests.documents.workspace import EMBEDDED

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def test_the_table_of_errors_is_complete() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_]+) \|", section("docs/grpc-api.md", "Errors"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert dict(rows) == {kind.reason: code.name for kind, code in CODES.items()}


def test_the_table_of_metrics_is_complete() -> None:
    shown = set(re.findall(r"`(digit_detector_\w+)`", section("docs/observability.md", "Metrics")))
    kept = {f"{m.name}_total" if m.type == "counter" else m.name for m in REGISTRY.collect()}
    assert shown == kept


def test_the_stages_named_are_those_that_are_measured(
    embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    (listed,) = re.findall(r"The stages are ([\w, \n]+),\s+in the order", read("docs/observability.md"))
    measured = embedded.detect(real_images["31"].read_bytes()).stage_seconds
    assert set(re.findall(r"\w+", listed)) - {"and"} == {"queue", *measured}


@pytest.mark.slow
def test_grpcurl_finds_services_health_and_numbers(walk: Walks) -> None:
    printed = walk("docs/grpc-api.md").printed
    services, health, model, found = (text for line, text in printed.items() if "grpcurl" in line)
    assert {"detector.v1.DigitDetector", "grpc.health.v1.Health"} <= set(services.split())
    assert '"SERVING"' in health
    assert '"parameterCount"' in model
    assert '"text": "31"' in found, "house.jpg shows the number 31"


@pytest.mark.slow
@needs_openssl
def test_tls_token_and_metrics(walk: Walks) -> None:
    printed = walk("docs/security.md").printed
    health, digits, page = (
        text
        for line, text in printed.items()
        if re.search(r"^digit-detector (health|detect)|/metrics$", line)
    )
    assert health == "SERVING\n"
    assert digits.splitlines()[1].split()[:2] == ["house.jpg", "31"]
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE digit_detector")}
    assert names
    assert not {name for name in names if f"`{name}`" not in read("docs/observability.md")}


@pytest.mark.slow
@needs_openssl
def test_certificates_of_callers(walk: Walks) -> None:
    """The page's certificates, between a server and a client of this package."""
    folder = walk("docs/security.md").folder
    security = Security(folder / "server.pem", folder / "server.key", client_ca=folder / "callers.pem")
    alice = Tls(folder / "server.pem", folder / "alice.pem", folder / "alice.key")
    with RunningServer(SlowDetector(opened=True), security=security) as running:
        address = running.address.replace("127.0.0.1", "localhost")
        with DetectorClient(address, tls=alice) as client:
            assert client.info().name == "slow"
        stranger = Tls(folder / "server.pem")
        with DetectorClient(address, tls=stranger) as client, pytest.raises(ServiceUnavailableError):
            client.is_serving()


@pytest.mark.slow
def test_a_bad_label_is_named_as_shown(walk: Walks) -> None:
    printed = walk("docs/own-data.md").printed
    shown = section("docs/own-data.md", "Check the labels").rpartition("```text\n")[2].partition("```")[0]
    (found,) = (text for line, text in printed.items() if "exit code" in line)
    assert found.startswith(shown)
    assert found.endswith("exit code 1\n")


@pytest.mark.slow
def test_numbers_that_are_known_become_labels(walk: Walks) -> None:
    rows = (walk("docs/own-data.md").folder / "aligned").glob("*.csv")
    assert "svhn_train_5.png,3," in "".join(path.read_text() for path in rows)


@pytest.mark.slow
def test_fine_tuning_changes_the_networks_that_it_says(walk: Walks) -> None:
    page = walk("docs/fine-tuning.md")
    check, fcn, refiner, compare = list(page.printed.values())[:4]
    assert "images: 50 (train 40, val 5, test 5)" in check
    for printed in (fcn, refiner):
        assert "40 train images, 5 validation images" in printed
        assert re.search(r"^own: f1_50 +[01]\.\d+ +[01]\.\d+ +[+-]", printed, re.MULTILINE)
    assert re.search(r"^models/mine-both is .*better than embedded: F1@0.5", compare, re.MULTILINE)
    assert (page.folder / "differences" / "index.html").is_file()
    original, first, both = (
        load_model(folder)[0]
        for folder in (EMBEDDED, page.folder / "models/mine", page.folder / "models/mine-both")
    )
    assert any((old != new).any() for old, new in zip(original.fcn, first.fcn, strict=True))
    assert all((old == new).all() for old, new in zip(first.fcn, both.fcn, strict=True))
    assert any((old != new).any() for old, new in zip(first.refiner, both.refiner, strict=True))


@pytest.mark.slow
def test_results_become_a_gallery_and_files(walk: Walks) -> None:
    folder = walk("docs/results.md").folder
    assert (folder / "gallery" / "index.html").is_file()
    assert (folder / "yolo" / "data.yaml").is_file()
    assert "svhn_train_5.png" in (folder / "numbers.csv").read_text()
