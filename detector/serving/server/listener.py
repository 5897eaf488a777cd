"""The gRPC side of a server: what every call passes, the port it comes in by, and TLS."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import grpc

from detector.results.errors import ServerStartError
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.server.interceptor import CallInterceptor
from detector.serving.server.settings import CALLS_PER_IMAGE, Observability, Security, ServerSettings
from detector.serving.server.tokens import TokenFile
from detector.serving.wire import certificates
from detector.system.addresses import address, is_loopback

if TYPE_CHECKING:
    from detector.serving.telemetry.tracing import Tracing


def make_server(settings: ServerSettings, tracing: "Tracing | None") -> grpc.aio.Server:
    """Make a server without services, which does not listen yet.

    Raises:
        ServerStartError: if the settings ask for files that are no good.
    """
    return grpc.aio.server(interceptors=[_interceptor(settings, tracing)], options=_options(settings))


def start_tracing(observability: Observability) -> "Tracing | None":
    """Return what makes calls part of traces, where that is asked for.

    Raises:
        ServerStartError: if the libraries for it are not installed.
    """
    if not observability.tracing:
        return None
    try:
        from detector.serving.telemetry.tracing import Tracing  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        raise ServerStartError(
            "--tracing needs more libraries: pip install 'digit-detector[tracing]'"
        ) from error
    return Tracing()


def bind(server: grpc.aio.Server, settings: ServerSettings) -> int:
    """Take the port; return its number.

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
    """Reserve a port for several processes to share: while the block runs nobody else gets it.

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
        except (OSError, OverflowError, UnicodeError) as error:
            raise _refusal(host, port) from error
        yield int(holder.getsockname()[1])


def _interceptor(settings: ServerSettings, tracing: "Tracing | None") -> CallInterceptor:
    limits, security = settings.limits, settings.security
    return CallInterceptor(
        CALLS_PER_IMAGE * (limits.max_concurrent_images + limits.streams),
        None if security.tokens is None else TokenFile(security.tokens),
        security.open_health,
        None if tracing is None else tracing.trace,
    )


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
    """Return the operating system's own words for why nobody can listen there."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except (OSError, OverflowError, UnicodeError) as error:  # UnicodeError: a name that cannot be, as a..b
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return os.strerror(errno.EADDRINUSE)
        return getattr(error, "strerror", None) or str(error)
    return "gRPC cannot use this address"


def server_credentials(host: str, security: Security) -> grpc.ServerCredentials | None:
    """Return the server's TLS credentials; None for a connection in the clear.

    Args:
        host: where the server listens; in the clear other machines reach it only if that is asked for.
        security: the files.

    Raises:
        ServerStartError: if the files do not belong together, or other machines would call in the clear.
    """
    if security.certificate is None and security.key is None:
        _check_in_the_clear(host, security)
        return None
    if security.certificate is None or security.key is None:
        raise ServerStartError("TLS needs both a certificate (--tls-cert) and its private key (--tls-key)")
    authorities = security.client_ca
    try:
        certificates.check_pair(security.certificate, security.key)
        if authorities is not None:
            certificates.check_authorities(authorities)
    except certificates.UnusableFileError as error:
        raise ServerStartError(str(error)) from error
    return grpc.ssl_server_credentials(
        [(security.key.read_bytes(), security.certificate.read_bytes())],
        root_certificates=None if authorities is None else authorities.read_bytes(),
        require_client_auth=authorities is not None,
    )


def _check_in_the_clear(host: str, security: Security) -> None:
    if security.client_ca is not None:
        raise ServerStartError("--client-ca needs TLS: give --tls-cert and --tls-key too")
    if not security.insecure and not is_loopback(host):
        raise ServerStartError(
            f"other machines can reach {host}, so calls must be encrypted: give --tls-cert and --tls-key, "
            "or --insecure if something else protects them"
        )
