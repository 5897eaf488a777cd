"""Downloads from a real HTTP server on this machine, which misbehaves as servers do."""

import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest

from training.cli.main import main
from training.data import download
from training.data.download import CATALOGUE, RemoteFile, fetch
from training.errors import DataError

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Site:
    """What the server has and how it behaves.

    Attributes:
        address: its URL.
        files: content by path.
        cuts: how many bytes to send in answer to each request before hanging up; all when used up.
        ranges: whether it knows them.
        status: sent instead of content, unless 0.
        asked: the (path, Range header) of each request.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.site.asked.append((self.path, wanted))
        content = self.site.files.get(self.path)
        if self.site.status or content is None:
            self.send_error(self.site.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.site.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.site.cuts.pop(0) if self.site.cuts else None
        with suppress(ConnectionError):  # who has heard enough hangs up
            self.wfile.write(content[start:end])

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": made}))
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)


def remote(
    site: Site, content: bytes = CONTENT, name: str = "file.gz", folder: str | None = None
) -> RemoteFile:
    """The catalogue's entry of a file, which the site then has."""
    site.files[f"/{name}"] = content
    sha256 = hashlib.sha256(content).hexdigest()
    return RemoteFile(f"data/{name}", (f"{site.address}/{name}",), len(content), sha256, "the test", folder)


