"""The trace in which a client makes its calls, so that the server's spans become part of it."""

import sys

Metadata = tuple[tuple[str, str], ...]


def trace_metadata() -> Metadata:
    """What a call carries to name the span that is current here (W3C Trace Context); nothing without one.

    Only a program that has itself imported OpenTelemetry can have a span, so nobody else pays for it.
    """
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate  # noqa: PLC0415 - see above

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple(carrier.items())
