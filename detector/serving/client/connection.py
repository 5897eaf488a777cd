"""The way to a server: addresses, TLS, a token. Nothing here connects, or imports gRPC."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from numbers import Real
from pathlib import Path

from detector.results.errors import ClientSetupError, InvalidOptionError
from detector.serving.wire import certificates


@dataclass(frozen=True)
class Tls:
    """How an encrypted connection is made; the files are PEM.

    Attributes:
        ca: certificates of the authorities that may vouch for the server; None for the publicly known ones.
        certificate: the client's own certificate, with the chain to its authority, for servers that want one.
        key: the private key of `certificate`.
        server_name: the name that the server's certificate must carry; None for the host of the (first) address.

    Raises:
        ClientSetupError: if a file cannot be used, or only one of certificate and key is given.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ClientSetupError("a client certificate and its private key go together: one is missing")
        with _as_setup_errors():
            if self.ca is not None:
                certificates.check_authorities(self.ca)
            if self.certificate is not None and self.key is not None:
                certificates.check_pair(self.certificate, self.key)


@dataclass(frozen=True)
class Connection:
    """Where a client's calls go, and how.

    Attributes:
        servers: HOST:PORT, or several with commas between them; calls take turns.
        tls: how to encrypt; None for a connection in the clear.
        token: the bearer token that every call carries, if the server asks for one.

    Raises:
        ClientSetupError: if an address is invalid, or the token would be readable on its way.
    """

    servers: str
    tls: Tls | None = None
    token: str | None = None

    def __post_init__(self) -> None:
        hosts = [host for host, _ in self.addresses]
        if self.token is None:
            return
        if not (self.token.isascii() and self.token.isprintable() and self.token.strip() == self.token != ""):
            raise ClientSetupError("a token is one line of printable ASCII characters")
        exposed = [host for host in hosts if not _is_loopback(host)]
        if self.tls is None and exposed:
            raise ClientSetupError(
                f"without TLS anyone on the way to {exposed[0]} could read the token: use TLS (--tls, or tls=Tls())"
            )

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        return [split_address(part) for part in self.servers.split(",")]


def checked_timeout(timeout_s: float | None, default_s: float) -> float:
    """Return the seconds that a call may take: `timeout_s`, or the default if that is None.

    Raises:
        InvalidOptionError: if they are no number above 0.
    """
    seconds = default_s if timeout_s is None else timeout_s
    if not (isinstance(seconds, Real) and 0 < seconds < inf):
        raise InvalidOptionError("timeout_s", f"must be a number of seconds above 0, got {seconds!r}")
    return float(seconds)


def split_address(text: str) -> tuple[str, int]:
    """Host, without the brackets of an IPv6 address, and port.

    Raises:
        ClientSetupError: if `text` is not HOST:PORT.
    """
    host, _, port = text.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in host and bare == host):
        raise ClientSetupError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:50051 or [::1]:50051")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ClientSetupError(f"{text!r}: {port!r} is not a port, a number from 1 to 65535")
    return bare, int(port)


def read_token(path: Path) -> str:
    """Return the token in a file that holds nothing else.

    Raises:
        ClientSetupError: if the file cannot be read.
    """
    try:
        with _as_setup_errors(), certificates.named(path):
            return path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError as error:
        raise ClientSetupError(f"{path}: a token is one line of printable ASCII characters") from error


@contextmanager
def _as_setup_errors() -> Iterator[None]:
    try:
        yield
    except certificates.UnusableFileError as error:
        raise ClientSetupError(str(error)) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
