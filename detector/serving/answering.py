"""Requests answered with replies of the wire, whatever transport brings them."""

import logging

from google.rpc.status_pb2 import Status

from detector.errors import DetectorError, OverloadedError
from detector.serving import observation
from detector.serving.converters import detections_to_wire, info_to_wire, options_from_wire
from detector.serving.statuses import to_status
from detector.serving.workbench import Workbench
from detector.v1 import detector_pb2 as wire

_log = logging.getLogger(__name__)


class Answering:
    """Translates requests into work on a `Workbench`, and what comes of it into replies."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    async def info(self) -> wire.ModelInfo:
        """The model that answers.

        Raises:
            ServiceUnavailableError: if there is none, yet or any more.
        """
        return info_to_wire(self._workbench.info())

    async def detect(
        self, request: wire.DetectRequest, deadline: float | None = None, patient: bool = False
    ) -> wire.DetectResponse:
        """The digits of one image; what the arguments mean and what is raised says `Workbench.detect`."""
        options = options_from_wire(request.options)
        found = await self._workbench.detect(request.image, options, deadline, patient)
        observation.detected(found)
        return detections_to_wire(found)

    async def outcome(
        self, request: wire.DetectRequest, deadline: float | None = None
    ) -> wire.DetectStreamResponse:
        """The digits of one image of many, or the error that it met; it waits for a place.

        Not to be read is how the sender of a stream learns of a full house.
        """
        reply = wire.DetectStreamResponse()
        try:
            reply.response.CopyFrom(await self.detect(request, deadline, patient=True))
        except Exception as error:  # whatever it is, the others go on
            reply.error.CopyFrom(status_of(error))
        return reply


def status_of(error: Exception) -> Status:
    """The status of any error; of one that nobody foresaw the caller learns no more than that."""
    if isinstance(error, MemoryError):
        error = OverloadedError("there is not enough memory for this image now")
    if isinstance(error, DetectorError):
        return to_status(error)
    _log.error("a request failed in a way that nobody foresaw", exc_info=error)
    return to_status(DetectorError("the server failed; its log says why"))
