"""The very tests of the server on one machine, run against the service on a cluster.

Left out are those that look into the server's process or put a detector of their own into it (`SlowDetector`,
metrics, logs), and those of limits that Ray's proxies do not have (connections, pings): see docs/ray-differences.md.
"""

import grpc
import pytest

from detector.v1 import detector_pb2 as wire
from tests.detector.serving.client.test_clients import (  # noqa: F401
    test_the_asynchronous_client_finds_what_the_detector_finds,
)
from tests.detector.serving.harness import RunningServer, stub
from tests.detector.serving.server import test_bad_input as bad_input
from tests.detector.serving.server.test_bad_input import (  # noqa: F401
    METHODS,
    test_a_height_too_small_to_look_for,
    test_a_message_beyond_the_limit_is_not_even_sent_by_the_client,
    test_a_message_beyond_the_limit_is_refused_by_the_server,
    test_a_message_just_below_the_limit_arrives,
    test_a_stream_carries_the_same_status_as_a_call,
    test_accepted_images,
    test_an_unknown_method,
    test_bad_images_in_a_stream_get_their_own_errors_and_it_goes_on,
    test_options_at_the_edge_of_their_range,
    test_refused_images,
    test_refused_options,
    test_the_client_raises_what_the_detector_raises,
)
from tests.detector.serving.server.test_fuzzing import (  # noqa: F401
    test_half_a_jpeg_is_not_filled_up_from_the_one_before,
    test_metadata_of_any_kind,
)
from tests.detector.serving.server.test_health import (  # noqa: F401
    test_an_unknown_service,
    test_reflection_describes_the_service,
)
from tests.detector.serving.server.test_service import (  # noqa: F401
    test_a_stream_answers_in_order_with_each_images_own_options,
    test_a_stream_may_be_left_early,
    test_an_empty_stream_ends,
    test_correlation_ids_are_the_callers_business,
    test_one_bad_image_in_the_middle_of_a_stream,
    test_the_client_is_a_detector,
    test_the_server_finds_what_the_detector_finds,
    test_the_time_of_every_stage_is_told,
    test_what_the_source_of_a_stream_raises_comes_out,
)
from tests.detector.serving.telemetry.test_telemetry import (  # noqa: F401
    request_id_of,
    test_calls_without_a_good_id_get_one,
)

pytestmark = pytest.mark.ray

UNARY = ("Detect", "GetModelInfo", "health")


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("message", [b"\xff\xff\xff\xff", b"\x0a\x05ab"])
def test_malformed_messages(channel: grpc.Channel, name: str, message: bytes) -> None:
    bad_input.test_malformed_messages(channel, *METHODS[name], message)


# Where Ray makes a difference: each is in docs/ray-differences.md.


@pytest.mark.parametrize("message", [b"\xff\xff\xff\xff", b"\x0a\x05ab"])
def test_a_malformed_message_ends_a_stream_with_a_code_but_no_details(
    channel: grpc.Channel, message: bytes
) -> None:
    call = channel.stream_stream(METHODS["DetectStream"][1])(iter([message]))
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not the protobuf message" in caught.value.details()
    assert "grpc-status-details-bin" not in dict(call.trailing_metadata())


def test_a_stream_brings_the_callers_id_back_with_its_first_reply(channel: grpc.Channel) -> None:
    metadata = (("x-request-id", "mine"),)
    call = stub(channel).DetectStream(iter([wire.DetectStreamRequest(correlation_id="a")]), metadata=metadata)
    assert [reply.correlation_id for reply in call] == ["a"]
    assert request_id_of(call) == "mine"
    empty = stub(channel).DetectStream(iter([]), metadata=metadata)
    assert list(empty) == []
    assert "x-request-id" not in dict(empty.trailing_metadata())


def test_rays_own_request_id_goes_with_ours(channel: grpc.Channel) -> None:
    metadata = (("x-request-id", "mine"), ("request_id", "rays"))
    request = wire.GetModelInfoRequest()
    _, call = stub(channel).GetModelInfo.with_call(request, metadata=metadata)
    assert {"x-request-id": "mine", "request_id": "rays"}.items() <= dict(call.trailing_metadata()).items()


def test_health_is_not_watched(server: RunningServer) -> None:
    kind, method = METHODS["health watch"]
    with server.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        list(getattr(channel, kind)(method)(b""))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_rays_own_services_answer_too(channel: grpc.Channel) -> None:
    reply = channel.unary_unary("/ray.serve.RayServeAPIService/Healthz")(b"")
    assert b"success" in reply
    reply = channel.unary_unary("/ray.serve.RayServeAPIService/ListApplications")(b"")
    assert b"digit-detector" in reply
