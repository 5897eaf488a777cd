"""Every error of the package has a status, and comes back from it as what it was."""

import pickle

import grpc
import pytest
from google.rpc.status_pb2 import Status

from detector.results import errors
from detector.results.errors import DetectorError, InvalidOptionError, InvalidRequestError
from detector.serving.wire.statuses import CODES, from_status, to_status
from tests.detector.serving.harness import RichError


def _tree(root: type[DetectorError] = DetectorError) -> list[type[DetectorError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in _tree(child))]


def _example(kind: type[DetectorError]) -> DetectorError:
    return InvalidOptionError("max_detections", "too few") if kind is InvalidOptionError else kind("so it is")


def test_every_error_is_in_the_table() -> None:
    assert set(_tree()) == set(CODES)


def test_reasons_are_distinct() -> None:
    assert len({kind.reason for kind in _tree()}) == len(_tree())


def test_every_reason_is_in_the_errors_module() -> None:
    assert all(getattr(errors, kind.__name__) is kind for kind in _tree())


@pytest.mark.parametrize("kind", _tree(), ids=lambda kind: kind.__name__)
def test_errors_survive_the_wire(kind: type[DetectorError]) -> None:
    error = _example(kind)
    returned = from_status(Status.FromString(to_status(error).SerializeToString()))
    assert type(returned) is kind
    assert str(returned) == str(error)
    if isinstance(error, InvalidRequestError) and isinstance(returned, InvalidRequestError):
        assert returned.field == error.field


@pytest.mark.parametrize("kind", _tree(), ids=lambda kind: kind.__name__)
def test_errors_survive_the_way_to_another_process(kind: type[DetectorError]) -> None:
    error = _example(kind)
    returned = pickle.loads(pickle.dumps(error))
    assert type(returned) is kind
    assert (str(returned), vars(returned)) == (str(error), vars(error))


@pytest.mark.parametrize("kind", _tree(), ids=lambda kind: kind.__name__)
def test_statuses_have_the_details_that_belong_to_them(kind: type[DetectorError]) -> None:
    error = RichError(to_status(_example(kind), retry_delay_s=1.5))
    assert error.info.reason == kind.reason
    assert ("BadRequest" in error.kinds) == (error.code is grpc.StatusCode.INVALID_ARGUMENT)
    may_retry = error.code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    assert ("RetryInfo" in error.kinds) == may_retry
    if may_retry:
        assert error.retry.retry_delay.ToTimedelta().total_seconds() == 1.5


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequestError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.OverloadedError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceededError),
        (grpc.StatusCode.UNAVAILABLE, errors.ServiceUnavailableError),
        (grpc.StatusCode.UNAUTHENTICATED, errors.UnauthenticatedError),
        (grpc.StatusCode.UNIMPLEMENTED, errors.UnknownMethodError),
        (grpc.StatusCode.UNKNOWN, DetectorError),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_statuses_that_grpc_makes_itself(code: grpc.StatusCode, kind: type[DetectorError]) -> None:
    error = from_status(Status(code=code.value[0], message="no details here"))
    assert type(error) is kind
    assert str(error) == "no details here"


def test_a_reason_of_another_domain_is_not_ours() -> None:
    status = to_status(errors.ImageEmptyError("x"))
    info = RichError(status).info
    info.domain = "example.org"
    status.details[0].Pack(info)
    assert type(from_status(status)) is errors.InvalidRequestError


def test_a_status_of_a_later_version_is_understood_as_far_as_it_goes() -> None:
    assert type(from_status(Status(code=99, message="?"))) is DetectorError


def test_details_that_cannot_be_parsed_are_ignored() -> None:
    status = to_status(InvalidOptionError("max_detections", "too few"))
    for detail in status.details:
        detail.value = b"\xff"
    error = from_status(status)
    assert type(error) is InvalidRequestError
    assert str(error) == "max_detections: too few"


def test_long_messages_fit_into_headers() -> None:
    assert len(to_status(errors.ImageUndecodableError("x" * 100_000)).message) == 1000