def archive(**members: bytes) -> bytes:
    """A tar.gz of regular files by name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_arrives_whole(site: Site, tmp_path: Path) -> None:
    path = fetch(remote(site), tmp_path)
    assert path == tmp_path / "data" / "file.gz"
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == ["data/file.gz"]


def test_the_command_fetches_all_files_and_says_whose_checksums(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (remote(site), remote(site, b"labels", "labels.gz"))
    monkeypatch.setitem(CATALOGUE, "mnist", files)
    assert main(["download", "mnist", "--data", str(tmp_path)]) == 0
    assert left(tmp_path) == ["data/file.gz", "data/labels.gz"]
    assert capsys.readouterr().out.splitlines() == [
        f"ready: {tmp_path / 'data' / name} (checksum from the test)" for name in ("file.gz", "labels.gz")
    ]


def test_the_command_fails_on_a_wrong_checksum(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(CATALOGUE, "mnist", (replace(remote(site), sha256="0" * 64),))
    assert main(["download", "mnist", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "not the published file" in said
    assert f"put it at {tmp_path}/data/file.gz" in said


def test_a_file_that_is_there_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    fetch(file, tmp_path)
    fetch(file, tmp_path)
    assert len(site.asked) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.cuts = [1_000_000, 500_000]
    assert fetch(remote(site), tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_an_earlier_command_s_part_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.gz.part").write_bytes(CONTENT[:2_999_999])
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert site.asked == [("/file.gz", "bytes=2999999-")]


def test_a_server_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.cuts = [1_000_000]
    assert fetch(remote(site), tmp_path).read_bytes() == CONTENT
    assert len(site.asked) == 2


def test_it_gives_up_on_a_server_that_starts_over_and_over(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.cuts = [2000, 1000] * 10
    with pytest.raises(DataError, match="ends after 2,000 of 3,000,000 bytes"):
        fetch(remote(site), tmp_path)
    assert len(site.asked) == 5


def test_it_gives_up_on_a_server_that_never_sends(site: Site, tmp_path: Path) -> None:
    site.cuts = [1000] + [0] * 10
    with pytest.raises(DataError, match="ends after 1,000 of 3,000,000 bytes"):
        fetch(remote(site), tmp_path)
    assert left(tmp_path) == ["data/file.gz.part"]  # for the next command to go on with


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(CONTENT[:-1] + b"x", id="one byte differs"),
        pytest.param(CONTENT + b"x", id="a byte too many"),
        pytest.param(CONTENT * 3, id="far too many"),
    ],
)
def test_a_wrong_file_is_not_taken(sent: bytes, site: Site, tmp_path: Path) -> None:
    file = remote(site)
    site.files["/file.gz"] = sent
    with pytest.raises(DataError) as error:
        fetch(file, tmp_path)
    assert "not the published file" in str(error.value)
    assert left(tmp_path) == []


def test_the_error_says_what_to_fetch_by_hand_and_where_to_put_it(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    site.status = 503
    with pytest.raises(DataError) as error:
        fetch(file, tmp_path)
    for part in (
        "503",
        f"{site.address}/file.gz",
        str(tmp_path / "data" / "file.gz"),
        file.sha256,
        "3,000,000",
    ):
        assert part in str(error.value)


def test_offline_is_a_clear_error(tmp_path: Path) -> None:
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{closed.server_port}"
    closed.server_close()  # now nobody answers there
    with pytest.raises(DataError, match="by hand"):
        fetch(RemoteFile("a", (f"{address}/a",), 1, "0" * 64, "the test"), tmp_path)


def test_a_file_put_there_by_hand_is_verified_and_used(site: Site, tmp_path: Path) -> None:
    file = replace(remote(site), urls=())
    (tmp_path / "data").mkdir()
    (tmp_path / file.path).write_bytes(CONTENT)
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_another_file_of_that_name_is_neither_used_nor_overwritten(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    (tmp_path / "data").mkdir()
    (tmp_path / file.path).write_bytes(b"mine")
    with pytest.raises(DataError, match="not the published file"):
        fetch(file, tmp_path)
    assert (tmp_path / file.path).read_bytes() == b"mine"
    assert site.asked == []


def test_the_next_mirror_is_tried(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    gone = replace(file, urls=(f"{site.address}/gone", *file.urls))
    assert fetch(gone, tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in site.asked] == ["/gone", "/file.gz"]


@pytest.mark.parametrize(
    "extra", [pytest.param(0, id="as long as the file"), pytest.param(10, id="longer than the file")]
)
def test_a_useless_part_is_thrown_away(extra: int, site: Site, tmp_path: Path) -> None:
    file = remote(site)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.gz.part").write_bytes(bytes(len(CONTENT) + extra))
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_a_part_beyond_the_server_s_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    file = remote(site)
    site.files["/file.gz"] = CONTENT[:1000]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.gz.part").write_bytes(CONTENT[:5000])
    with pytest.raises(DataError, match="416"):
        fetch(file, tmp_path)
    assert left(tmp_path) == []
    site.files["/file.gz"] = CONTENT
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_an_archive_becomes_its_folder(site: Site, tmp_path: Path) -> None:
    content = archive(
        **{"train/1.png": b"one", "train/digitStruct.mat": b"boxes", "./train/deep/2.png": b"two"}
    )
    file = remote(site, content, "train.tar.gz", folder="svhn/train")
    assert fetch(file, tmp_path) == tmp_path / "svhn" / "train"
    assert left(tmp_path) == ["svhn/train/1.png", "svhn/train/deep/2.png", "svhn/train/digitStruct.mat"]
    fetch(file, tmp_path)
    assert len(site.asked) == 1


def special(kind: bytes, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("train/link")
        info.type, info.linkname = kind, target
        tar.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive(**{"train/../../evil": b"x"}), id="climbs out"),
        pytest.param(archive(**{"/train/evil": b"x"}), id="absolute"),
        pytest.param(archive(**{"other/evil": b"x"}), id="another root"),
        pytest.param(archive(**{"train": b"x"}), id="a file for the root"),
        pytest.param(special(tarfile.SYMTYPE, "/etc/passwd"), id="a symbolic link"),
        pytest.param(special(tarfile.LNKTYPE, "/etc/passwd"), id="a hard link"),
        pytest.param(special(tarfile.CHRTYPE, ""), id="a device"),
        pytest.param(archive(), id="nothing in it"),
        pytest.param(b"no archive", id="no archive"),
        pytest.param(archive(**{"train/1.png": CONTENT})[:-100_000], id="truncated"),
    ],
)
def test_a_hostile_archive_makes_no_folder(content: bytes, site: Site, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    file = remote(site, content, "train.tar.gz", folder="data/train")
    with pytest.raises(DataError, match=r"train\.tar\.gz"):
        fetch(file, inside)
    assert not (inside / "data" / "train").exists()
    assert not list(tmp_path.rglob("evil"))


def test_every_catalogued_file_can_be_verified_and_read() -> None:
    files = [file for group in CATALOGUE.values() for file in group]
    assert len({file.path for file in files}) == len(files) == 11
    for file in files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.source
        assert all(Path(urlparse(url).path).name == Path(file.path).name for url in file.urls)
        assert (file.folder is not None) == file.path.endswith(".tar.gz")


@pytest.mark.shared
def test_the_published_checksums_are_those_of_the_real_mnist(shared: Path) -> None:
    for file in CATALOGUE["mnist"]:
        assert fetch(replace(file, urls=()), shared / "data").is_file()
