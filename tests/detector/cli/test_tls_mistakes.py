"""What a user is told who gets the options about TLS wrong: the mistake and its remedy, over real sockets."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.cli.main import main
from detector.serving.server.settings import Security
from tests.detector.serving.certificates import Authority
from tests.detector.serving.harness import RunningServer


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


def told(capsys: pytest.CaptureFixture[str], address: str, *options: str, command: str = "health") -> str:
    code = main([command, "--server", address, *options])
    captured = capsys.readouterr()
    assert code == (1 if command == "health" else 2)
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


def test_mistakes_of_who_calls_a_server_that_encrypts(
    ours: Authority, theirs: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    certified = ours.issue("127.0.0.1")
    with RunningServer(security=Security(certified.certificate, certified.key)) as server:
        in_the_clear = told(capsys, server.address)
        assert "the server speaks TLS: give the certificate of its authority with --tls-ca" in in_the_clear
        wrong_authority = told(capsys, server.address, "--tls-ca", str(theirs.certificate), command="info")
        assert f"does not come from an authority in {theirs.certificate}" in wrong_authority
        assert "--tls-ca" in wrong_authority
        assert "a publicly known authority" in told(capsys, server.address, "--tls")
        options = ("--tls-ca", str(ours.certificate))
        wrong_name = told(capsys, server.address, *options, "--tls-server-name", "detector.example")
        assert "not for detector.example: give the name that it carries with --tls-server-name" in wrong_name
        main(["health", "--server", server.address, *options])
        assert capsys.readouterr().out == "NOT_SERVING\n", "it has no model, but it answers"


def test_a_certificate_that_has_expired(ours: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    certified = ours.issue("127.0.0.1", expired=True)
    with RunningServer(security=Security(certified.certificate, certified.key)) as server:
        assert "not valid now: certificate has expired" in told(
            capsys, server.address, "--tls-ca", str(ours.certificate)
        )


def test_a_server_that_asks_for_certificates(
    ours: Authority, theirs: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    certified, stranger = ours.issue("127.0.0.1"), theirs.issue("client")
    security = Security(certified.certificate, certified.key, ours.certificate)
    options = ("--tls-ca", str(ours.certificate))
    with RunningServer(security=security) as server:
        assert "asks for a client certificate: give --tls-cert and --tls-key" in told(
            capsys, server.address, *options
        )
        shown = ("--tls-cert", str(stranger.certificate), "--tls-key", str(stranger.key))
        assert f"does not accept the client certificate in {stranger.certificate}" in told(
            capsys, server.address, *options, *shown
        )


def test_a_server_that_does_not_encrypt(ours: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    with RunningServer() as server:
        assert "does not speak TLS: leave out --tls" in told(
            capsys, server.address, "--tls-ca", str(ours.certificate)
        )


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Of something that takes connections and closes them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_nothing_is_made_up_where_the_cause_is_not_tls(
    silent_address: str, ours: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in ((), ("--tls-ca", str(ours.certificate))):
        message = told(capsys, silent_address, *options)
        assert "TLS" not in message
        assert "certificate" not in message
