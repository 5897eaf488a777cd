"""A quick look whether a Ray cluster listens at an address: Ray itself would try for minutes."""

import socket

_CONNECT_S = 10.0


def refusal(address: str) -> str | None:
    """Why nobody can be reached at HOST:PORT; None if somebody can, or if it is none, such as Ray's word `auto`."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        return str(error)
    return None
