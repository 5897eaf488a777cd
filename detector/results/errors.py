"""Every exception that this package raises on purpose.

    DetectorError
    ├── InvalidRequestError      the caller can mend it; a gRPC server answers INVALID_ARGUMENT
    │   ├── ImageEmptyError          no bytes at all
    │   ├── ImageUnreadableError     no such file, not a regular file, or no permission to read it
    │   ├── ImageUndecodableError    not an image, truncated, damaged, or of a format we do not read
    │   ├── ImageTooLargeError       more pixels than allowed (the header says so, nothing was decoded)
    │   ├── ImageTypeError           an object that is no image, or an array of another shape or type; a TypeError, too
    │   └── InvalidOptionError       a threshold or limit outside its range
    ├── ModelError               weights or manifest missing, damaged, or not what the manifest says
    ├── OverloadedError          the server (or gRPC's message limit) refuses for lack of room
    ├── DeadlineExceededError    the answer would come, or came, too late
    ├── CallCancelledError       the caller does not wait for the answer any more
    ├── ServiceUnavailableError  no server answers at that address, or it is going away
    ├── UnauthenticatedError     the server wants a token, and did not get one that it knows
    ├── UnknownMethodError       the server has no such method
    ├── ServerStartError         a server cannot start as it was told to
    ├── ClientSetupError         a client cannot be made: an address, a certificate, a key or a token is no use
    └── MissingLibraryError      a library that is not installed is needed; an ImportError, too

Each class has a `reason`: the stable, machine-readable word that goes over the wire in ErrorInfo and into
the error rows of a folder job.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class DetectorError(Exception):
    """The base of all errors of this package; `reason` is stable across versions."""

    reason: ClassVar[str] = "INTERNAL"


class InvalidRequestError(DetectorError):
    """The request itself is wrong; sending it again unchanged cannot help."""

    reason = "INVALID_REQUEST"
    field: str = "image"
    """The request's field that is at fault, for google.rpc.BadRequest."""


class ImageEmptyError(InvalidRequestError):
    """The image has no bytes."""

    reason = "IMAGE_EMPTY"


class ImageUnreadableError(InvalidRequestError):
    """The file cannot be read."""

    reason = "IMAGE_UNREADABLE"


class ImageUndecodableError(InvalidRequestError):
    """The bytes are not an image that we can decode whole."""

    reason = "IMAGE_UNDECODABLE"


class ImageTooLargeError(InvalidRequestError):
    """The image's header announces more pixels than are allowed."""

    reason = "IMAGE_TOO_LARGE"


class ImageTypeError(InvalidRequestError, TypeError):
    """The object is no image that we take: of another class, or an array of another shape or data type."""

    reason = "IMAGE_TYPE"


class InvalidOptionError(InvalidRequestError):
    """An option is outside its range; `field` names it, `detail` says what is wrong without that name."""

    reason = "INVALID_OPTION"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)  # its own arguments: so it can be pickled
        self.field = field
        self.detail = message

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}"


class ModelError(DetectorError):
    """A model cannot be used: a file is missing or damaged, or its hash is not the manifest's."""

    reason = "MODEL_INVALID"


class OverloadedError(DetectorError):
    """There is no room for this request now (or ever, if it exceeds the message limit)."""

    reason = "OVERLOADED"


class DeadlineExceededError(DetectorError):
    """The deadline passed before there was an answer."""

    reason = "DEADLINE_EXCEEDED"


class CallCancelledError(DetectorError):
    """The caller cancelled the call, or has gone."""

    reason = "CANCELLED"


class ServiceUnavailableError(DetectorError):
    """No server answers, or it is shutting down; a later try may succeed."""

    reason = "UNAVAILABLE"


class UnauthenticatedError(DetectorError):
    """The call carries no token, or none that the server knows."""

    reason = "UNAUTHENTICATED"


class UnknownMethodError(DetectorError):
    """The server has no method of this name."""

    reason = "METHOD_UNKNOWN"


class ServerStartError(DetectorError):
    """A server cannot start as it was told to: its port is taken, or a certificate or token file is no good."""

    reason = "SERVER_START"


class ClientSetupError(DetectorError):
    """A client cannot be made of what it was given: an address, a certificate, a key or a token is no use."""

    reason = "CLIENT_SETUP"


class MissingLibraryError(DetectorError, ImportError):
    """A library is needed that is not installed; the message says how to install it."""

    reason = "LIBRARY_MISSING"


@contextmanager
def needing(purpose: str, install: str) -> Iterator[None]:
    """While it lasts, an import that finds no library is a MissingLibraryError.

    Args:
        purpose: what needs the library.
        install: what pip is to install.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingLibraryError(f"{purpose} needs {error.name}: pip install '{install}'") from error
