"""Addresses: what is understood, read, written whole and found below them. No cluster is needed."""

import os
import pickle
from pathlib import Path
from threading import Thread
from uuid import uuid4

import boto3
import pytest

from detector.folders.file_kinds import ignore
from detector.folders.listing import list_images
from detector.folders.sharded import storage
from detector.folders.sharded.sharded_job import check_images
from detector.folders.sharded.storage import StorageDir, storage_at
from detector.folders.sharded.work_units import list_stored_images
from detector.results.errors import ImageTooLargeError, ImageUnreadableError, InvalidOptionError

pytestmark = pytest.mark.ray


@pytest.fixture(params=["local", "file://", "s3://", "memory://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorageDir:
    """An empty one of each kind: a path, an address of one, an object store, and one that only fsspec knows."""
    if request.param == "s3://":
        port = request.getfixturevalue("s3_port")
        return storage_at(
            f"s3://archive/{uuid4().hex}?scheme=http&endpoint_override=127.0.0.1:{port}", "output"
        )
    addresses = {
        "local": str(tmp_path),
        "file://": tmp_path.as_uri(),
        "memory://": f"memory://{uuid4().hex}",
    }
    return storage_at(addresses[request.param], "output")


def test_what_is_written_is_read_listed_replaced_and_removed(place: StorageDir) -> None:
    assert not place.has("a b/1 %.json")
    place.write("a b/1 %.json", b"one")
    place.write("a b/1 %.json", b"two")
    place.write("2.json", b"")
    assert place.has("a b/1 %.json")
    assert not place.has("a b")
    assert place.is_folder()
    assert not place.is_file()
    assert place.read("a b/1 %.json") == b"two"
    assert place.read("2.json") == b""
    assert {entry.base_name for entry in place.entries()} == {"a b", "2.json"}
    assert [entry.base_name for entry in place.entries("a b")] == ["1 %.json"]
    place.remove("2.json")
    assert not place.has("2.json")
    with pytest.raises(FileNotFoundError):
        place.read("2.json")


def test_it_travels_by_its_address_alone(place: StorageDir) -> None:
    place.write("x", b"1")
    other: StorageDir = pickle.loads(pickle.dumps(place))
    assert other == place
    assert other.read("x") == b"1"
    assert "endpoint" not in other.name


def test_writers_of_one_file_do_not_meet(place: StorageDir) -> None:
    contents = [bytes([number]) * 300_000 for number in range(8)]
    writers = [Thread(target=place.write, args=("shard", content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert place.read("shard") in contents
    assert [entry.base_name for entry in place.entries()] == ["shard"], "nothing unfinished stays"


def test_images_that_cannot_be_read_say_why(place: StorageDir, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("street/1.png", b"123")
    assert place.read_image("street/1.png") == b"123"
    with pytest.raises(ImageUnreadableError, match="the file cannot be read: No such file or directory"):
        place.read_image("street/2.png")
    if place.local is None:
        monkeypatch.setattr(storage, "MAX_FILE_BYTES", 2)
        with pytest.raises(ImageTooLargeError, match="the file has 3 bytes; at most 2 are read"):
            place.read_image("street/1.png")


def test_files_are_found_as_on_one_machine(place: StorageDir, tmp_path: Path) -> None:
    names = ["b.png", "a/2.jpg", "a/1.PNG", "a-b.png", "a.b/c/deep.gif", "notes.txt", "a/x.jpg.txt"]
    other = tmp_path / "other"
    for name in names:
        place.write(f"photos/{name}", b"x")
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes(b"x")
    photos = storage_at(_below(place, "photos"), "images")
    found = [entry.name for entry in list_stored_images(photos, ignore)]
    assert sorted(found) == [image.name for image in list_images(other)]
    if place.local is None:
        assert found == sorted(found), "in the order of their paths, though none is held back"


def _below(place: StorageDir, name: str) -> str:
    path, _, query = place.address.partition("?")
    return f"{path}/{name}?{query}" if query else f"{path}/{name}"


def test_a_folder_that_is_closed_is_found_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / os.fsdecode(b"\xff.png")).touch()
    found = {
        entry.name: entry.error for entry in list_stored_images(storage_at(str(tmp_path), "images"), ignore)
    }
    assert os.fsdecode(b"\xff.png") in found
    if os.geteuid() != 0:  # root may look everywhere
        assert "cannot be read" in str(found["closed"])


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nowhere://bucket/x", "nowhere"),
        ("s3://key:secret@bucket/x", "password"),
        ("s3://bucket/x?wrong=1", "wrong"),
    ],
)
def test_refused_addresses(address: str, reason: str) -> None:
    with pytest.raises(InvalidOptionError, match=reason) as refusal:
        storage_at(address, "images")
    assert refusal.value.field == "images"
    assert "secret" not in str(refusal.value)


def test_a_bucket_that_is_not_there(s3_port: int) -> None:
    place = storage_at(f"s3://none/x?scheme=http&endpoint_override=127.0.0.1:{s3_port}", "images")
    with pytest.raises(InvalidOptionError, match="s3://none/x cannot be read: there is none"):
        check_images(place)
    with pytest.raises(OSError, match="NO_SUCH_BUCKET"):
        place.write("00000000.jsonl", b"")


def test_s3_shows_no_part_of_a_file(s3_port: int) -> None:
    """What an upload that was cut short leaves is no object."""
    store = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_port}")
    upload = store.create_multipart_upload(Bucket="archive", Key="torn/00000000.jsonl")
    part = {"Bucket": "archive", "Key": "torn/00000000.jsonl", "UploadId": upload["UploadId"]}
    store.upload_part(**part, PartNumber=1, Body=b"x" * 6_000_000)
    place = storage_at(f"s3://archive/torn?scheme=http&endpoint_override=127.0.0.1:{s3_port}", "output")
    assert not place.has("00000000.jsonl")
    assert place.entries() == []
