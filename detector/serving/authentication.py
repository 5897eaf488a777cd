"""Calls must carry a token that the server knows: `authorization: Bearer TOKEN` (RFC 6750)."""

import grpc
from grpc_health.v1 import health

from detector.errors import UnauthenticatedError
from detector.serving import calls
from detector.serving.handlers import Continuation, Handler, refusing
from detector.serving.tokens import TokenFile

_SCHEME = "bearer "


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuses calls without a known token before anything of their requests is read.

    Args:
        tokens: those that are known.
        open_health: health checks need none.
    """

    def __init__(self, tokens: TokenFile, open_health: bool) -> None:
        self._tokens = tokens
        self._open_health = open_health

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """The service's handler, or one that refuses."""
        if self._open_health and handler_call_details.method.startswith(f"/{health.SERVICE_NAME}/"):
            return await continuation(handler_call_details)
        token = _token(handler_call_details)
        if token is None:
            return refusing(UnauthenticatedError("a token is needed: send `authorization: Bearer TOKEN`"))
        name = self._tokens.name_of(token)
        if name is None:
            return refusing(UnauthenticatedError("the server does not know this token"))
        call = calls.current()
        if call is not None:
            call.caller = name
        return await continuation(handler_call_details)


def _token(details: grpc.HandlerCallDetails) -> str | None:
    """The one token of a call; None if it has none, or several headers that claim to be it."""
    values = [value for key, value in details.invocation_metadata or () if key == "authorization"]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].lower().startswith(_SCHEME):
        return None
    return values[0][len(_SCHEME) :].strip()
