"""The page's server over HTTP: what it answers, what it refuses, and what it says to browsers."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from detector.cli.main import main
from detector.images.decode import decode_image
from detector.images.draw import encode_image
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.web.application import MAX_CONCURRENT_UPLOADS
from tests.detector.conftest import COMMAND
from tests.detector.web.conftest import MAX_MEGAPIXELS
from tests.detector.web.pictures import blank_png

PATIENCE_S = 120  # a busy machine is no defect
BINARY = {"Content-Type": "application/octet-stream"}


class Reply:
    """An answer that was read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@contextmanager
def connection(address: str) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)
    try:
        yield opened
    finally:
        opened.close()


def ask(
    address: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Reply:
    with connection(address) as opened:
        opened.request(method, path, body, headers or {})
        return Reply(opened.getresponse())


def detect(address: str, picture: bytes, query: str = "") -> Reply:
    return ask(address, "POST", f"/detect{query}", picture, BINARY)


@pytest.fixture(scope="module")
def picture(real_images: dict[str, Path]) -> bytes:
    return real_images["68"].read_bytes()


def test_the_row_is_that_of_the_command_line(
    address: str, real_images: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = real_images["68"]
    for query, options in (
        ("", []),
        ("&min_score=0.01", ["--min-score", "0.01"]),
        ("&exhaustive=true", ["--exhaustive"]),
    ):
        reply = detect(address, path.read_bytes(), f"?image={path.name}{query}")
        assert reply.status == 200
        assert main(["detect", str(path), "--json", *options]) == 0
        assert reply.json == json.loads(capsys.readouterr().out) | {"image": path.name}


def test_the_preview_is_a_small_jpeg(address: str) -> None:
    reply = ask(address, "POST", "/preview", blank_png(6000, 3000), BINARY)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg")
    assert decode_image(reply.body).shape == (1024, 2048, 3)
    assert ask(address, "POST", "/preview", blank_png(10_000, 5000), BINARY).code == "IMAGE_TOO_LARGE"


def test_samples_are_there_and_nothing_else_beside_them(address: str) -> None:
    page = ask(address, "GET", "/")
    block = page.body.decode().partition('<script type="application/json" id="settings">')[2]
    samples = json.loads(block.partition("</script>")[0])["samples"]
    assert len(samples) == 10
    reply = ask(address, "GET", f"/samples/{samples[0]['file']}")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    assert reply.body.startswith(b"\x89PNG")
    for name in (
        "samples.json",
        "..%2fweights%2fmanifest.json",
        "../weights/manifest.json",
        "%2fetc%2fpasswd",
        "",
    ):
        assert ask(address, "GET", f"/samples/{name}").status == 404


@pytest.mark.parametrize("path", ["/", "/samples/svhn_train_24.png", "/nothing", "/detect"])
def test_every_answer_says_what_browsers_may_do_with_it(address: str, path: str) -> None:
    headers = ask(address, "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["server"] is None
    assert headers["access-control-allow-origin"] is None
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        pytest.param(b"", "", 400, "IMAGE_EMPTY", id="nothing"),
        pytest.param(b"hello", "", 400, "IMAGE_UNDECODABLE", id="no picture"),
        pytest.param(blank_png(10_000, 5000), "", 413, "IMAGE_TOO_LARGE", id="50 megapixels"),
        pytest.param(b"hello", "?min_score=2", 400, "INVALID_OPTION", id="score above 1"),
        pytest.param(b"hello", "?min_score=nan", 400, "INVALID_OPTION", id="score that is no number"),
        pytest.param(b"hello", "?min_score=high", 400, "INVALID_OPTION", id="score in words"),
        pytest.param(b"hello", "?exhaustive=yes", 400, "INVALID_OPTION", id="neither true nor false"),
        pytest.param(b"hello", "?minscore=0.5", 400, "INVALID_OPTION", id="misspelt option"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    address: str, body: bytes, query: str, status: int, code: str
) -> None:
    reply = detect(address, body, query)
    assert (reply.status, reply.code) == (status, code)
    if code == "IMAGE_TOO_LARGE":
        assert f"at most {MAX_MEGAPIXELS},000,000 are accepted" in reply.json["error"]["message"]


@pytest.mark.parametrize("score", ["2", "nan", "-0.1"])
def test_a_score_outside_its_range_is_refused_by_the_name_that_it_was_given(address: str, score: str) -> None:
    message = detect(address, b"hello", f"?min_score={score}").json["error"]["message"]
    assert message == f"min_score: must be between 0 and 1, got {float(score)!r}"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_a_page_of_another_server_cannot_send_pictures(address: str, kind: str, picture: bytes) -> None:
    """Browsers send these kinds to anybody; for others they ask first, and nobody says yes."""
    assert ask(address, "POST", "/detect", picture, {"Content-Type": kind}).code == "INVALID_REQUEST"
    asked = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert ask(address, "OPTIONS", "/detect", headers=asked).status == 405


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(address: str) -> None:
    with connection(address) as opened:
        opened.putrequest("POST", "/detect")
        opened.putheader("Content-Type", BINARY["Content-Type"])
        opened.putheader("Content-Length", str(MAX_MESSAGE_BYTES + 1))
        opened.endheaders()
        reply = Reply(opened.getresponse())
    assert (reply.status, reply.code) == (413, "IMAGE_TOO_LARGE")
    assert "32 MB" in reply.json["error"]["message"]


def test_a_body_that_grows_too_large_is_refused_when_it_does(address: str) -> None:
    part = bytes(1 << 20)
    with connection(address) as opened:
        opened.putrequest("POST", "/detect")
        opened.putheader("Content-Type", BINARY["Content-Type"])
        opened.putheader("Transfer-Encoding", "chunked")
        opened.endheaders()
        for _ in range(MAX_MESSAGE_BYTES // len(part)):
            opened.send(b"%x\r\n%b\r\n" % (len(part), part))
        opened.send(b"1\r\n.\r\n")
        reply = Reply(opened.getresponse())
    assert (reply.status, reply.code) == (413, "IMAGE_TOO_LARGE")


@contextmanager
def half_sent(address: str, picture: bytes) -> Iterator[http.client.HTTPConnection]:
    with connection(address) as opened:
        opened.putrequest("POST", "/detect")
        opened.putheader("Content-Type", BINARY["Content-Type"])
        opened.putheader("Content-Length", str(len(picture)))
        opened.endheaders()
        opened.send(picture[:100])
        yield opened


def test_so_many_pictures_at_a_time(address: str, picture: bytes) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(half_sent(address, picture)) for _ in range(MAX_CONCURRENT_UPLOADS)]
        reply = detect_until(address, picture, 503)
        assert (reply.code, reply.headers["retry-after"]) == ("OVERLOADED", "1")
        for opened in held:
            opened.send(picture[100:])
        answers = [Reply(opened.getresponse()) for opened in held]
        assert [answer.status for answer in answers] == [200] * MAX_CONCURRENT_UPLOADS
    assert detect(address, picture).status == 200


def test_places_of_senders_that_go_away_are_free_again(address: str, picture: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_CONCURRENT_UPLOADS):
            opened = stack.enter_context(half_sent(address, picture))
            assert isinstance(opened.sock, socket.socket)
        detect_until(address, picture, 503)
    assert detect_until(address, picture, 200).json["numbers"]


def detect_until(address: str, picture: bytes, status: int) -> Reply:
    """The first answer with this status: what a connection did reaches the server after a moment."""
    for _ in range(200):
        reply = detect(address, picture)
        if reply.status == status:
            return reply
    raise AssertionError(f"still {reply.status}: {reply.body[:200]!r}")


def test_work_for_senders_that_go_away_ends(address: str, picture: bytes) -> None:
    """The fixture looks into the log, where an error that nobody took would be."""
    large = np.tile(decode_image(picture), (12, 8, 1))
    encoded = encode_image(large, ".png")
    begun = time.monotonic()
    whole = detect(address, encoded, "?min_score=0.01&exhaustive=true")
    took = time.monotonic() - begun
    assert whole.status == 200
    begun = time.monotonic()
    for _ in range(2 * MAX_CONCURRENT_UPLOADS):
        with connection(address) as opened:
            opened.request("POST", "/detect?min_score=0.01&exhaustive=true", encoded, BINARY)
            time.sleep(took / 10)
    assert detect_until(address, picture, 200).json["numbers"]
    assert time.monotonic() - begun < MAX_CONCURRENT_UPLOADS * took, "only a part of the work was done"


def start(*arguments: str) -> tuple[int, str]:
    """The exit code and the complaint of a server that cannot start."""
    command = [*COMMAND, "web", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    return done.returncode, done.stderr


def test_other_machines_are_let_in_only_if_that_is_asked_for() -> None:
    code, complaint = start("--host", "0.0.0.0", "--port", "0")
    assert code == 2
    assert "give --insecure" in complaint


def test_a_host_that_is_no_name_is_named() -> None:
    code, complaint = start("--host", "a..b", "--port", "0")
    assert code == 2
    assert "cannot listen on a..b:0: encoding with 'idna' codec failed" in complaint
    assert "Traceback" not in complaint


def test_a_port_in_use_is_named(address: str) -> None:
    code, complaint = start("--port", str(urlsplit(address).port))
    assert code == 2
    assert "Address already in use" in complaint
