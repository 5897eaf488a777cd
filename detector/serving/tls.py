"""The server's side of TLS, and the rule of when it may do without."""

import ipaddress
import socket

import grpc

from detector.errors import ServerStartError
from detector.serving import pem
from detector.serving.settings import Security


def server_credentials(host: str, security: Security) -> grpc.ServerCredentials | None:
    """What the server shows its callers, and asks of them; None for a connection in the clear.

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
        pem.check_pair(security.certificate, security.key)
        if authorities is not None:
            pem.check_authorities(authorities)
    except pem.UnusableFileError as error:
        raise ServerStartError(str(error)) from error
    return grpc.ssl_server_credentials(
        [(security.key.read_bytes(), security.certificate.read_bytes())],
        root_certificates=None if authorities is None else authorities.read_bytes(),
        require_client_auth=authorities is not None,
    )


def _check_in_the_clear(host: str, security: Security) -> None:
    if security.client_ca is not None:
        raise ServerStartError("--client-ca needs TLS: give --tls-cert and --tls-key too")
    if not security.insecure and not _is_loopback(host):
        raise ServerStartError(
            f"other machines can reach {host}, so calls must be encrypted: give --tls-cert and --tls-key, "
            "or --insecure if something else protects them"
        )


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`; a name that nobody knows is refused later, with its reason."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return all(ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback for *_, where in found)
