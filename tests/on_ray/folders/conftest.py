"""What the folder jobs share: a cluster of two nodes beside its head, an S3 server, and a folder of images."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from ray.cluster_utils import Cluster

from tests.on_ray.clusters import started_cluster

_KEYS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ray leaves the sockets open with which it looked for free ports of a node: whichever test collects them."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(scope="package")
def keys() -> Iterator[None]:
    """In the environment of every node, as roles or variables are on the machines of a cluster."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in _KEYS.items():
            environment.setenv(name, value)
        yield


@pytest.fixture(scope="package")
def s3_port(keys: None) -> Iterator[int]:
    """The port of an S3 server that has a bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        port = server.get_host_and_port()[1]
        boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}").create_bucket(Bucket="archive")
        yield port
    finally:
        server.stop()


@pytest.fixture(scope="package")
def cluster(keys: None) -> Iterator[Cluster]:
    """Its head does no work."""
    with started_cluster((0, 1, 1)) as cluster:
        yield cluster


BAD_FILES = {
    "bad/empty.png": b"",
    "bad/text.jpg": b"not an image",
    "bad/video.png": b"\0\0\0\x18ftypmp42" + bytes(100),
}


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    """Good images under difficult names, and bad ones."""
    root = tmp_path / "photos"
    for name, source in {
        "33.png": real_images["33"],
        "street/68.PNG": real_images["68"],
        "street/100 % [a+b]?.png": real_images["101"],
        "street/ümläut.png": real_images["31"],
        "thumbnails/31.png": real_images["31"],
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / name)
    for name, content in BAD_FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    (root / "bad" / "truncated.png").write_bytes(real_images["33"].read_bytes()[:-500])
    (root / "holiday.mp4").write_text("no image")
    (root / "notes.txt").write_text("no image")
    return root


@pytest.fixture
def local_photos(photos: Path) -> Path:
    """With what only the disks of a machine can have, too."""
    for name in (os.fsdecode(b"street/latin \xe9.png"), "street/two\nlines.png"):
        shutil.copy(photos / "33.png", photos / name)
    (photos / "bad" / "dangling.png").symlink_to("nowhere")
    os.mkfifo(photos / "bad" / "pipe.png")
    (photos / "loop").symlink_to(photos, target_is_directory=True)
    return photos
