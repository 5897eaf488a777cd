"""What a proxy in front of the service registers: its methods, and no messages.

A proxy that parses requests answers those that do not parse by itself, as UNKNOWN, and takes every image apart and
together again. So it passes on the bytes, and the service behind it parses them.
"""

import grpc
from grpc_health.v1 import health, health_pb2

from detector.v1 import detector_pb2

DETECTOR = detector_pb2.DESCRIPTOR.services_by_name["DigitDetector"]
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]

METHODS = {
    DETECTOR.full_name: [method.name for method in DETECTOR.methods],
    health.SERVICE_NAME: ["Check"],
}
"""All that is served behind a proxy: `Watch` would hold a place for as long as somebody watches."""

REGISTER = (
    "detector.serving.proxied.add_detector_to_server",
    "detector.serving.proxied.add_health_to_server",
)
"""Where the functions below are found by name."""


def add_detector_to_server(servicer: object, server: grpc.Server) -> None:
    """Registers detector.v1.DigitDetector.

    Args:
        servicer: has a method of each name, which takes the bytes of a request, or an iterator of them.
        server: gets the methods.
    """
    _add(DETECTOR.full_name, servicer, server)


def add_health_to_server(servicer: object, server: grpc.Server) -> None:
    """Registers grpc.health.v1.Health, as far as it is served; the arguments are those above."""
    _add(health.SERVICE_NAME, servicer, server)


def _add(service: str, servicer: object, server: grpc.Server) -> None:
    known = {method.name: method for method in (*DETECTOR.methods, *HEALTH.methods)}
    handlers = {}
    for name in METHODS[service]:
        kinds = (known[name].client_streaming, known[name].server_streaming)
        make = getattr(
            grpc, "_".join("stream" if kind else "unary" for kind in kinds) + "_rpc_method_handler"
        )
        handlers[name] = make(
            getattr(servicer, name),
            request_deserializer=bytes,
            response_serializer=lambda reply: reply.SerializeToString(),
        )
    # One call each: Ray Serve's server knows services by the generic handler that they come with.
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
