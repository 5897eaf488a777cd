"""What a metrics page says, read as Prometheus reads it."""

import urllib.request
from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, frozenset[tuple[str, str]]]


def counts(page: str) -> Counter[Sample]:
    """Values by name and labels."""
    found: Counter[Sample] = Counter()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def of_registry(registry: CollectorRegistry) -> Counter[Sample]:
    """What is counted in this process."""
    return counts(generate_latest(registry).decode())


def of_page(port: int) -> Counter[Sample]:
    """What a server on this machine shows."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as page:
        assert page.headers["Content-Type"].startswith("text/plain")
        return counts(page.read().decode())


def sample(name: str, /, **labels: str) -> Sample:
    return f"digit_detector_{name}", frozenset(labels.items())
