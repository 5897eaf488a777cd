"""The package's errors as gRPC statuses, and back."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from detector.results import errors
from detector.results.errors import DetectorError, InvalidOptionError, InvalidRequestError
from detector.serving.wire.converters import option_from_wire, option_to_wire

Trailers = tuple[tuple[str, str | bytes], ...]

DOMAIN = "detector.v1"
"""ErrorInfo's domain: within it a reason has one meaning."""

CODES: dict[type[DetectorError], grpc.StatusCode] = {
    errors.InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageEmptyError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageUnreadableError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageUndecodableError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageTooLargeError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageTypeError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidOptionError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ModelError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.CallCancelledError: grpc.StatusCode.CANCELLED,
    errors.ServiceUnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.UnknownMethodError: grpc.StatusCode.UNIMPLEMENTED,
    errors.ServerStartError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ClientSetupError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.MissingLibraryError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.DetectorError: grpc.StatusCode.INTERNAL,
}
"""Every exception of the package and its status code; a client finds the class again by its reason."""

_CLASSES = {error.reason: error for error in CODES}

_CLASSES_BY_NUMBER: dict[int, type[DetectorError]] = {
    grpc.StatusCode.INVALID_ARGUMENT.value[0]: errors.InvalidRequestError,
    grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]: errors.OverloadedError,
    grpc.StatusCode.DEADLINE_EXCEEDED.value[0]: errors.DeadlineExceededError,
    grpc.StatusCode.CANCELLED.value[0]: errors.CallCancelledError,
    grpc.StatusCode.UNAVAILABLE.value[0]: errors.ServiceUnavailableError,
    grpc.StatusCode.UNAUTHENTICATED.value[0]: errors.UnauthenticatedError,
    grpc.StatusCode.UNIMPLEMENTED.value[0]: errors.UnknownMethodError,
}
"""For statuses that gRPC itself makes, which carry no reason."""

_MAX_MESSAGE_CHARACTERS = 1000
"""Messages travel in headers, which have a limit of a few kilobytes."""


def to_status(error: DetectorError, retry_delay_s: float = 1.0) -> Status:
    """Return the status that tells a caller of `error`.

    Args:
        error: any error of the package.
        retry_delay_s: when to try again, in seconds, if a later try can succeed.
    """
    details: list[Message] = [ErrorInfo(reason=error.reason, domain=DOMAIN)]
    if isinstance(error, InvalidRequestError):
        details.append(
            BadRequest(field_violations=[{"field": _wire_field(error), "description": str(error)}])
        )
    if isinstance(error, errors.OverloadedError | errors.ServiceUnavailableError):
        retry = RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=retry_delay_s))
        details.append(retry)
    status = Status(code=CODES[type(error)].value[0], message=str(error)[:_MAX_MESSAGE_CHARACTERS])
    for detail in details:
        status.details.add().Pack(detail)
    return status


def from_status(status: Status) -> DetectorError:
    """Return the error that a server told of: the same class with the same message."""
    info, bad_request = ErrorInfo(), BadRequest()
    _unpack(status.details, info)
    _unpack(status.details, bad_request)
    kind = _CLASSES.get(info.reason) if info.domain == DOMAIN else None
    fields = [violation.field for violation in bad_request.field_violations]
    if kind is InvalidOptionError:
        field = option_from_wire(fields[0]) if fields else "options"
        return InvalidOptionError(field, status.message.removeprefix(f"{field}: "))
    error = (kind or _CLASSES_BY_NUMBER.get(status.code, DetectorError))(status.message)
    if isinstance(error, InvalidRequestError) and fields:
        error.field = fields[0]
    return error


def from_rpc_error(error: grpc.RpcError) -> DetectorError:
    """Return the error behind a failed call, whether the server or gRPC itself failed it."""
    assert isinstance(error, grpc.Call | grpc.aio.AioRpcError)
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type] # it asks for what both have
    except (ValueError, DecodeError):  # details that contradict the status, or are invalid
        status = None
    if status is None:
        status = Status(code=error.code().value[0], message=error.details() or str(error.code()))
    return from_status(status)


def reason_of(status: Status) -> str:
    """Return the reason that a status of ours gives; empty if it gives none."""
    info = ErrorInfo()
    _unpack(status.details, info)
    return str(info.reason)


def ending(status: Status) -> tuple[grpc.StatusCode, str, Trailers]:
    """How a call ends with `status`: its code, its details, and the trailing metadata that carry all of it."""
    rich = rpc_status.to_status(status)
    return rich.code, rich.details or "", tuple(rich.trailing_metadata or ())


async def abort(context: "grpc.aio.ServicerContext[Any, Any]", status: Status) -> NoReturn:
    """End a call with `status`; trailing metadata that the call has stay."""
    code, details, trailers = ending(status)
    await context.abort(code, details, (*(context.trailing_metadata() or ()), *trailers))
    raise AssertionError("abort always raises")


def _wire_field(error: InvalidRequestError) -> str:
    """Return the path in a DetectRequest of what is wrong with it."""
    return option_to_wire(error.field) if isinstance(error, InvalidOptionError) else error.field


def _unpack(details: Iterable[any_pb2.Any], message: Message) -> None:
    """Fill `message` from the first detail of its type, if there is one and it can be parsed."""
    for detail in details:
        try:
            if detail.Unpack(message):
                return
        except DecodeError:  # a peer's mistake; what else the status says still holds
            message.Clear()
            return
