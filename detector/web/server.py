"""The page as a program: where it listens, and what every answer of it says to browsers."""

import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from detector.models.runtimes import OPENVINO
from detector.pipeline.loading import load_checked
from detector.pipeline.options import DetectorConfig
from detector.results.errors import ServerStartError
from detector.results.interface import MAX_PIXELS
from detector.system.addresses import address, is_loopback
from detector.web.application import TryPage

CONNECTIONS = 64
"""Open at once; a browser opens about six."""

GRACE_S = 10
"""Seconds that work in flight gets to finish when the server is told to stop."""


@dataclass(frozen=True)
class WebSettings:
    """Where the page is served, and by which model.

    Attributes:
        host: name or address to listen at.
        port: 0 for any that is free.
        insecure: whether other machines may send their pictures, without encryption.
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.models.runtimes`.
        max_pixels: images with more pixels are refused; None for the detector's own limit.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    insecure: bool = False
    model: Path | None = None
    runtime: str = OPENVINO
    max_pixels: int | None = None


def serve(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT. Prints `ready: http://HOST:PORT/` when it answers.

    Raises:
        ServerStartError: if it cannot listen there.
        ModelError: if the model cannot be used.
    """
    with _listen(settings) as listener:
        config = DetectorConfig(max_pixels=settings.max_pixels or MAX_PIXELS)
        page = TryPage(load_checked(settings.model, settings.runtime, config))
        server = uvicorn.Server(_config(page))
        print(f"ready: http://{address(settings.host, listener.getsockname()[1])}/", flush=True)
        server.run(sockets=[listener])


def _config(page: TryPage) -> uvicorn.Config:
    return uvicorn.Config(
        page.application(),
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
        headers=[
            ("Content-Security-Policy", page.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ],
    )


def _listen(settings: WebSettings) -> socket.socket:
    host, port = settings.host, settings.port
    if not settings.insecure and not is_loopback(host):
        raise ServerStartError(
            f"other machines can reach {host}, and pictures would travel unencrypted: give --insecure if you trust "
            "the network, or put a server with TLS in front"
        )
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerStartError(f"cannot listen on {address(host, port)}: {reason}") from error
