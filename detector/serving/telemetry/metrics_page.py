"""The page that Prometheus reads, for one process or for several that count together.

prometheus_client looks at its environment when it is imported: whoever counts together with others has what
`published` put there from its start on.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, multiprocess, start_http_server

from detector.results.errors import ServerStartError
from detector.serving.telemetry.metrics import REGISTRY
from detector.serving.telemetry.observability import Observability

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which each process that is started from now on keeps its counts."""

_log = logging.getLogger(__name__)


@contextmanager
def published(observability: Observability, processes: int) -> Iterator[None]:
    """Shows what is counted, if that is asked for, until the end.

    Args:
        observability: whether, and where.
        processes: 1 if this process counts; otherwise those do that it starts meanwhile.

    Raises:
        ServerStartError: if the page cannot listen, or there is no place for temporary files.
    """
    if observability.metrics_port is None:
        yield
    elif processes == 1:
        with _page(observability, REGISTRY):
            yield
    else:
        with _shared_counts() as sums, _page(observability, sums):
            yield


def forget(pid: int) -> None:
    """A process that counted has ended: its counts stay in the sums, its memory and its queue are no more."""
    if _FOLDER in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextmanager
def _shared_counts() -> Iterator[CollectorRegistry]:
    """The sums over all processes that are started meanwhile."""
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
def _page(observability: Observability, registry: CollectorRegistry) -> Iterator[None]:
    """Serves a registry over HTTP from a thread, at any path."""
    host, port = observability.metrics_host, observability.metrics_port
    assert port is not None
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ServerStartError(f"metrics: cannot listen on {host}, port {port}: {error.strerror}") from error
    _log.info("metrics page", extra={"fields": {"host": host, "port": server.server_port}})
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
