"""HTTP/2 spoken by hand (RFC 9113), to say to a server what no gRPC library would."""

import socket
import time
from types import TracebackType
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_STREAM, END_HEADERS = 1, 4
ENHANCE_YOUR_CALM = 11

Header = tuple[bytes, bytes]


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def headers(path: str, *more: Header) -> bytes:
    """The headers of a gRPC call, as literals without Huffman coding (RFC 7541, section 6.2.2)."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *more,
    ]
    return b"".join(b"\0" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in fields)


def call(path: str, body: bytes, *more: Header, stream: int = 1) -> bytes:
    """The frames of a whole call; `body` is what follows its headers, a gRPC message or not."""
    opened = frame(HEADERS, headers(path, *more), END_HEADERS | (0 if body else END_STREAM), stream)
    return opened + (frame(DATA, body, END_STREAM, stream) if body else b"")


def message(payload: bytes, compressed: bool = False, length: int | None = None) -> bytes:
    """A gRPC message with its prefix; `length` is what the prefix says."""
    return bytes([compressed]) + (len(payload) if length is None else length).to_bytes(4, "big") + payload


class RawConnection:
    """A connection to HOST:PORT; `heard` is all that came back so far."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self.heard = b""

    def say(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self, what: bytes, timeout_s: float = 60.0) -> bool:
        """Waits until `what` has come; False if the server closes the connection, or nothing comes, before."""
        end = time.monotonic() + timeout_s
        while what not in self.heard:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return False
            if not data:
                return False
            self.heard += data
        return True

    def closed(self, timeout_s: float = 60.0) -> bool:
        """Waits until the server has closed the connection; False if it does not."""
        end = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False
            if not data:
                return True
            self.heard += data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
