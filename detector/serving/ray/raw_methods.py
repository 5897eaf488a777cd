"""The methods that a proxy in front of the service registers, without their messages.

A proxy that parses requests answers those that do not parse by itself, as UNKNOWN, and takes every image apart and
together again. So it passes on the bytes, and the service behind it parses them.

And a proxy that knows of one reply sends one, if only an empty one, with each error too: to a client that call has
begun to be answered, and it does not try again. So each reply of the detector's is a stream of one, which is the same
on the wire.
"""

import grpc
from grpc_health.v1 import health

from detector.v1 import detector_pb2

DETECTOR = detector_pb2.DESCRIPTOR.services_by_name["DigitDetector"]

REGISTER = (
    "detector.serving.ray.raw_methods.add_detector_to_server",
    "detector.serving.ray.raw_methods.add_health_to_server",
)
"""Where the functions below are found by name."""


def add_detector_to_server(servicer: object, server: grpc.Server) -> None:
    """Register detector.v1.DigitDetector.

    Args:
        servicer: has a method of each name, which takes the bytes of a request, or an iterator of them.
        server: gets the methods.
    """
    kinds = {
        method.name: "stream_stream" if method.client_streaming else "unary_stream"
        for method in DETECTOR.methods
    }
    _add(DETECTOR.full_name, kinds, servicer, server)


def add_health_to_server(servicer: object, server: grpc.Server) -> None:
    """Register grpc.health.v1.Health; not its Watch, which would hold a place for as long as somebody watches."""
    _add(health.SERVICE_NAME, {"Check": "unary_unary"}, servicer, server)


def _add(service: str, kinds: dict[str, str], servicer: object, server: grpc.Server) -> None:
    handlers = {
        name: getattr(grpc, f"{kind}_rpc_method_handler")(
            getattr(servicer, name),
            request_deserializer=bytes,
            response_serializer=lambda reply: reply.SerializeToString(),
        )
        for name, kind in kinds.items()
    }
    # One call each: Ray Serve's server knows services by the generic handler that they come with.
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
