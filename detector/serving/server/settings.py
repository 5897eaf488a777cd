"""The settings of a server: plain values in groups, complete before a heavy library is imported."""

from dataclasses import dataclass, field
from pathlib import Path

CALLS_PER_IMAGE = 4
"""Calls of any kind but health checks that may be open per image or stream admitted."""


@dataclass(frozen=True)
class WorkLimits:
    """How much a server takes on at once.

    Attributes:
        max_concurrent_images: images admitted, waiting or in work; one more is refused with OverloadedError.
        decoded_images: of these, images whose pixels are in memory.
        streams: open DetectStream calls.
        stream_window: images of one stream that are read ahead.
    """

    max_concurrent_images: int = 16
    decoded_images: int = 2
    streams: int = 16
    stream_window: int = 4


@dataclass(frozen=True)
class ConnectionLimits:
    """How much a server puts up with below the level of calls.

    Attributes:
        connections: open at once.
        calls: open at once on one connection.
        handshake_s: seconds until a connection must have said that it speaks HTTP/2 (and TLS).
        idle_s: seconds after which a connection without calls is closed.
        age_s: seconds after which a connection takes no more calls, so that callers spread anew over servers; they
            connect again by themselves.
        age_grace_s: seconds that its last calls then have.
        keepalive_s: seconds of silence after which a peer with open calls must show that it is still there.
        keepalive_timeout_s: seconds that it has for this.
        ping_interval_s: seconds between a peer's own pings; who sends them faster is cut off.
    """

    connections: int = 1000
    calls: int = 100
    handshake_s: float = 20.0
    idle_s: float = 600.0
    age_s: float = 3600.0
    age_grace_s: float = 3600.0
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0
    ping_interval_s: float = 10.0


@dataclass(frozen=True)
class Security:
    """Who may call, and over what kind of connection.

    Attributes:
        certificate: PEM file of the server's certificate and those that vouch for it; None for no TLS.
        key: PEM file of its private key.
        client_ca: PEM file of certificates; callers must show one that these vouch for (mutual TLS).
        insecure: without TLS, listen to other machines too.
        tokens: file of the tokens that callers may show, see `detector.serving.server.tokens`; None to ask for none.
        open_health: answer health checks without a token: Check, not Watch.
    """

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    insecure: bool = False
    tokens: Path | None = None
    open_health: bool = True


@dataclass(frozen=True)
class Observability:
    """How a server is observed.

    Attributes:
        metrics_host: name or address at which the metrics page listens.
        metrics_port: 0 for any that is free, None for no page.
        log_format: "text" or "json".
        tracing: send OpenTelemetry spans to where the OTEL_ environment variables say.
    """

    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    log_format: str = "text"
    tracing: bool = False


@dataclass(frozen=True)
class ServerSettings:
    """Where a server listens and what it takes on.

    Attributes:
        host: name or address to listen at.
        port: 0 for any that is free.
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.models.runtimes`.
        max_pixels: images with more pixels are refused; None for the detector's own limit.
        watch_model: whether the model is loaded anew whenever its manifest changes.
        processes: how many serve at this port, each with a model and limits of its own.
        grace_s: seconds that work in flight gets to finish when the server is told to stop.
        limits: how much it takes on at once.
        connections: what it puts up with below the level of calls.
        security: who may call.
        observability: how it is observed.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    model: Path | None = None
    runtime: str = "openvino"
    max_pixels: int | None = None
    watch_model: bool = False
    processes: int = 1
    grace_s: float = 30.0
    limits: WorkLimits = field(default_factory=WorkLimits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    security: Security = field(default_factory=Security)
    observability: Observability = field(default_factory=Observability)
