"""The settings of logs, metrics and traces: plain values that need no library."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Observability:
    """What a server tells those who run it.

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
