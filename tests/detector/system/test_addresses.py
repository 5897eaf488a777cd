"""A cluster's address is tried before Ray tries it for minutes."""

import socket

import pytest

from detector.system.addresses import is_loopback, refusal
from tests.detector.serving.harness import free_port


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="none"),
        pytest.param("auto", id="a word of Ray's"),
        pytest.param("local", id="another"),
        pytest.param("head", id="no port: Ray says what is wrong"),
    ],
)
def test_what_is_no_host_and_port_is_left_to_ray(address: str) -> None:
    assert refusal(address) is None


def test_who_listens_is_told_from_who_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        assert refusal(f"127.0.0.1:{somebody.getsockname()[1]}") is None
    assert "refused" in str(refusal(f"127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("address", ["no-such-host.invalid:6379", "127.0.0.1:99999", "[::1]:0", "a..b:1"])
def test_an_address_that_cannot_be_is_refused_and_raises_nothing(address: str) -> None:
    assert refusal(address)


def test_a_name_that_cannot_be_is_refused_later_with_its_reason() -> None:
    assert is_loopback("a..b")
