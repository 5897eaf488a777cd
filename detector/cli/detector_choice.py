"""The detector that arguments choose: a model here or a server; and why a server cannot be reached over TLS."""

import argparse
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from detector.cli.options import max_pixels
from detector.models.runtimes import OPENVINO
from detector.pipeline.detector import DigitDetector
from detector.pipeline.options import DetectorConfig
from detector.results.errors import ClientSetupError, ServiceUnavailableError
from detector.results.interface import MAX_PIXELS, ImageDetector
from detector.serving.client.batch import BatchSettings
from detector.serving.client.connection import Connection, Tls, read_token

_TLS_OPTIONS = ("tls_ca", "tls_cert", "tls_key", "tls_server_name")

_TIMEOUT_S = 3.0
_EXPIRED, _NOT_YET_VALID, _HOST, _ADDRESS = 10, 9, 62, 64
"""OpenSSL's codes of what is wrong with a certificate (x509_vfy.h)."""


@dataclass(frozen=True)
class DetectorChoice:
    """Who detects.

    Attributes:
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.models.runtimes`.
        max_pixels: images with more pixels are refused; None for the detector's own limit.
        server: a server, or several, that detect instead of this process.
        batch: how a server is asked for many images.
    """

    model: Path | None = None
    runtime: str = OPENVINO
    max_pixels: int | None = None
    server: Connection | None = None
    batch: BatchSettings = field(default_factory=BatchSettings)

    @contextmanager
    def open(self) -> Iterator[ImageDetector]:
        """Provide the detector, ready to detect.

        Raises:
            ModelError: if the model cannot be used.
            InvalidOptionError: if the runtime is not installed.
            ServiceUnavailableError: if the server does not answer.
        """
        if self.server is None:
            config = DetectorConfig(max_pixels=self.max_pixels or MAX_PIXELS)
            yield DigitDetector.load(self.model, config, self.runtime)
            return
        from detector.serving.client import DetectorClient  # noqa: PLC0415 - gRPC comes in with a server only

        where = self.server
        with DetectorClient(where.servers, tls=where.tls, token=where.token, batch=self.batch) as client:
            with explained(where):
                client.info(timeout_s=15)
            yield client


def connection(args: argparse.Namespace) -> Connection:
    """Return the connection that the arguments describe.

    Raises:
        ClientSetupError: if they describe none.
    """
    tls = None
    if args.tls or any(getattr(args, name) is not None for name in _TLS_OPTIONS):
        tls = Tls(args.tls_ca, args.tls_cert, args.tls_key, args.tls_server_name)
    token = None if args.token_file is None else read_token(args.token_file)
    return Connection(args.server, tls, token)


def choice(args: argparse.Namespace) -> DetectorChoice:
    """Who detects.

    Raises:
        ClientSetupError: if the arguments about a server describe none.
    """
    if args.server is not None:
        if args.runtime is not None:
            raise ClientSetupError("--runtime says what computes the model here; a server has its own")
        if max_pixels(args) is not None:
            raise ClientSetupError("--max-megapixels says what is taken on here; a server has its own limit")
        return DetectorChoice(server=connection(args), batch=_batch(args))
    for name in ("tls", *_TLS_OPTIONS, "token_file", "timeout", "calls"):
        if getattr(args, name, None):  # not every command has the last two
            raise ClientSetupError(f"--{name.replace('_', '-')} is for a server: name one with --server")
    return DetectorChoice(args.model, args.runtime or DetectorChoice.runtime, max_pixels(args))


def _batch(args: argparse.Namespace) -> BatchSettings:
    calls = getattr(args, "calls", None) or BatchSettings.calls
    return BatchSettings(calls, getattr(args, "timeout", None))


@contextmanager
def explained(connection: Connection) -> Iterator[None]:
    """Names the mistake in the options about TLS when a server cannot be reached because of one.

    Raises:
        ServiceUnavailableError: what was raised inside, with the mistake as its message if there is one.
    """
    try:
        yield
    except ServiceUnavailableError as error:
        for host, port in connection.addresses:
            mistake = _mistake(host, port, connection.tls)
            if mistake is not None:
                raise ServiceUnavailableError(f"{host}:{port}: {mistake}") from error
        raise


def _mistake(host: str, port: int, tls: Tls | None) -> str | None:
    """Return what is wrong, found by shaking hands once more; None if that, too, tells nothing."""
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            if tls is None:
                return _of_plain_text(connection)
            return _of_tls(connection, tls.server_name or host, tls)
    except (OSError, UnicodeError):  # nobody listens, or not for long enough, or it is no name
        return None


def _of_plain_text(connection: socket.socket) -> str | None:
    context = ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # it asks whether TLS is spoken at all, so trusts anybody
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        context.wrap_socket(connection).close()
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"):
            return None
    return "the server speaks TLS: give the certificate of its authority with --tls-ca, or --tls for a public one"


def _of_tls(connection: socket.socket, name: str, tls: Tls) -> str | None:
    context = ssl.create_default_context(cafile=tls.ca)
    context.set_alpn_protocols(["h2"])
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    try:
        with context.wrap_socket(connection, server_hostname=name) as encrypted:
            hung_up = _hangs_up(encrypted)
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(error, name, tls)
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "the server does not speak TLS: leave out --tls and the other --tls options"
        hung_up = "ALERT" in (error.reason or "")
    return _of_client_certificate(tls) if hung_up else None


def _hangs_up(encrypted: ssl.SSLSocket) -> bool:
    """Return whether the server ends a connection that it has shaken hands on, without a word."""
    try:
        return encrypted.recv(1) == b""
    except ConnectionResetError:
        return True


def _of_client_certificate(tls: Tls) -> str:
    """With TLS 1.3 a server looks at the client's certificate after the handshake, and hangs up without a word."""
    if tls.certificate is None:
        return "the server asks for a client certificate: give --tls-cert and --tls-key"
    return f"the server does not accept the client certificate in {tls.certificate}"


def _of_certificate(error: ssl.SSLCertVerificationError, name: str, tls: Tls) -> str:
    if error.verify_code in (_HOST, _ADDRESS):
        return f"the server's certificate is not for {name}: give the name that it carries with --tls-server-name"
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        return f"the server's certificate is not valid now: {error.verify_message}"
    trusted = f"an authority in {tls.ca}" if tls.ca else "a publicly known authority"
    return (
        f"the server's certificate does not come from {trusted} ({error.verify_message}): "
        "give the certificate of its authority with --tls-ca"
    )
