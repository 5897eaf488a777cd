"""The gRPC side of a server: what every call passes, and the port it comes in by."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc

from detector.errors import ServerStartError
from detector.interface import MAX_MESSAGE_BYTES
from detector.serving.authentication import AuthenticationInterceptor
from detector.serving.malformed import MalformedRequestInterceptor
from detector.serving.observation import ObservationInterceptor, Trace
from detector.serving.open_calls import OpenCallsInterceptor
from detector.serving.settings import Observability, ServerSettings
from detector.serving.tls import server_credentials
from detector.serving.tokens import TokenFile

_CALLS_PER_PLACE = 4
"""Calls of any kind, health checks too, that may be open per image or stream admitted."""


def make_server(settings: ServerSettings) -> grpc.aio.Server:
    """A server without services, which does not listen yet.

    Raises:
        ServerStartError: if the settings ask for files or libraries that are no good.
    """
    return grpc.aio.server(interceptors=_interceptors(settings), options=_options(settings))


def bind(server: grpc.aio.Server, settings: ServerSettings) -> int:
    """Takes the port; returns its number.

    Raises:
        ServerStartError: if the address is taken or not ours, or the settings for TLS are no good.
    """
    host, port = settings.host, settings.port
    credentials = server_credentials(host, settings.security)
    try:
        if credentials is None:
            return server.add_insecure_port(address(host, port))
        return server.add_secure_port(address(host, port), credentials)
    except RuntimeError as error:
        raise _refusal(host, port) from error


@contextmanager
def reserved_port(host: str, port: int) -> Iterator[int]:
    """A port for several processes to share: while the block runs nobody else gets it, though nobody may listen.

    Args:
        host: name or address to listen at.
        port: 0 for any that is free.

    Raises:
        ServerStartError: if the address is taken or not ours.
    """
    with ExitStack() as stack:
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:  # a server that would share it is one, too
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
            holder = stack.enter_context(socket.socket(family, kind, protocol))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(where)
        except (OSError, OverflowError) as error:
            raise _refusal(host, port) from error
        yield int(holder.getsockname()[1])


def address(host: str, port: int) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _interceptors(settings: ServerSettings) -> "list[grpc.aio.ServerInterceptor[object, object]]":
    """What every call passes, the outermost first."""
    limits, security = settings.limits, settings.security
    passed: list[grpc.aio.ServerInterceptor[object, object]] = [
        ObservationInterceptor(_trace(settings.observability))
    ]
    if security.tokens is not None:
        passed.append(AuthenticationInterceptor(TokenFile(security.tokens), security.open_health))
    passed.append(OpenCallsInterceptor(_CALLS_PER_PLACE * (limits.places + limits.streams)))
    passed.append(MalformedRequestInterceptor())
    return passed


def _trace(observability: Observability) -> Trace | None:
    """What makes calls part of traces, where that is asked for.

    Raises:
        ServerStartError: if the libraries for it are not installed.
    """
    if not observability.tracing:
        return None
    try:
        from detector.serving.tracing import start_tracing  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        raise ServerStartError(
            "--tracing needs more libraries: pip install 'digit-detector[tracing]'"
        ) from error
    return start_tracing()


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    limits = settings.connections
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", int(settings.processes > 1)),  # else a port in use would be one to share
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.max_concurrent_streams", limits.calls),
        ("grpc.server_handshake_timeout_ms", _ms(limits.handshake_s)),
        ("grpc.max_connection_idle_ms", _ms(limits.idle_s)),
        ("grpc.max_connection_age_ms", _ms(limits.age_s)),
        ("grpc.max_connection_age_grace_ms", _ms(limits.age_grace_s)),
        ("grpc.keepalive_time_ms", _ms(limits.keepalive_s)),
        ("grpc.keepalive_timeout_ms", _ms(limits.keepalive_timeout_s)),
        (
            "grpc.http2.ping_timeout_ms",
            _ms(limits.keepalive_timeout_s),
        ),  # pings for other reasons count as well
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _ms(limits.ping_interval_s)),
        ("grpc.http2.max_ping_strikes", 2),
    ]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _refusal(host: str, port: int) -> ServerStartError:
    return ServerStartError(f"cannot listen on {address(host, port)}: {_why(host, port)}")


def _why(host: str, port: int) -> str:
    """The operating system's own words for why nobody can listen there."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError as error:
        return os.strerror(errno.EADDRINUSE) if error.errno == errno.EADDRINUSE else str(error.strerror)
    except OverflowError as error:
        return str(error)
    return "gRPC cannot use this address"
