"""TLS as the server does it: whom it lets in, and which settings it does not start with."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from detector.results.errors import ServerStartError
from detector.serving.server.listener import server_credentials
from detector.serving.server.settings import Security
from tests.detector.serving.certificates import Authority, Certified, lock
from tests.detector.serving.harness import PATIENCE_S, RunningServer


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


def encrypted(server: Certified, client_ca: Authority | None = None) -> Security:
    return Security(server.certificate, server.key, None if client_ca is None else client_ca.certificate)


def lets_in(server: RunningServer, authority: Authority | None, client: Certified | None = None) -> bool:
    """Return whether a plain gRPC client gets an answer; `authority` None does not encrypt."""
    credentials = None
    if authority is not None:
        shown = (None, None) if client is None else (client.key.read_bytes(), client.certificate.read_bytes())
        credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes(), *shown)
    with server.channel(credentials) as channel:
        call = health_pb2_grpc.HealthStub(channel).Check.future(
            health_pb2.HealthCheckRequest(), timeout=PATIENCE_S
        )
        assert call.code() in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        return call.code() is grpc.StatusCode.OK


def test_who_is_let_in_by_a_server_that_encrypts(ours: Authority, theirs: Authority) -> None:
    with RunningServer(security=encrypted(ours.issue("127.0.0.1"))) as server:
        assert lets_in(server, ours)
        assert not lets_in(server, theirs), "the client trusts another authority"
        assert not lets_in(server, None), "the client does not encrypt"


@pytest.mark.parametrize(
    ("names", "expired", "reason"),
    [
        (("127.0.0.1",), True, "its certificate has expired"),
        (("detector.example",), False, "its certificate is for another name"),
    ],
)
def test_a_server_whose_certificate_is_no_good_reaches_nobody(
    ours: Authority, names: tuple[str, ...], expired: bool, reason: str
) -> None:
    with RunningServer(security=encrypted(ours.issue(*names, expired=expired))) as server:
        assert not lets_in(server, ours), reason


def test_who_is_let_in_by_a_server_that_asks_for_certificates(ours: Authority, theirs: Authority) -> None:
    with RunningServer(security=encrypted(ours.issue("127.0.0.1"), client_ca=ours)) as server:
        assert lets_in(server, ours, ours.issue("client"))
        assert not lets_in(server, ours), "no certificate"
        assert not lets_in(server, ours, theirs.issue("client")), (
            "of an authority that the server does not trust"
        )
        assert not lets_in(server, ours, ours.issue("client", expired=True)), "expired"
        assert lets_in(server, ours, ours.issue("client")), "refusals do no harm to others"


def test_settings_that_no_server_starts_with(ours: Authority, theirs: Authority, tmp_path: Path) -> None:
    good, other = ours.issue("127.0.0.1"), theirs.issue("127.0.0.1")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    locked = lock(good.key, tmp_path / "locked.pem", b"secret")
    for security, message in [
        (Security(certificate=good.certificate), "needs both a certificate .* and its private key"),
        (Security(key=good.key), "needs both a certificate .* and its private key"),
        (Security(good.certificate, other.key), "key values mismatch"),
        (Security(garbage, good.key), "garbage.pem"),
        (Security(good.certificate, garbage), "garbage.pem"),
        (Security(good.certificate, locked), "encrypted"),
        (Security(tmp_path / "none.pem", good.key), "none.pem.*No such file"),
        (Security(good.certificate, good.key, garbage), "garbage.pem"),
        (Security(good.certificate, good.key, tmp_path / "none.pem"), "none.pem: No such file"),
        (Security(client_ca=ours.certificate), "--client-ca needs TLS"),
    ]:
        with pytest.raises(ServerStartError, match=message):
            server_credentials("127.0.0.1", security)


@pytest.mark.parametrize(
    ("host", "reached", "reason"),
    [
        ("127.0.0.1", False, "loopback"),
        ("127.1.2.3", False, "all of 127.0.0.0/8 is"),
        ("::1", False, "loopback of IPv6"),
        ("localhost", False, "a name for loopback"),
        ("0.0.0.0", True, "all interfaces"),
        ("::", True, "all interfaces, IPv6"),
        ("192.0.2.1", True, "some interface"),
    ],
)
def test_other_machines_reach_a_server_only_by_tls_or_on_purpose(
    ours: Authority, host: str, reached: bool, reason: str
) -> None:
    if reached:
        with pytest.raises(ServerStartError, match="--tls-cert and --tls-key, or --insecure"):
            server_credentials(host, Security())
    else:
        assert server_credentials(host, Security()) is None, reason
    assert server_credentials(host, Security(insecure=True)) is None
    assert server_credentials(host, encrypted(ours.issue("detector.example"))) is not None
