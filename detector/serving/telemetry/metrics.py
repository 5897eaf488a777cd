"""Metrics of a server, for Prometheus.

Several processes count in files of one folder, each in its own, and one page shows the sums: prometheus_client does
that by itself if PROMETHEUS_MULTIPROC_DIR is set when it is first imported: whoever counts together with others has
what `published` put there from its start on. Labels take few values, none of which a caller can choose.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    multiprocess,
    start_http_server,
)

from detector.results.detections import ImageDetections
from detector.results.errors import ServerStartError
from detector.results.interface import ModelInfo

disable_created_metrics()  # type: ignore[no-untyped-call] # when a count began; several processes do not tell

_log = logging.getLogger(__name__)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which each process that is started from now on keeps its counts."""

REGISTRY = CollectorRegistry()
"""All that is below."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_requests = Counter(
    "digit_detector_requests",
    "Calls that have ended.",
    ["method", "code"],
    registry=REGISTRY,
)
_request_seconds = Histogram(
    "digit_detector_request_seconds",
    "Time from a call's first header to its end.",
    ["method"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
_stage_seconds = Histogram(
    "digit_detector_stage_seconds",
    "Time that one image spent in one stage of the work.",
    ["stage"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
_rejected = Counter(
    "digit_detector_rejected",
    "Calls, and images of streams, that were answered with an error, by its reason.",
    ["reason"],
    registry=REGISTRY,
)
_images = Counter("digit_detector_images", "Images answered with detections.", registry=REGISTRY)
_digits = Counter("digit_detector_digits", "Digits found in them.", registry=REGISTRY)
_queue = Gauge(
    "digit_detector_queue_length",
    "Images that wait for the network.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_model = Gauge(
    "digit_detector_model_processes",
    "Processes that serve this model; 0 when another has taken its place.",
    ["name", "version", "sha256"],
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_memory = Gauge(
    "digit_detector_resident_memory_bytes",
    "Memory of each server process when its last call ended.",
    multiprocess_mode="liveall",
    registry=REGISTRY,
)


_STATM = Path("/proc/self/statm")


def count_call(method: str, code: str, seconds: float) -> None:
    """Count a call that has ended.

    Args:
        method: one of the few that there are.
        code: the name of its gRPC status.
        seconds: from its first header on.
    """
    _requests.labels(method, code).inc()
    _request_seconds.labels(method).observe(seconds)
    measure_memory()


def count_detections(found: ImageDetections) -> None:
    """Count an image that was answered."""
    _images.inc()
    _digits.inc(len(found.digits))
    for stage, seconds in found.stage_seconds.items():
        _stage_seconds.labels(stage).observe(seconds)


def count_rejection(reason: str) -> None:
    """Count a call or image that was answered with an error."""
    _rejected.labels(reason).inc()


def waiting() -> AbstractContextManager[None]:
    """While it lasts, an image is in the queue."""
    return _queue.track_inprogress()


def set_model(old: ModelInfo | None, new: ModelInfo | None) -> None:
    """Count `new` in place of `old`; None where there is none."""
    for info, serving in ((old, 0), (new, 1)):
        if info is not None:
            _model.labels(info.name, info.version, info.sha256).set(serving)


def measure_memory() -> None:
    """Take note of this process's memory, where there is Linux's /proc."""
    if _STATM.exists():
        _memory.set(int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"))


@contextmanager
def published(host: str, port: int | None, processes: int) -> Iterator[None]:
    """Show what is counted, if that is asked for, until the end.

    Args:
        host: name or address at which the page listens.
        port: 0 for any that is free, None for no page.
        processes: 1 if this process counts; otherwise those do that it starts meanwhile.

    Raises:
        ServerStartError: if the page cannot listen, or there is no place for temporary files.
    """
    if port is None:
        yield
    elif processes == 1:
        with _page(host, port, REGISTRY):
            yield
    else:
        with _shared_counts() as sums, _page(host, port, sums):
            yield


def forget(pid: int) -> None:
    """Drop an ended process's memory and queue; its counts stay in the sums."""
    if _FOLDER in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextmanager
def _shared_counts() -> Iterator[CollectorRegistry]:
    """Provide the sums over all processes that are started meanwhile."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="digit-detector-metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ServerStartError(
            f"metrics of several processes need a folder for temporary files, TMPDIR may name one: {error}"
        ) from error
    with folder as path:
        os.environ[_FOLDER] = path
        try:
            sums = CollectorRegistry()
            multiprocess.MultiProcessCollector(sums)  # type: ignore[no-untyped-call]
            yield sums
        finally:
            del os.environ[_FOLDER]


@contextmanager
def _page(host: str, port: int, registry: CollectorRegistry) -> Iterator[None]:
    """Serve a registry over HTTP from a thread, at any path."""
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerStartError(f"metrics: cannot listen on {host}, port {port}: {reason}") from error
    _log.info("metrics page", extra={"fields": {"host": host, "port": server.server_port}})
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
