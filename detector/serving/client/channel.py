"""The common parts of both clients: channels, and the messages of streams.

Retries, turns, TLS, tokens and traces are gRPC's own.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import grpc

from detector.results.detections import ImageDetections
from detector.results.errors import ClientSetupError, DetectorError
from detector.results.interface import MAX_MESSAGE_BYTES, DetectOptions
from detector.serving.client.connection import Connection, Tls
from detector.serving.wire.converters import detections_from_wire, request_to_wire
from detector.serving.wire.statuses import from_status
from detector.v1 import detector_pb2 as wire

_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": wire.DESCRIPTOR.services_by_name["DigitDetector"].full_name}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own: of several processes each gets some
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),  # a call that is not kept whole is not retried
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.enable_http_proxy", 0),  # a proxy for web pages is no way to a detector
]


def connect(connection: Connection) -> grpc.Channel:
    """Return a channel for a client that blocks.

    Raises:
        ClientSetupError: if there are several servers and a host of theirs is not known.
    """
    credentials = _credentials(connection)
    if credentials is None:
        return grpc.insecure_channel(_target(connection), _options(connection))
    return grpc.secure_channel(_target(connection), credentials, _options(connection))


def connect_async(connection: Connection) -> grpc.aio.Channel:
    """Return the same for asyncio; to be called where an event loop runs."""
    credentials = _credentials(connection)
    if credentials is None:
        return grpc.aio.insecure_channel(_target(connection), _options(connection))
    return grpc.aio.secure_channel(_target(connection), credentials, _options(connection))


def _target(connection: Connection) -> str:
    """Return gRPC's target. One name is resolved by gRPC, again and again, and may stand for many servers."""
    if len(connection.addresses) == 1:
        return f"dns:///{connection.servers.strip()}"
    # A list must be one of addresses; IPv4 ones are written as IPv6, which can stand for both.
    return "ipv6:" + ",".join(f"[{_resolve(host)}]:{port}" for host, port in connection.addresses)


def _resolve(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_V4MAPPED)
    except (OSError, UnicodeError) as error:
        raise ClientSetupError(f"{host}: {getattr(error, 'strerror', None) or error}") from error
    return str(found[0][4][0])


def _options(connection: Connection) -> list[tuple[str, Any]]:
    if connection.tls is None:
        return _OPTIONS
    name = connection.tls.server_name or connection.addresses[0][0]
    return [*_OPTIONS, ("grpc.ssl_target_name_override", name)]


def _credentials(connection: Connection) -> grpc.ChannelCredentials | None:
    """None for a connection in the clear; a token needs more, if only the certainty that it stays on this machine."""
    if connection.tls is not None:
        channel = _tls_credentials(connection.tls)
    elif connection.token is not None:
        channel = grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)
    else:
        return None
    if connection.token is None:
        return channel
    return grpc.composite_channel_credentials(channel, grpc.access_token_call_credentials(connection.token))


def _tls_credentials(tls: Tls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(_read(tls.ca), _read(tls.key), _read(tls.certificate))


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


Metadata = tuple[tuple[str, str], ...]


def trace_metadata() -> Metadata:
    """Return the metadata that names the span current here (W3C Trace Context); none without one.

    Only a program that has itself imported OpenTelemetry can have a span, so nobody else pays for it.
    """
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate  # noqa: PLC0415 - see above

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple(carrier.items())


StreamItem = tuple[str, bytes] | tuple[str, bytes, DetectOptions]
"""A correlation id, the encoded image, and maybe options."""

StreamResult = tuple[str, ImageDetections | DetectorError]
"""The correlation id of an item, and its detections or the error that it met."""


def stream_request(item: StreamItem) -> wire.DetectStreamRequest:
    """One image of a stream."""
    correlation_id, image, *options = item
    request = request_to_wire(image, options[0] if options else DetectOptions())
    return wire.DetectStreamRequest(correlation_id=correlation_id, request=request)


def stream_result(reply: wire.DetectStreamResponse) -> StreamResult:
    """Return what came of one image."""
    failed = reply.HasField("error")
    return reply.correlation_id, from_status(reply.error) if failed else detections_from_wire(reply.response)
