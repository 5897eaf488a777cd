"""Addresses of servers and of Ray clusters: how they are written, who reaches them, whether anybody listens."""

import ipaddress
import socket

_CONNECT_S = 10.0


def address(host: str, port: int) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`; a name that nobody knows is refused later, with its reason."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: a name that cannot be, as a..b
        return True
    return all(ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback for *_, where in found)


def refusal(address: str) -> str | None:
    """Why nobody can be reached at HOST:PORT; None if somebody can, or if it is none, such as Ray's word `auto`.

    Ray itself would try for minutes.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        return str(error)
    return None
