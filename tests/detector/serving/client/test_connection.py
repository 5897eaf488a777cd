"""TLS and tokens, tried with real certificates by both kinds of client; and what makes no client at all."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest

from detector.results.errors import ClientSetupError, ServiceUnavailableError
from detector.serving.client import Tls
from detector.serving.client.channel import connect
from detector.serving.client.connection import Connection, read_token, split_address
from tests.detector.serving.certificates import Authority, Certified, lock
from tests.detector.serving.kinds import KINDS, Kind
from tests.detector.serving.scripted import ScriptedServer

BOTH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@dataclass(frozen=True)
class Certificates:
    ours: Authority
    theirs: Authority
    server: Certified
    client: Certified
    stranger: Certified


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    return Certificates(
        ours,
        theirs,
        server=ours.issue("127.0.0.1", "detector.example"),
        client=ours.issue("client"),
        stranger=theirs.issue("client"),
    )


def credentials(server: Certified, client_ca: Authority | None = None) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(server.key.read_bytes(), server.certificate.read_bytes())],
        root_certificates=None if client_ca is None else client_ca.certificate.read_bytes(),
        require_client_auth=client_ca is not None,
    )


def name_at(kind: Kind, servers: str, tls: Tls | None, token: str | None = None) -> str:
    async def ask() -> str:
        async with kind(servers, tls=tls, token=token) as client:
            return (await client.info()).name

    return asyncio.run(ask())


async def ask_for_health(kind: Kind, servers: str, tls: Tls | None) -> None:
    """Of all calls this one is not tried again, so it fails soon."""
    async with kind(servers, tls=tls) as client:
        await client.is_serving()


@BOTH
def test_an_encrypted_connection(kind: Kind, certificates: Certificates) -> None:
    tls = Tls(certificates.ours.certificate)
    with ScriptedServer(credentials=credentials(certificates.server)) as server:
        assert name_at(kind, server.address, tls) == "scripted"
        assert name_at(kind, server.address, replace(tls, server_name="detector.example")) == "scripted"
        assert name_at(kind, f"{server.address},{server.address}", tls) == "scripted"


@BOTH
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("plain", "it does not encrypt at all"),
        ("authority", "the server's certificate is signed by another authority"),
        ("public", "the server's certificate is signed by none of the public authorities"),
        ("expired", "the server's certificate has expired"),
        ("name", "the server's certificate is for another name"),
        ("overridden name", "it is told to expect another name"),
        ("no certificate", "the server wants to see a certificate"),
        ("certificate", "the client's certificate is signed by another authority"),
    ],
)
def test_connections_that_must_not_come_about(
    kind: Kind, wrong: str, reason: str, certificates: Certificates
) -> None:
    certified, client_ca, tls = certificates.server, None, Tls(certificates.ours.certificate)
    match wrong:
        case "plain":
            tls = None
        case "authority":
            tls = Tls(certificates.theirs.certificate)
        case "public":
            tls = Tls()
        case "expired":
            certified = certificates.ours.issue("127.0.0.1", expired=True)
        case "name":
            certified = certificates.ours.issue("other.example")
        case "overridden name":
            tls = Tls(certificates.ours.certificate, server_name="other.example")
        case "no certificate":
            client_ca = certificates.ours
        case "certificate":
            client_ca = certificates.ours
            stranger = certificates.stranger
            tls = Tls(certificates.ours.certificate, stranger.certificate, stranger.key)
    with ScriptedServer(credentials=credentials(certified, client_ca)) as server:
        try:
            asyncio.run(ask_for_health(kind, server.address, tls))
        except ServiceUnavailableError:
            return
        pytest.fail(f"it connects although {reason}")


@BOTH
def test_a_client_with_a_certificate_is_let_in(kind: Kind, certificates: Certificates) -> None:
    client = certificates.client
    tls = Tls(certificates.ours.certificate, client.certificate, client.key)
    with ScriptedServer(credentials=credentials(certificates.server, certificates.ours)) as server:
        assert name_at(kind, server.address, tls) == "scripted"


@BOTH
@pytest.mark.parametrize("encrypted", [True, False])
def test_the_token_goes_with_every_call(kind: Kind, encrypted: bool, certificates: Certificates) -> None:
    """Unencrypted only because the server is on this machine."""
    tls = Tls(certificates.ours.certificate) if encrypted else None
    ours = credentials(certificates.server) if encrypted else None
    with ScriptedServer(credentials=ours) as server:
        name_at(kind, server.address, tls, token="open-sesame")
        name_at(kind, server.address, tls)
        assert server.tokens == ["Bearer open-sesame", None]


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ("", "not HOST:PORT"),
        ("localhost", "not HOST:PORT, for example 127.0.0.1:50051"),
        (":50051", "not HOST:PORT"),
        ("::1:50051", "not HOST:PORT"),
        ("[]:50051", "not HOST:PORT"),
        ("localhost:", "'' is not a port"),
        ("localhost:http", "'http' is not a port"),
        ("localhost:0", "not a port, a number from 1 to 65535"),
        ("localhost:65536", "not a port"),
        ("localhost:-1", "not a port"),
        ("localhost:\u0661", "not a port"),  # a digit, but an Arabic one
        ("localhost:1,", "'' is not HOST:PORT"),
        ("localhost:1,,localhost:2", "not HOST:PORT"),
    ],
)
def test_addresses_that_are_none(servers: str, message: str) -> None:
    with pytest.raises(ClientSetupError, match=message):
        Connection(servers)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50051", ("127.0.0.1", 50051)),
        ("detector.example:1", ("detector.example", 1)),
        ("[::1]:65535", ("::1", 65535)),
        (" spaced:80 ", ("spaced", 80)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize("token", ["", " padded ", "two\nlines", "größer", "bell\a"])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(ClientSetupError, match="one line of printable ASCII"):
        Connection("localhost:1", token=token)


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "detector.example"])
def test_a_token_does_not_travel_in_the_clear(host: str, certificates: Certificates) -> None:
    with pytest.raises(
        ClientSetupError, match=r"without TLS anyone on the way to .*: use TLS \(--tls, or tls=Tls\(\)\)"
    ):
        Connection(f"127.0.0.1:1,{host}:1", token="open-sesame")
    Connection(f"{host}:1", tls=Tls(certificates.ours.certificate), token="open-sesame")


def test_a_host_that_is_no_name_is_named_as_such() -> None:
    with pytest.raises(ClientSetupError, match=r"a\.\.b: .*idna"):
        connect(Connection("a..b:1,127.0.0.1:2"))


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("open-sesame\n")
    assert read_token(tmp_path / "token") == "open-sesame"
    with pytest.raises(ClientSetupError, match="nowhere: No such file or directory"):
        read_token(tmp_path / "nowhere")
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ClientSetupError, match="picture: a token is one line"):
        read_token(tmp_path / "picture")


def test_files_that_are_no_good_for_tls(certificates: Certificates, tmp_path: Path) -> None:
    ours, client, stranger = certificates.ours.certificate, certificates.client, certificates.stranger
    for arguments, message in [
        ((tmp_path / "nowhere.pem",), "nowhere.pem: No such file or directory"),
        ((client.key,), "client.key.pem: no usable PEM"),
        ((ours, client.certificate), "one is missing"),
        ((ours, None, client.key), "one is missing"),
        ((ours, client.certificate, stranger.key), "no usable PEM: key values mismatch"),
        ((ours, client.key, client.key), "client.key.pem: no usable PEM"),
        ((ours, client.certificate, tmp_path), "Is a directory"),
    ]:
        with pytest.raises(ClientSetupError, match=message):
            Tls(*arguments)


def test_a_key_with_a_password_is_refused_instead_of_asked_for(
    certificates: Certificates, tmp_path: Path
) -> None:
    encrypted = lock(certificates.client.key, tmp_path / "locked.pem", b"secret")
    with pytest.raises(ClientSetupError, match="encrypted"):
        Tls(None, certificates.client.certificate, encrypted)
